"""One time step of each recurrent cell, with the equations of `keras.layers`.

A cell takes the tensors of a bundle, in Keras's order of gates, and arranges them for speed: the gates that go through
the logistic function lie together, and their weights are halved, for σ(x) = (tanh(x / 2) + 1) / 2. So one call of
tanh serves several gates; halving is exact in binary floating point.
"""

from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
State = tuple[Array, ...]

_HALF = np.array(0.5, np.float32)  # an array: NumPy takes it as it is, and quicker than a number


def _arrange(tensor: Array, order: Sequence[int], sigmoids: int) -> Array:
    """Puts a tensor's gates into another order, and halves the first `sigmoids` of them."""
    gates = np.split(tensor, len(order), axis=-1)
    parts = [gates[gate] * (_HALF if place < sigmoids else 1) for place, gate in enumerate(order)]
    return np.concatenate(parts, axis=-1, dtype=np.float32)


def _columns(units: int, gate: int) -> tuple[slice, slice]:
    """Returns the index of a gate in `(B, G)`; made once, as it takes NumPy longer to make than to use."""
    return np.s_[:, gate * units : (gate + 1) * units]


def _finish_sigmoid(tanh_of_half: Array) -> None:
    """Turns tanh(x / 2) into σ(x), in place."""
    tanh_of_half *= _HALF
    tanh_of_half += _HALF


class Cell(Protocol):
    """A layer's weights, and its time step.

    `kernel (D, G)` and `input_bias (1, G)` project the layer's inputs; `step` takes these projections. A bias is a row,
    as NumPy adds arrays of one shape twice as quickly as it stretches one of them.
    """

    gates: ClassVar[int]
    num_states: ClassVar[int]
    bias_rows: ClassVar[tuple[int, ...]]
    kernel: Array
    input_bias: Array

    def __init__(self, kernel: Array, recurrent_kernel: Array, bias: Array):
        """Takes a bundle's `kernel (D, G)`, `recurrent_kernel (H, G)` and `bias (*bias_rows, G)`."""

    def step(self, x: Array, state: State) -> State:
        """Takes projected inputs `x (B, G)` and the state; returns the new state, `h` first."""
        ...

    def look(self, x: Array, state: State) -> dict[str, Array]:
        """Returns what `step` computes on its way, `(B, H)` each: the gates and the candidate by name."""
        ...


class LSTMCell:
    """Hochreiter and Schmidhuber 1997, with forget gate; gates i f g o, here i f o g; state `(h, c)`."""

    gates: ClassVar[int] = 4
    num_states: ClassVar[int] = 2
    bias_rows: ClassVar[tuple[int, ...]] = ()

    def __init__(self, kernel: Array, recurrent_kernel: Array, bias: Array):
        self.kernel, self.recurrent_kernel, self.input_bias = (
            _arrange(tensor, (0, 1, 3, 2), sigmoids=3) for tensor in (kernel, recurrent_kernel, bias[None])
        )
        units = len(recurrent_kernel)
        self._input, self._forget, self._output, self._candidate = (_columns(units, gate) for gate in range(4))
        self._sigmoids = np.s_[:, : 3 * units]

    def step(self, x: Array, state: State) -> State:
        h, c = state
        z = self._gates(x, h)
        c = z[self._forget] * c
        c += z[self._input] * z[self._candidate]
        h = np.tanh(c)
        h *= z[self._output]
        return h, c

    def look(self, x: Array, state: State) -> dict[str, Array]:
        gates = np.split(self._gates(x, state[0]), 4, axis=1)
        return dict(zip(("input", "forget", "output", "candidate"), gates, strict=True))

    def _gates(self, x: Array, h: Array) -> Array:
        z = np.dot(h, self.recurrent_kernel)
        z += x
        np.tanh(z, out=z)
        _finish_sigmoid(z[self._sigmoids])
        return z


class GRUCell:
    """Cho et al. 2014, with the reset gate after the product, as in cuDNN; gates z r h; state `(h,)`.

    The bias has two rows: of the inputs, and of the recurrent product.
    """

    gates: ClassVar[int] = 3
    num_states: ClassVar[int] = 1
    bias_rows: ClassVar[tuple[int, ...]] = (2,)

    def __init__(self, kernel: Array, recurrent_kernel: Array, bias: Array):
        self.kernel, self.recurrent_kernel, self.input_bias, self.recurrent_bias = (
            _arrange(tensor, (0, 1, 2), sigmoids=2) for tensor in (kernel, recurrent_kernel, bias[:1], bias[1:])
        )
        units = len(recurrent_kernel)
        self._update, self._reset, self._candidate = (_columns(units, gate) for gate in range(3))
        self._sigmoids = np.s_[:, : 2 * units]

    def step(self, x: Array, state: State) -> State:
        (h,) = state
        z, _, candidate = self._gates(x, h)
        h = h - candidate
        h *= z
        h += candidate
        return (h,)

    def look(self, x: Array, state: State) -> dict[str, Array]:
        return dict(zip(("update", "reset", "candidate"), self._gates(x, *state), strict=True))

    def _gates(self, x: Array, h: Array) -> tuple[Array, Array, Array]:
        p = np.dot(h, self.recurrent_kernel)
        p += self.recurrent_bias
        gates = x[self._sigmoids] + p[self._sigmoids]
        np.tanh(gates, out=gates)
        _finish_sigmoid(gates)
        z, r = gates[self._update], gates[self._reset]
        candidate = r * p[self._candidate]
        candidate += x[self._candidate]
        np.tanh(candidate, out=candidate)
        return z, r, candidate


class SimpleRNNCell:
    """Elman 1990; state `(h,)`."""

    gates: ClassVar[int] = 1
    num_states: ClassVar[int] = 1
    bias_rows: ClassVar[tuple[int, ...]] = ()

    def __init__(self, kernel: Array, recurrent_kernel: Array, bias: Array):
        self.kernel, self.recurrent_kernel, self.input_bias = kernel, recurrent_kernel, bias[None]

    def step(self, x: Array, state: State) -> State:
        h = np.dot(state[0], self.recurrent_kernel)
        h += x
        return (np.tanh(h, out=h),)

    def look(self, x: Array, state: State) -> dict[str, Array]:
        return {}


CELL_CLASSES: dict[str, type[Cell]] = {"lstm": LSTMCell, "gru": GRUCell, "rnn": SimpleRNNCell}
