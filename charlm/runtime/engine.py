"""The contract of every engine: a state goes in, a state comes out."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

State = tuple[NDArray[Any], ...]


class Decoder(Protocol):
    """A model that reads ids and predicts the next one, from a state that it was given.

    Its state is a flat tuple of arrays, rows first, so that batching and beams are gathers.
    """

    vocab_size: int

    def step(self, ids: NDArray[np.integer], state: State) -> tuple[NDArray[np.float32], State]:
        """Reads one id a row, `(B,)`; returns logits `(B, V)` and the state after."""
        ...

    def unroll(self, ids: NDArray[np.int32], state: State) -> tuple[NDArray[np.float32], State]:
        """Reads ids `(B, T)`; returns logits `(B, T, V)` and the state after."""
        ...


class Engine(Decoder, Protocol):
    """A decoder that can start from nothing."""

    def initial_state(self, batch_size: int) -> State:
        """Returns the state before anything is read: `batch_size` rows."""
        ...
