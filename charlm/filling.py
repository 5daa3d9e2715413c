"""Gaps in a text, filled by a model that reads from both sides."""

import itertools
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlm.errors import ConfigError
from charlm.options import option, validate
from charlm.runtime.bidirectional import BidirectionalEngine
from charlm.runtime.engine import State
from charlm.runtime.language_model import LanguageEngine
from charlm.sampling import NEVER_DRAWN, log_softmax, softmax
from charlm.scoring import CHUNK, WARM_UP, charge_next, rows_at_once
from charlm.tokenizer import BOS, EOS, UNKNOWN, Ids, Tokenizer

_CONTEXT = 48  #: ids beyond a gap by which its candidates are judged
_BYTES = 4  #: of a character, at most
_ROWS = 256  #: texts that are read at once, at most
_LONGEST = 64  #: characters that {…} can hide

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Gaps:
    """Gaps."""

    mark: str = option("_", "stands for one hidden character")
    max_length: int = option(
        12, "characters that {…} may hide, at most; {8} says so itself", minimum=1, maximum=_LONGEST
    )
    beam: int = option(32, "candidates from either side", minimum=1, metavar="K")
    n: int = option(5, "answers, at most", minimum=1)
    temperature: float = option(0.0, "above 0, answers are drawn; else the likeliest come first", minimum=0)
    seed: int = option(0, "seed of the draws", minimum=0)
    unknown: str = option("error", "what to do with characters that the model has never seen", choices=UNKNOWN)

    def __post_init__(self) -> None:
        validate(self)
        if not self.mark:
            raise ConfigError("`mark` must be a character, or several. Received: mark=''.")


@dataclass(frozen=True)
class Filling:
    """A text whose gaps are filled."""

    text: str
    gaps: tuple[str, ...]  #: what stands in each
    probability: float  #: among the answers that were found


@dataclass(frozen=True)
class Template:
    """A text with gaps: one between each two of its parts.

    >>> Template.parse("The ___ f{…}", mark="_", max_length=12)
    Template(parts=('The ', ' f', ''), lengths=((3, 3), (0, 12)))
    """

    parts: tuple[str, ...]
    lengths: tuple[tuple[int, int], ...]  #: the fewest and the most characters of each gap

    @classmethod
    def parse(cls, text: str, *, mark: str, max_length: int) -> "Template":
        """Finds the gaps of a text: a run of marks, a character each; `{…}`, `{...}` or `{8}`, of up to so many.

        Raises:
            ConfigError: one may be too long.
        """
        gap = re.compile(rf"((?:{re.escape(mark)})+)|\{{(?:…|\.\.\.|(\d+))\}}")
        parts, lengths, end = [], [], 0
        for found in gap.finditer(text):
            known, most = found.groups()
            parts.append(text[end : found.start()])
            if len(most or "") > 2 or int(most or 0) > _LONGEST:
                raise ConfigError(f"A gap hides {_LONGEST} characters at most. Received: {found[0]}.")
            lengths.append((len(known) // len(mark),) * 2 if known else (0, int(most or max_length)))
            end = found.end()
        if not lengths:
            log.warning("There is no gap in %r: write %s for each hidden character, or {…} for some.", text, mark)
        return cls((*parts, text[end:]), tuple(lengths))

    def fill(self, gaps: Sequence[str]) -> str:
        """Returns the text with something in each gap."""
        return "".join(itertools.chain(*zip(self.parts, (*gaps, ""), strict=True)))


@dataclass(frozen=True)
class _Draft:
    ids: Ids  #: from the beginning of the text to the next gap
    gaps: tuple[Ids, ...]
    score: float


def fill(engine: BidirectionalEngine, tokenizer: Tokenizer, text: str, options: Gaps) -> list[Filling]:
    """Fills the gaps of a text; one without gaps is its own answer.

    Each gap, from the left to the right, gets candidates by beam search from both sides. They are ranked by the mean of
    what the forward and the backward model make of them and of the text beyond them: the geometric mean of two
    probabilities of the same text.

    Args:
        engine: the model.
        tokenizer: its tokenizer.
        text: with gaps, as `Template.parse` finds them.
        options: how they are marked, and how many answers are wanted.

    Returns:
        Different answers, the likeliest first; with a temperature, in the order in which they were drawn.

    Raises:
        ConfigError: a gap may be too long, or nothing was found that fills it.
        UnknownCharacterError: the text has a character that the model does not know.
    """
    template = Template.parse(text, mark=options.mark, max_length=options.max_length)
    first, *others = (tokenizer.encode(part, unknown=options.unknown) for part in template.parts)
    drafts = [_Draft(first, (), 0.0)]
    for part, lengths in zip(others, template.lengths, strict=True):
        after = Side.read(engine.backward, part[::-1])
        backward = after.search(tokenizer.characters_per_id, lengths, options.beam)
        grown = []
        for draft in drafts:
            before = Side.read(engine.forward, draft.ids)
            forward = before.search(tokenizer.characters_per_id, lengths, options.beam)
            texts = _whole(tokenizer, {*forward, *(ids[::-1] for ids in backward)})
            grown += [
                _Draft(np.concatenate([draft.ids, ids, part]), (*draft.gaps, ids), draft.score + score)
                for ids, score in zip(texts, _price_between(before, texts, after) if texts else (), strict=True)
            ]
        if not grown:
            raise ConfigError("Nothing was found that fills the text. Raise `beam`, or hide something else.")
        drafts = sorted(grown, key=lambda draft: -draft.score)[: options.beam]
    answers: dict[tuple[str, ...], float] = {}  # what stands in the gaps, which other ids may spell too
    for draft, score in zip(drafts, _judge(engine, [draft.ids for draft in drafts]), strict=True):
        gaps = tuple(tokenizer.decode(ids) for ids in draft.gaps)
        answers[gaps] = float(np.logaddexp(answers.get(gaps, -np.inf), score))
    scores = np.array(list(answers.values()))
    probabilities, found = softmax(scores), list(answers)
    return [
        Filling(template.fill(found[place]), found[place], float(probabilities[place]))
        for place in _rank(scores, options)[: options.n]
    ]


def _rank(scores: Floats, options: Gaps) -> NDArray[np.int64]:
    """Returns the likeliest first; with a temperature, an order drawn without replacement (Gumbel 1954)."""
    if options.temperature:
        noise = np.random.default_rng(options.seed).gumbel(size=len(scores))
        scores = scores / options.temperature + noise
    return np.argsort(-scores, kind="stable")


def _whole(tokenizer: Tokenizer, found: Iterable[tuple[int, ...]]) -> list[Ids]:
    """Returns what was found, in one order always, without what ends within a character."""
    texts = [np.array(ids, np.int32) for ids in sorted(found)]
    return [ids for ids in texts if tokenizer.kind == "char" or "\ufffd" not in tokenizer.decode(ids)]


def _judge(engine: BidirectionalEngine, texts: Sequence[Ids]) -> Floats:
    """Returns the mean log-probability of whole texts in both directions."""
    nothing = np.zeros(0, np.int32)
    return _price_between(Side.read(engine.forward, nothing), texts, Side.read(engine.backward, nothing))


def _price_between(before: "Side", candidates: Sequence[Ids], after: "Side") -> Floats:
    """Returns the mean of two log-probabilities: of candidates and what follows, and of them and what precedes."""
    forward = before.price([np.concatenate([ids, after.ids[::-1][:_CONTEXT]]) for ids in candidates])
    backward = after.price([np.concatenate([ids[::-1], before.ids[::-1][:_CONTEXT]]) for ids in candidates])
    return -(forward + backward) / 2


@dataclass(frozen=True)
class Side:
    """What stands on one side of a gap, read up to it by a model of that direction."""

    engine: LanguageEngine
    ids: Ids  #: in the order of reading
    logits: NDArray[np.float32]  #: of what comes next, `(1, V)`
    state: State

    @classmethod
    def read(cls, engine: LanguageEngine, ids: Ids) -> "Side":
        """Reads a text, or the last part of a long one."""
        text = np.concatenate([[BOS], ids[-WARM_UP:]])[None].astype(np.int32)
        logits, state = engine.unroll(text, engine.initial_state(1))
        return cls(engine, ids, logits[:, -1], state)

    def price(self, texts: Sequence[Ids]) -> Floats:
        """Returns what the model charges for each text that may come next, in nats."""
        rows = min(rows_at_once(CHUNK, self.engine.vocab_size), _ROWS)
        parts = (texts[begin : begin + rows] for begin in range(0, len(texts), rows))
        return np.concatenate([charge_next(self.engine, *self._repeat(len(some)), some) for some in parts])

    def _repeat(self, rows: int) -> tuple[NDArray[np.float32], State]:
        return np.repeat(self.logits, rows, axis=0), tuple(np.repeat(part, rows, axis=0) for part in self.state)

    def search(self, sizes: NDArray[np.integer], lengths: tuple[int, int], beam: int) -> list[tuple[int, ...]]:
        """Finds by beam search what may come next: the likeliest texts of each number of ids, of so many characters.

        Args:
            sizes: characters of each id, `(V,)`.
            lengths: characters of a text, at least and at most.
            beam: how many texts are followed at once.
        """
        fewest, most = lengths
        logits, state = self.logits, self.state
        ids, totals, written = np.zeros((1, 0), np.int32), np.zeros(1), np.zeros(1, np.int64)
        found: list[tuple[int, ...]] = [()] if fewest == 0 else []
        for _ in range(most if sizes[EOS + 1 :].min() else most * _BYTES):
            grown = totals[:, None] + log_softmax(logits)
            grown[NEVER_DRAWN], grown[:, EOS] = -np.inf, -np.inf
            grown[written[:, None] + sizes > most] = -np.inf
            places = np.argsort(-grown, axis=None, kind="stable")[: min(beam, int(np.isfinite(grown).sum()))]
            if not len(places):
                break
            parents, tokens = np.divmod(places, self.engine.vocab_size)
            ids = np.concatenate([ids[parents], tokens[:, None].astype(np.int32)], axis=1)
            totals, written = grown[parents, tokens], written[parents] + sizes[tokens]
            found += [tuple(row) for row, size in zip(ids.tolist(), written, strict=True) if size >= fewest]
            logits, state = self.engine.step(ids[:, -1], tuple(part[parents] for part in state))
        return found
