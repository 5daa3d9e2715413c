"""The next character of a text."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from charlm import scoring, streams
from charlm.backend import keras, tf
from charlm.config import Config
from charlm.corpus import Store
from charlm.generation import generate, stream_texts
from charlm.models.language_model import LanguageModel
from charlm.objectives.objective import Glimpse
from charlm.runtime.language_model import LanguageEngine
from charlm.sampling import Sampler
from charlm.tokenizer import EOS

SAMPLE_LENGTH = 200
SAMPLE_TEMPERATURE = 0.8


class LanguageObjective:
    """Teaches a language model to predict each next character of a text, state carried; an `Objective`.

    Args:
        store: the corpus.
        config: of the run.
    """

    model_class: Any = LanguageModel
    engine_class: Any = LanguageEngine

    def __init__(self, store: Store, config: Config):
        self.store, self.config = store, config
        self.tokenizers = {"tokenizer": store.tokenizer}
        training = config.training
        self._shape = {"batch_size": training.batch_size, "length": training.sequence_length}
        self.steps_per_epoch = streams.steps_per_epoch(store, "train", **self._shape)
        ids = store.tokens("validation")
        self.validation_ids = ids[:-1] if ids[-1] == EOS else ids
        self.validation_characters = store.splits["validation"].characters

    def describe(self) -> str:
        """Says how much text there is."""
        return (
            f"{self.store.splits['train'].characters:,} characters to train on, "
            f"{self.validation_characters:,} to validate"
        )

    def make_model(self) -> "keras.Model":
        """Makes the model."""
        return self.model_class.from_model_config(
            self.config.model, self.store.tokenizer.vocab_size, precision=self.config.training.precision
        )

    def batches(self, start: int) -> "tf.data.Dataset":
        """Streams the text from a step on."""
        return streams.contiguous(self.store, "train", **self._shape, seed=self.config.training.seed, start=start)

    def make_engine(self, weights: dict[str, np.ndarray]) -> Any:
        """Makes the engine that judges these weights."""
        return self.engine_class(self.config.model, self.store.tokenizer.vocab_size, weights)

    def price(self, engine: LanguageEngine) -> Iterator[tuple[float, float]]:
        """Yields the nats of some more of the validation split, and the share that is done; see `score_chunks`."""
        for _, charged, share in scoring.score_chunks(engine, self.validation_ids):
            yield float(charged.sum()), share

    def show(self, engine: LanguageEngine) -> Glimpse:
        """Writes a sample."""
        sampler = Sampler(temperature=SAMPLE_TEMPERATURE)
        drawn = generate(engine, np.zeros(0, np.int32), sampler=sampler, length=SAMPLE_LENGTH)
        return Glimpse("".join(piece for _, piece in stream_texts(self.store.tokenizer, drawn, rows=1)), {})
