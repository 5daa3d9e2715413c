"""The label of a text."""

from collections.abc import Iterator, Mapping

import numpy as np

from charlm import streams
from charlm.backend import tf
from charlm.batching import plan_batches
from charlm.classification import ROWS, classify, judge_labels
from charlm.config import Config
from charlm.models.classifier import Classifier
from charlm.objectives.objective import Glimpse
from charlm.pairs import PairStore
from charlm.runtime.classifier import ClassificationEngine
from charlm.tokenizer import SPECIALS

SHOWN = 4  #: texts
JUDGED = 1024  #: texts


class ClassificationObjective:
    """Teaches a classifier the label of each text; an `Objective`, whose characters are labels.

    Args:
        store: texts and labels.
        config: of the run.
        start: tensors by name that the model begins with.
    """

    def __init__(self, store: PairStore, config: Config, *, start: Mapping[str, np.ndarray] | None = None):
        self.store, self.config, self._start = store, config, start or {}
        self.tokenizers = {"tokenizer": store.tokenizer, "source_tokenizer": store.source_tokenizer}
        self._plan = plan_batches(store.splits["train"], config.training)
        self.steps_per_epoch = len(self._plan)
        self._validation = store.splits["validation"]
        self.validation_characters = len(self._validation.pairs)
        self._texts = [self._validation.source[row][:-1] for row in range(len(self._validation.pairs))]
        self._wanted = self._validation.target.ids - len(SPECIALS)

    def describe(self) -> str:
        """Says how many texts there are."""
        return (
            f"{len(self.store.splits['train'].pairs):,} texts to train on, {len(self._texts):,} to validate, "
            f"{self.store.tokenizer.vocab_size - len(SPECIALS)} labels"
        )

    def make_model(self) -> Classifier:
        """Makes the model, with the weights that it begins with."""
        model = Classifier.from_model_config(
            self.config.model, *self.store.vocab_sizes, precision=self.config.training.precision
        )
        named = model.named_variables()
        for name, tensor in self._start.items():
            named[name].assign(tensor)
        return model

    def batches(self, start: int) -> "tf.data.Dataset":
        """Streams the texts from a step on."""
        return streams.pairs(
            self.store.splits["train"],
            self._plan,
            characters_per_id=self.store.tokenizer.characters_per_id,
            weight_per_id=self._weights() if self.config.model.balance else None,
            seed=self.config.training.seed,
            start=start,
        )

    def _weights(self) -> np.ndarray:
        """Returns weights by which all labels count alike, and an example 1 in the mean."""
        counts = np.bincount(self.store.splits["train"].target.ids, minlength=self.store.tokenizer.vocab_size)
        occurring = counts > 0
        weights = np.zeros(len(counts), np.float32)
        weights[occurring] = counts.sum() / (occurring.sum() * counts[occurring])
        return weights

    def make_engine(self, weights: dict[str, np.ndarray]) -> ClassificationEngine:
        """Makes the engine that judges these weights."""
        return ClassificationEngine(self.config.model, *self.store.vocab_sizes, weights)

    def price(self, engine: ClassificationEngine) -> Iterator[tuple[float, float]]:
        """Yields the nats of some more labels of the validation split, and the share that is done."""
        for begin in range(0, len(self._texts), ROWS):
            rows = slice(begin, begin + ROWS)
            probabilities = classify(engine, self._texts[rows])
            likelihoods = probabilities[np.arange(len(probabilities)), self._wanted[rows]]
            nats = -np.log(np.maximum(likelihoods, np.finfo(np.float32).tiny), dtype=np.float64)
            yield float(nats.sum()), min(begin + ROWS, len(self._texts)) / len(self._texts)

    def show(self, engine: ClassificationEngine) -> Glimpse:
        """Classifies the first texts of the validation split."""
        chosen = classify(engine, self._texts[:JUDGED]).argmax(1) + len(SPECIALS)
        labels = [self.store.tokenizer.decode([token]) for token in chosen]
        pairs = self._validation.pairs[:JUDGED]
        figures = judge_labels(labels, [label for _, label in pairs], self.store.tokenizer.entries())
        lines = [f"{text} → {label}" for (text, _), label in zip(pairs[:SHOWN], labels, strict=False)]
        return Glimpse("\n".join(lines), {name: figures[name] for name in ("accuracy", "macro_f1")})
