"""The language model in NumPy: embedding, recurrent layers, vocabulary."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlm.config import ModelConfig
from charlm.errors import BundleError
from charlm.runtime.cells import CELL_CLASSES, Array, Cell, State
from charlm.tokenizer import Ids


def expected_shapes(config: ModelConfig, vocab_size: int) -> dict[str, tuple[int, ...]]:
    """Returns the name and shape of each tensor of a language model."""
    width, units = config.embedding_width, config.units
    shapes: dict[str, tuple[int, ...]] = {"embedding": (vocab_size, width)}
    for index, cell in enumerate(config.cells):
        columns = CELL_CLASSES[cell].gates * units
        shapes[f"layers.{index}.kernel"] = (width if index == 0 else units, columns)
        shapes[f"layers.{index}.recurrent_kernel"] = (units, columns)
        shapes[f"layers.{index}.bias"] = (*CELL_CLASSES[cell].bias_rows, columns)
    if not config.tie_weights:
        shapes["output.kernel"] = (units, vocab_size)
    shapes["output.bias"] = (vocab_size,)
    return shapes


class LanguageEngine:
    """Reads ids and predicts the next one; an `Engine`.

    The first layer's products with its inputs are taken once, for every id of the vocabulary, and looked up.

    Args:
        config: the network.
        vocab_size: `V`.
        tensors: the weights by name, as in a bundle.

    Raises:
        BundleError: a tensor is missing, left over, or has another shape or type than the config says.
    """

    def __init__(self, config: ModelConfig, vocab_size: int, tensors: Mapping[str, NDArray[Any]]):
        _check(expected_shapes(config, vocab_size), tensors)
        self.vocab_size, self.units = vocab_size, config.units
        self.layers: list[Cell] = [
            CELL_CLASSES[cell](*(tensors[f"layers.{index}.{part}"] for part in ("kernel", "recurrent_kernel", "bias")))
            for index, cell in enumerate(config.cells)
        ]
        self._table: Array = tensors["embedding"] @ self.layers[0].kernel + self.layers[0].input_bias  # (V, G)
        output_kernel = tensors["embedding"].T if config.tie_weights else tensors["output.kernel"]
        # What each layer's outputs are multiplied with: the next layer's kernel, and the vocabulary's at last.
        self._projections: list[tuple[Array, Array]] = [
            *((layer.kernel, layer.input_bias) for layer in self.layers[1:]),
            (output_kernel, tensors["output.bias"]),
        ]

    def initial_state(self, batch_size: int) -> State:
        """Returns zeros: for each layer its state, `(B, H)` each."""
        return tuple(
            np.zeros((batch_size, self.units), np.float32) for layer in self.layers for _ in range(layer.num_states)
        )

    def step(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Reads one id a row, `(B,)`; returns logits `(B, V)` and the state after."""
        x: Array = self._table.take(ids, axis=0)
        new: State = ()
        for layer, (kernel, bias) in zip(self.layers, self._projections, strict=True):
            after = layer.step(x, state[len(new) : len(new) + layer.num_states])
            x = np.dot(after[0], kernel)
            x += bias
            new += after
        return x, new

    def unroll(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Reads ids `(B, T)`; returns logits `(B, T, V)` and the state after."""
        logits, _, state = self.unroll_layers(ids, state)
        return logits, state

    def unroll_layers(self, ids: Ids, state: State) -> tuple[Array, list[Array], State]:
        """Reads ids `(B, T)`; returns logits `(B, T, V)`, each layer's outputs `(B, T, H)`, and the state after."""
        x: Array = self._table[ids.T]  # (T, B, G)
        new: State = ()
        outputs: list[Array] = []
        for layer, (kernel, bias) in zip(self.layers, self._projections, strict=True):
            after = state[len(new) : len(new) + layer.num_states]
            h = np.empty((*x.shape[:2], self.units), np.float32)  # (T, B, H)
            for t in range(len(x)):
                after = layer.step(x[t], after)
                h[t] = after[0]
            x = h @ kernel
            x += bias
            outputs.append(h.transpose(1, 0, 2))
            new += after
        return x.transpose(1, 0, 2), outputs, new


def _check(expected: dict[str, tuple[int, ...]], tensors: Mapping[str, NDArray[Any]]) -> None:
    for name, shape in expected.items():
        if name not in tensors:
            raise BundleError(f"The tensor '{name}' is missing from the bundle. Copy the bundle anew, or train again.")
        found = tensors[name]
        if found.shape != shape or found.dtype != np.float32:
            raise BundleError(
                f"The tensor '{name}' must be float32 {shape}, as the config says. "
                f"Received: {found.dtype} {found.shape}."
            )
        if not np.isfinite(found).all():
            raise BundleError(f"The tensor '{name}' holds values that are not finite. Train again.")
    if extra := sorted(set(tensors) - set(expected)):
        raise BundleError(f"The bundle holds a tensor '{extra[0]}' that its config does not have. Train again.")
