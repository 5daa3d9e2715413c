"""What the training loop asks of a kind of model."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from charlm.backend import keras, tf
from charlm.tokenizer import Tokenizer


class Glimpse(NamedTuple):
    """What a user sees of a model during training."""

    text: str  #: a sample, or some translations
    figures: dict[str, float]  #: for the log, beside the losses


class Objective(Protocol):
    """What a run learns: its model, its batches, and how it is judged."""

    tokenizers: dict[str, Tokenizer]  #: by the names of their files in a bundle
    steps_per_epoch: int
    validation_characters: int

    def describe(self) -> str:
        """Says how much there is to train on."""
        ...

    def make_model(self) -> "keras.Model":
        """Makes the model, with weights that are all its own."""
        ...

    def batches(self, start: int) -> "tf.data.Dataset":
        """Streams training batches from a step on."""
        ...

    def make_engine(self, weights: dict[str, np.ndarray]) -> Any:
        """Makes the NumPy engine that judges these weights."""
        ...

    def price(self, engine: Any) -> Iterator[tuple[float, float]]:
        """Yields the nats of some more of the validation split, and the share of the work that is done."""
        ...

    def show(self, engine: Any) -> Glimpse:
        """Shows what the model can do."""
        ...
