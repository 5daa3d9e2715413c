"""The one decode loop: prompt ids in, drawn ids out, and from ids to text as it comes."""

import codecs
import operator
import re
from collections.abc import Generator, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from charlm.runtime.engine import Decoder, Engine, State
from charlm.sampling import Sampler
from charlm.tokenizer import BOS, EOS, Tokenizer

Drawing = Generator[NDArray[np.intp], NDArray[np.bool_] | None, None]  #: see `write`

_PROMPT_CHUNK = 512


def generate(
    engine: Engine,
    prompt_ids: NDArray[np.integer],
    *,
    sampler: Sampler,
    length: int,
    seed: int = 0,
    rows: int = 1,
    first: int = 0,
) -> Drawing:
    """Draws ids after a prompt, for several rows at once.

    Row `i` draws from a generator of its own, made from `(seed, i)`: it is the same alone or among others.

    Args:
        engine: the model.
        prompt_ids: `(T,)`, without `<bos>`; may be empty.
        sampler: makes probabilities of logits.
        length: ids to draw.
        seed: of all rows.
        rows: `B`, how many continuations of the prompt.
        first: the number of the first of them.

    Yields:
        Ids `(B,)`, one step at a time.
    """
    state = engine.initial_state(1)
    prompt = np.array([BOS, *prompt_ids], np.int32)
    for begin in range(0, len(prompt) - 1, _PROMPT_CHUNK):
        _, state = engine.unroll(prompt[None, begin : min(begin + _PROMPT_CHUNK, len(prompt) - 1)], state)
    logits, state = engine.step(prompt[-1:], state)
    logits, state = np.repeat(logits, rows, axis=0), tuple(np.repeat(part, rows, axis=0) for part in state)
    counts = np.tile(np.bincount(prompt, minlength=engine.vocab_size), (rows, 1))
    noise = sampler.noise(seed, range(first, first + rows), engine.vocab_size)
    yield from write(engine, logits, state, counts, noise, sampler=sampler, length=length)


def write(
    engine: Decoder,
    logits: NDArray[np.float32],
    state: State,
    counts: NDArray[np.int64],
    noise: Iterator[NDArray[np.float32]],
    *,
    sampler: Sampler,
    length: int,
) -> Drawing:
    """Draws ids, each after those before it: the one decode loop.

    Who has enough of some rows sends which are to go on, `(B,)`; from then on there are only those.

    Args:
        engine: the model.
        logits: of the first id, `(B, V)`.
        state: in which the engine gave them.
        counts: how often each id has been written, `(B, V)`; counted on where the sampler looks at it.
        noise: what decides the draws, of the sampler.
        sampler, length: as for `generate`.

    Yields:
        Ids `(B,)`, one step at a time.
    """
    rows, own, penalizes = np.arange(len(logits)), noise, sampler.repetition_penalty != 1
    for drawn in range(length):
        ids = sampler.draw(logits, next(own), counts)
        goes_on = yield ids
        if goes_on is not None:
            rows, ids, counts = rows[goes_on], ids[goes_on], counts[goes_on]
            own = map(operator.itemgetter(rows), noise)
            state = tuple(part[goes_on] for part in state)
        if penalizes:
            counts[np.arange(len(ids)), ids] += 1
        if drawn + 1 < length:
            logits, state = engine.step(ids, state)


def cut(tokenizer: Tokenizer, text: str, ids: NDArray[np.integer]) -> list[str]:
    """Returns what of a text each of its ids completes: a character, or several, or none.

    >>> cut(Tokenizer.bytes(), "é!", Tokenizer.bytes().encode("é!"))
    ['', 'é', '!']
    """
    if tokenizer.kind == "char":
        return list(text)  # what is unknown too
    stream = TextStream(tokenizer)
    pieces = [stream.feed(int(token)) for token in ids]
    return [*pieces[:-1], pieces[-1] + stream.finish()] if pieces else []


class TextStream:
    """Turns one row's ids into text as they come, and stops at `<eos>` or a stop string.

    Text is handed out as soon as it is certain: not within a character, nor where a stop string may have begun.
    A stop string itself is left out.

    Args:
        tokenizer: gives each id's piece.
        stop: strings that end the text.

    >>> stream = TextStream(Tokenizer.bytes(), stop=["END"])
    >>> [stream.feed(4 + byte) for byte in b"aEbEND"], stream.is_done
    (['a', '', 'Eb', '', '', ''], True)
    """

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str] = ()):
        self._pieces = tokenizer.pieces
        self._stop = [string for string in stop if string]
        self._ends = re.compile("|".join(map(re.escape, self._stop)) or "(?!)")  # nowhere, where there are none
        self._longest = max(map(len, self._stop), default=1) - 1
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self.is_done = False

    def feed(self, token: int) -> str:
        """Takes one id; returns the text that is now certain."""
        if self.is_done:
            return ""
        if token == EOS:
            return self.finish()
        self._held += self._decoder.decode(self._pieces[token])
        if end := self._ends.search(self._held):
            self._held = self._held[: end.start()]
            self._decoder.reset()  # of a character that began after the stop string
            return self.finish()
        certain = len(self._held) - self._possible_stop()
        text, self._held = self._held[:certain], self._held[certain:]
        return text

    def finish(self) -> str:
        """Ends the text; returns what was held back."""
        text = "" if self.is_done else self._held + self._decoder.decode(b"", final=True)
        self.is_done, self._held = True, ""
        return text

    def _possible_stop(self) -> int:
        """Returns how many characters at the end may be the beginning of a stop string."""
        lengths = range(min(self._longest, len(self._held)), 0, -1)
        return next((n for n in lengths if any(s.startswith(self._held[-n:]) for s in self._stop)), 0)


def stream_texts(
    tokenizer: Tokenizer, drawn: Drawing, *, rows: int, stop: Sequence[str] = ()
) -> Iterator[tuple[int, str]]:
    """Turns the ids of several rows into text as they come. Rows that have ended are drawn no further.

    Args:
        tokenizer: gives each id's piece.
        drawn: ids `(B,)`, one step at a time, as of `generate`.
        rows: `B`.
        stop: strings that end a text.

    Yields:
        The number of a row, and its next piece.
    """
    streams = [TextStream(tokenizer, stop) for _ in range(rows)]
    going, goes_on = list(range(rows)), None
    while going:
        try:
            ids = drawn.send(goes_on)
        except StopIteration:
            break
        for row, token in zip(going, ids.tolist(), strict=True):
            if piece := streams[row].feed(token):
                yield row, piece
        is_done = [streams[row].is_done for row in going]
        goes_on = None
        if any(is_done):
            goes_on = ~np.array(is_done)
            going = [row for row in going if not streams[row].is_done]
    for row, stream in enumerate(streams):
        if piece := stream.finish():
            yield row, piece
