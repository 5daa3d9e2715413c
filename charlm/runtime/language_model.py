"""The language model in NumPy: embedding, recurrent layers, vocabulary."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlm.config import ModelConfig
from charlm.errors import BundleError
from charlm.runtime.cells import Array, State
from charlm.runtime.stack import Shapes, Stack, stack_shapes
from charlm.tokenizer import Ids


def expected_shapes(config: ModelConfig, vocab_size: int) -> Shapes:
    """Returns the name and shape of each tensor of a language model."""
    width, units = config.embedding_width, config.units
    layers = stack_shapes("layers", config.cells, width, units, mogrify=config.mogrify)
    return {"embedding": (vocab_size, width), **layers, **output_shapes(config, vocab_size)}


def output_shapes(config: ModelConfig, vocab_size: int) -> Shapes:
    """Returns the name and shape of each tensor between the last layer and the logits."""
    kernel: Shapes = {} if config.tie_weights else {"output.kernel": (config.units, vocab_size)}
    return kernel | {"output.bias": (vocab_size,)}


def output_kernel(config: ModelConfig, tensors: Mapping[str, NDArray[Any]]) -> Array:
    """Returns what the last layer's outputs are multiplied with, `(H, V)`."""
    return tensors["embedding"].T if config.tie_weights else tensors["output.kernel"]


class LanguageEngine:
    """Reads ids and predicts the next one; an `Engine`.

    Args:
        config: the network.
        vocab_size: `V`.
        tensors: the weights by name, as in a bundle.

    Raises:
        BundleError: a tensor is missing, left over, or has another shape or type than the config says.
    """

    def __init__(self, config: ModelConfig, vocab_size: int, tensors: Mapping[str, NDArray[Any]]):
        check_tensors(expected_shapes(config, vocab_size), tensors)
        self.vocab_size, self.units = vocab_size, config.units
        self._stack = Stack("layers", config.cells, config.units, tensors["embedding"], tensors)
        self._kernel, self._bias = output_kernel(config, tensors), tensors["output.bias"][None]

    def initial_state(self, batch_size: int) -> State:
        """Returns zeros: for each layer its state, `(B, H)` each."""
        return self._stack.initial_state(batch_size)

    def step(self, ids: NDArray[np.integer], state: State) -> tuple[Array, State]:
        """Reads one id a row, `(B,)`; returns logits `(B, V)` and the state after."""
        h, state = self._stack.step(ids, state)
        logits = np.dot(h, self._kernel)
        logits += self._bias
        return logits, state

    def unroll(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Reads ids `(B, T)`; returns logits `(B, T, V)` and the state after."""
        outputs, state = self._stack.unroll(ids, state)
        logits = outputs[-1] @ self._kernel  # (T, B, V)
        logits += self._bias
        return logits.transpose(1, 0, 2), state

    def read(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Reads ids `(B, T)`; returns the last layer's outputs `(B, T, H)` and the state after."""
        outputs, state = self._stack.unroll(ids, state)
        return outputs[-1].transpose(1, 0, 2), state

    def look(self, ids: Ids, state: State) -> tuple[list[dict[str, Array]], State]:
        """Reads ids `(T,)` from the state of one row; returns for each layer what is in it, `(T, H)` each by name.

        The names are `state`, an LSTM's `cell`, and those of the gates: `input`, `forget`, `output` and `candidate`, or
        a GRU's `update`, `reset` and `candidate`. The state after comes second.
        """
        return self._stack.look(ids, state)


def check_tensors(expected: Shapes, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Refuses tensors that are not those of a model.

    Raises:
        BundleError: a tensor is missing, left over, or has another shape or type.
    """
    for name, shape in expected.items():
        if name not in tensors:
            raise BundleError(f"The tensor '{name}' is missing from the bundle. Copy the bundle anew, or train again.")
        found = tensors[name]
        if found.shape != shape or found.dtype != np.float32:
            raise BundleError(
                f"The tensor '{name}' must be float32 {shape}, as the config says. "
                f"Received: {found.dtype} {found.shape}."
            )
    if extra := sorted(set(tensors) - set(expected)):
        raise BundleError(f"The bundle holds a tensor '{extra[0]}' that its config does not have. Train again.")
