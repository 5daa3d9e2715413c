"""Attention in NumPy: the equations of `charlm.layers.attention`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlm.config import ModelConfig
from charlm.runtime.cells import Array

_NEVER = np.finfo(np.float32).min


def attention_shapes(kind: str, units: int) -> dict[str, tuple[int, ...]]:
    """Returns the name and shape of each weight of an attention of this kind."""
    shapes: dict[str, tuple[int, ...]] = {}
    if kind in ("additive", "general"):
        shapes["key_kernel"] = (units, units)
    if kind == "additive":
        shapes |= {"query_kernel": (units, units), "vector": (units,)}
    return {**shapes, "kernel": (2 * units, units), "bias": (units,)}


class Attention:
    """Looks for what queries need in a memory.

    Args:
        config: says the kind and the number of heads.
        tensors: the weights, by the names of `attention_shapes`.
    """

    def __init__(self, config: ModelConfig, tensors: Mapping[str, NDArray[Any]]):
        self.kind, self.heads, self.tensors = config.attention_kind, config.heads, tensors

    def keys(self, memory: Array) -> Array:
        """Returns the keys `(B, S, H)` of a memory `(B, S, H)`."""
        return memory @ self.tensors["key_kernel"] if "key_kernel" in self.tensors else memory

    def __call__(self, queries: Array, memory: Array, keys: Array, mask: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Takes queries `(B, T, H)`, and a memory with its keys and mask; returns outputs `(B, T, H)` and weights.

        Returns:
            Outputs `(B, T, H)`, and weights `(B, heads, T, S)`.
        """
        scores = np.where(mask[:, None, None, :], self._score(queries, keys), _NEVER)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        context = weights @ self._split(memory)  # (B, heads, T, D)
        context = context.transpose(0, 2, 1, 3).reshape(queries.shape)  # (B, T, H)
        joined = np.concatenate([context, queries], axis=2) @ self.tensors["kernel"]
        joined += self.tensors["bias"]
        return np.tanh(joined, out=joined), weights

    def _score(self, queries: Array, keys: Array) -> Array:
        if self.kind == "additive":
            projected, keys = self._split(queries @ self.tensors["query_kernel"]), self._split(keys)
            vector = self.tensors["vector"].reshape(self.heads, -1, 1)
            steps = range(queries.shape[1])  # one at a time: all at once are T times the memory
            rows: list[Array] = [np.tanh(projected[:, :, t, None] + keys) @ vector for t in steps]  # (B, heads, S, 1)
            return np.concatenate(rows, axis=3).swapaxes(2, 3)
        queries = self._split(queries)
        scores = queries @ self._split(keys).swapaxes(2, 3)  # (B, heads, T, S)
        if self.kind == "scaled":
            scores /= np.float32(queries.shape[-1] ** 0.5)
        return scores

    def _split(self, x: Array) -> Array:
        """Deals the width to the heads: `(B, T, H)` to `(B, heads, T, D)`."""
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(0, 2, 1, 3)
