"""Texts to texts: a translation engine with its tokenizers."""

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlm.errors import ConfigError
from charlm.generation import cut
from charlm.options import make, option
from charlm.progress import Progress, open_bar
from charlm.runtime.translator import TranslationEngine
from charlm.sampling import Sampler
from charlm.threads import count_cores, map_on_cores
from charlm.tokenizer import BOS, UNK, Ids, Tokenizer
from charlm.translation import IDS_AT_ONCE, LENGTH_PENALTY, batches, pad, search, translate

log = logging.getLogger(__name__)

_END = "∎"
_ROWS = 64  #: texts whose vectors are made at once


@dataclass(frozen=True)
class Decoding(Sampler):
    """Decoding.

    A sampler that always takes the likeliest unless its temperature is raised, or a search for the best of many.
    """

    temperature: float = option(
        0.0, "above 0, translations are drawn; a beam search draws nothing", minimum=0, maximum=1e6
    )
    beam: int = option(
        1,
        "translations followed at once; the best is taken, and --json of `charlm translate` prints them all",
        minimum=1,
        maximum=4096,
        metavar="K",
    )
    length_penalty: float = option(
        LENGTH_PENALTY, "a beam is ranked by log-probability over length to this power", minimum=0, maximum=10
    )
    seed: int = option(0, "seed of the draws", minimum=0)
    batch_size: int = option(64, "rows at a time on each core, beams included", minimum=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        controls = [field.name for field in dataclasses.fields(Sampler)]
        changed = [name for name in controls if getattr(self, name) != getattr(Decoding, name)]
        if self.beam > 1 and changed:
            raise ConfigError(f"A beam search draws nothing. Received: {self._shown('beam', *changed)}. Leave out one.")
        if not self.temperature and (idle := [name for name in changed if name != "repetition_penalty"]):
            raise ConfigError(f"At temperature 0 nothing is drawn. Received: {self._shown(*idle)}. Raise temperature.")
        if self.beam == 1 and self.length_penalty != LENGTH_PENALTY:
            raise ConfigError(
                f"`length_penalty` ranks a beam. Received: {self._shown('beam', 'length_penalty')}. "
                "Raise beam, or leave it out."
            )

    def _shown(self, *names: str) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


@dataclass(frozen=True)
class Translation:
    """A translation of a source."""

    text: str
    score: float | None = None  #: of a beam search: log-probability over length to the power of the length penalty


@dataclass(frozen=True)
class Alignment:
    """Where a translator looked.

    `weights[t, s]` is how much it looked at the `s`-th piece of the source for the `t`-th of the target; the last
    pieces stand for the end. Heads are averaged.
    """

    source: list[str]
    target: list[str]
    weights: NDArray[np.float32]  #: `(T, S)`, each row adding up to 1


class TextTranslator:
    """Translates texts.

    Args:
        engine: the model.
        source_tokenizer: of what it reads.
        tokenizer: of what it writes.
        max_length: ids of a source or a translation, at most.
    """

    def __init__(
        self, engine: TranslationEngine, source_tokenizer: Tokenizer, tokenizer: Tokenizer, *, max_length: int
    ):
        self.engine, self.source_tokenizer, self.tokenizer = engine, source_tokenizer, tokenizer
        self.max_length = max_length

    def translate(
        self, sources: Sequence[str], *, first: int = 0, progress: Progress = None, **options: Any
    ) -> list[list[Translation]]:
        """Does the work of `Run.translations`."""
        decoding = make(Decoding, options)
        encoded = [self.source_tokenizer.encode(text, unknown="replace") for text in sources]
        self._warn(sources, encoded, "is left untranslated")
        results = [[Translation("")] for _ in sources]
        todo = np.flatnonzero([0 < len(ids) <= self.max_length for ids in encoded])
        rows = max(min(decoding.batch_size // decoding.beam, -(-len(todo) // count_cores())), 1)
        parts = [todo[places] for places in batches([len(encoded[row]) for row in todo], rows, ids=IDS_AT_ONCE)]
        parts.reverse()  # the longest first, so that all cores are done at about the same time

        def decode(part: NDArray[np.int64]) -> list[list[Translation]]:
            return self._decode([encoded[row] for row in part], (first + part).tolist(), decoding)

        with open_bar(progress, unit="text", total=len(todo)) as bar:
            decoded = map_on_cores(decode, parts, report=lambda found: bar.update(len(found)))
        for part, found in zip(parts, decoded, strict=True):
            for row, translations in zip(part, found, strict=True):
                results[row] = translations
        return results

    def _warn(self, sources: Sequence[str], encoded: Sequence[Ids], fate: str) -> None:
        unknown = sorted(
            {text[place] for text, ids in zip(sources, encoded, strict=True) for place in self._unknown(ids)}
        )
        if unknown:
            log.warning("The model has never seen %s: read as <unk>.", ", ".join(map(repr, unknown[:10])))
        for text, ids in zip(sources, encoded, strict=True):
            if len(ids) > self.max_length:
                log.warning(
                    "A text of %s ids %s, as the model reads at most %d: %r. Cut it into sentences.",
                    f"{len(ids):,}",
                    fate,
                    self.max_length,
                    text[:40] + "…",
                )

    def _unknown(self, ids: Ids) -> list[int]:
        """Returns the places of characters that a `char` tokenizer does not know; the others know all."""
        return np.flatnonzero(ids == UNK).tolist() if self.source_tokenizer.kind == "char" else []

    def _decode(self, sources: list[Ids], numbers: list[int], decoding: Decoding) -> list[list[Translation]]:
        if decoding.beam == 1:
            written = translate(
                self.engine,
                self.engine.encode(pad(sources)),
                sampler=decoding,
                length=self.max_length,
                seed=decoding.seed,
                numbers=numbers,
            )
            return [[Translation(self.tokenizer.decode(ids))] for ids in written]
        found = search(
            self.engine,
            sources,
            beam=decoding.beam,
            length=self.max_length,
            length_penalty=decoding.length_penalty,
        )
        return [[Translation(self.tokenizer.decode(one.ids), one.score) for one in beam] for beam in found]

    def align(self, source: str, target: str | None = None) -> Alignment:
        """Does the work of `Run.align`."""
        if not self.engine.has_attention:
            raise ConfigError("The model has no attention to show. Train with --task translate --attention general.")
        text = self.translate([source])[0][0].text if target is None else target
        read, written = (
            tokenizer.encode(side, unknown="replace")
            for tokenizer, side in ((self.source_tokenizer, source), (self.tokenizer, text))
        )
        inputs = np.concatenate([[BOS], written])[None].astype(np.int32)
        _, weights, _ = self.engine.unroll_attention(inputs, self.engine.encode(pad([read])))
        return Alignment(
            [*cut(self.source_tokenizer, source, read), _END],
            [*cut(self.tokenizer, text, written), _END],
            weights[0].mean(axis=0),
        )

    def embed(self, texts: Sequence[str], *, progress: Progress = None) -> NDArray[np.float32]:
        """Does the work of `Run.embed`, and of `Run.encode` for a text."""
        encoded = [self.source_tokenizer.encode(text, unknown="replace") for text in texts]
        self._warn(texts, encoded, "has a vector that may tell little of it")
        vectors = np.concatenate(self._state([np.zeros(0, np.int32)]), axis=1).repeat(len(texts), axis=0)
        with open_bar(progress, unit="text", total=len(texts)) as bar:
            for rows in batches([len(ids) for ids in encoded], _ROWS, ids=IDS_AT_ONCE):
                vectors[rows] = np.concatenate(self._state([encoded[row] for row in rows]), axis=1)
                bar.update(len(rows))
        return vectors

    def decode(self, vector: NDArray[np.float32]) -> str:
        """Does the work of `Run.decode`."""
        zeros = self._state([np.zeros(0, np.int32)])
        expected = (sum(part.shape[1] for part in zeros),)
        if np.shape(vector) != expected:
            raise ConfigError(f"`vector` must be of the shape {expected}. Received: {np.shape(vector)}.")
        state = self.engine.begin(tuple(np.split(np.asarray(vector, np.float32)[None], len(zeros), axis=1)))
        (ids,) = translate(self.engine, state, sampler=Sampler(temperature=0), length=self.max_length)
        return self.tokenizer.decode(ids)

    def _state(self, rows: Sequence[Ids]) -> tuple[NDArray[np.float32], ...]:
        """Returns the state between encoder and decoder, `(B, H)` each, of a model that has nothing but that."""
        if self.engine.has_attention:
            raise ConfigError("A translator with attention makes no vector of a text. Train with --task autoencode.")
        return self.engine.encode(pad(rows))[: self.engine.num_states]
