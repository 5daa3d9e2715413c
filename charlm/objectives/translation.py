"""The target of a source; or, for an autoencoder, the source itself."""

import logging
from collections.abc import Iterator

import numpy as np

from charlm import streams
from charlm.backend import tf
from charlm.batching import plan_batches
from charlm.config import Config
from charlm.metrics import chrf, exact_match, has_sacrebleu
from charlm.models.translator import Translator
from charlm.objectives.objective import Glimpse
from charlm.pairs import PairStore
from charlm.runtime.translator import TranslationEngine
from charlm.sampling import Sampler
from charlm.translation import batches, pad, price, translate

log = logging.getLogger(__name__)

ROWS = 128  #: validated at a time, as far as their logits are no more than
VALUES = 1 << 25
SHOWN = 4  #: translations
JUDGED = 64  #: translations


class TranslationObjective:
    """Teaches a translator to write each target after its source; an `Objective`.

    Args:
        store: the pairs.
        config: of the run.
    """

    def __init__(self, store: PairStore, config: Config):
        self.store, self.config = store, config
        self.tokenizers = {"tokenizer": store.tokenizer}
        if not config.data.shared_vocabulary:
            self.tokenizers["source_tokenizer"] = store.source_tokenizer
        self._plan = plan_batches(store.splits["train"], config.training)
        self.steps_per_epoch = len(self._plan)
        self._validation = store.splits["validation"]
        self.validation_characters = self._validation.characters
        if not has_sacrebleu():
            log.info("chrF is not shown without sacrebleu. Install it with: pip install sacrebleu")

    def describe(self) -> str:
        """Says how many pairs there are."""
        return (
            f"{len(self.store.splits['train'].pairs):,} pairs to train on, {len(self._validation.pairs):,} to validate"
        )

    def make_model(self) -> Translator:
        """Makes the model."""
        return Translator.from_model_config(
            self.config.model, *self.store.vocab_sizes, precision=self.config.training.precision
        )

    def batches(self, start: int) -> "tf.data.Dataset":
        """Streams the pairs from a step on."""
        return streams.pairs(
            self.store.splits["train"],
            self._plan,
            characters_per_id=self.store.tokenizer.characters_per_id,
            seed=self.config.training.seed,
            start=start,
        )

    def make_engine(self, weights: dict[str, np.ndarray]) -> TranslationEngine:
        """Makes the engine that judges these weights."""
        return TranslationEngine(self.config.model, *self.store.vocab_sizes, weights)

    def price(self, engine: TranslationEngine) -> Iterator[tuple[float, float]]:
        """Yields the nats of some more of the validation targets, each after its source, and the share that is done."""
        lengths = self._validation.target.lengths
        total, longest = (int(figure) for figure in (lengths.sum(), lengths.max()))
        at_once = max(min(ROWS, VALUES // (longest * engine.vocab_size)), 1)
        done = 0
        for rows in batches(lengths, at_once):
            sources, targets = self._texts(rows)
            done += sum(map(len, targets)) + len(targets)
            yield sum(float(nats[:-1].sum()) for nats in price(engine, sources, targets)), done / total

    def show(self, engine: TranslationEngine) -> Glimpse:
        """Translates the first few sources of the validation split, and judges some more."""
        rows = np.arange(min(JUDGED, len(self._validation.pairs)))
        state = engine.encode(pad(self._texts(rows)[0]))
        written = translate(engine, state, sampler=Sampler(temperature=0), length=self.config.data.max_length)
        texts = [self.store.tokenizer.decode(ids) for ids in written]
        pairs = self._validation.pairs[: len(texts)]
        targets = [target for _, target in pairs]
        lines = [f"{source} → {text}" for (source, _), text in zip(pairs[:SHOWN], texts, strict=False)]
        figures = {"exact_match": exact_match(texts, targets)}
        if has_sacrebleu():
            figures["chrf"] = chrf(texts, targets)
        return Glimpse("\n".join(lines), figures)

    def _texts(self, rows: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Returns the ids of validation pairs, without their `<eos>`."""
        sources, targets = (
            [side[row][:-1] for row in rows] for side in (self._validation.source, self._validation.target)
        )
        return sources, targets
