"""The forecaster in NumPy: the recurrent stack on numbers, and quantiles of what follows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlm.config import ModelConfig
from charlm.errors import BundleError
from charlm.runtime.cells import Array, Cell, State
from charlm.runtime.language_model import check_tensors
from charlm.runtime.stack import Shapes, make_layer, run_layer, stack_shapes, zeros

QUANTILES = (0.1, 0.5, 0.9)  #: the median between the ends of an interval of 80%


def expected_shapes(config: ModelConfig, columns: int) -> Shapes:
    """Returns the name and shape of each tensor of a forecaster."""
    shapes: Shapes = {f"scale.{name}": (columns,) for name in ("mean", "deviation", "margin")}
    shapes |= stack_shapes("layers", config.cells, columns, config.units)
    if config.decoder:
        shapes |= stack_shapes("decoder", config.cells, 1, config.units)
    values = columns * len(QUANTILES) * (1 if config.decoder else config.horizon)
    return shapes | {"output.kernel": (config.units, values), "output.bias": (values,)}


class ForecastEngine:
    """Reads windows of a series and gives quantiles of what follows, or of the windows themselves.

    Args:
        config: the network.
        columns: `C`.
        tensors: the weights by name, as in a bundle.

    Raises:
        BundleError: a tensor is missing, left over, or has another shape or type than the config says.
    """

    def __init__(self, config: ModelConfig, columns: int, tensors: Mapping[str, NDArray[Any]]):
        check_tensors(expected_shapes(config, columns), tensors)
        self.config, self.columns = config, columns
        self.mean, self.deviation, self.margin = (tensors[f"scale.{name}"] for name in ("mean", "deviation", "margin"))
        if (self.deviation <= 0).any():
            raise BundleError("The tensor 'scale.deviation' must be above 0. Copy the bundle anew, or train again.")
        layers = list(enumerate(config.cells))
        self._layers = [make_layer(f"layers.{index}", cell, tensors) for index, cell in layers]
        self._decoder = [make_layer(f"decoder.{index}", cell, tensors) for index, cell in layers if config.decoder]
        self._kernel, self._bias = tensors["output.kernel"], tensors["output.bias"]

    def encode(self, values: Array) -> State:
        """Reads windows `(B, S, C)` of mean 0 and deviation 1; returns the state after, each layer's `h` (and `c`)."""
        begin = tuple(part for layer in self._layers for part in zeros(layer, len(values), self.config.units))
        _, state = _run(self._layers, values.transpose(1, 0, 2), begin)
        return state

    def decode(self, state: State) -> Array:
        """Gives quantiles `(B, K, C, Q)` from a state, of `horizon` steps."""
        if self._decoder:
            progress = np.arange(1, self.config.horizon + 1, dtype=np.float32) / np.float32(self.config.horizon)
            x = np.tile(progress[:, None, None], (1, len(state[0]), 1))  # (K, B, 1)
            hidden = _run(self._decoder, x, state)[0].transpose(1, 0, 2)
            hidden = hidden[:, ::-1] if self.config.rebuild else hidden
        else:
            hidden = state[-self._layers[-1].num_states]
        quantiles = hidden @ self._kernel + self._bias
        return quantiles.reshape(len(hidden), -1, self.columns, len(QUANTILES))

    def read(self, values: Array) -> Array:
        """Reads windows `(B, S, C)` of mean 0 and deviation 1; returns quantiles `(B, K, C, Q)`."""
        return self.decode(self.encode(values))


def _run(layers: list[Cell], x: Array, state: State) -> tuple[Array, State]:
    """Runs layers over inputs `(T, B, D)`; returns the last one's outputs `(T, B, H)`, and the state after of all."""
    new: State = ()
    for layer in layers:
        own = state[len(new) : len(new) + layer.num_states]
        x, after = run_layer(layer, x @ layer.kernel + layer.input_bias, own)
        new += after
    return x, new
