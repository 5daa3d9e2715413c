"""One time step of each recurrent cell, with the equations and the gate order of `keras.layers`."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
State = tuple[Array, ...]


def sigmoid(x: Array) -> Array:
    """The logistic function, by way of tanh: no overflow on either side."""
    return np.float32(0.5) * np.tanh(np.float32(0.5) * x) + np.float32(0.5)


@dataclass(frozen=True)
class LSTMCell:
    """Hochreiter and Schmidhuber 1997, with forget gate; gates i f g o; state `(h, c)`.

    Args:
        kernel: `(D, 4H)`.
        recurrent_kernel: `(H, 4H)`.
        bias: `(4H,)`.
    """

    kernel: Array
    recurrent_kernel: Array
    bias: Array
    gates: ClassVar[int] = 4
    num_states: ClassVar[int] = 2

    @property
    def input_bias(self) -> Array:
        """What is added to the projected inputs, `(4H,)`."""
        return self.bias

    def step(self, x: Array, state: State) -> State:
        """Takes projected inputs `x (B, 4H)` and the state; returns the new state, `h` first."""
        h, c = state
        units = h.shape[1]
        z = h @ self.recurrent_kernel
        z += x
        gates = sigmoid(z)  # the candidate's are not used
        c = gates[:, units : 2 * units] * c + gates[:, :units] * np.tanh(z[:, 2 * units : 3 * units])
        return gates[:, 3 * units :] * np.tanh(c), c


@dataclass(frozen=True)
class GRUCell:
    """Cho et al. 2014, with the reset gate after the product, as in cuDNN; gates z r h; state `(h,)`.

    Args:
        kernel: `(D, 3H)`.
        recurrent_kernel: `(H, 3H)`.
        bias: `(2, 3H)`, of the inputs and of the recurrent product.
    """

    kernel: Array
    recurrent_kernel: Array
    bias: Array
    gates: ClassVar[int] = 3
    num_states: ClassVar[int] = 1

    @property
    def input_bias(self) -> Array:
        """What is added to the projected inputs, `(3H,)`."""
        return self.bias[0]

    def step(self, x: Array, state: State) -> State:
        """Takes projected inputs `x (B, 3H)` and the state; returns the new state."""
        (h,) = state
        units = h.shape[1]
        p = h @ self.recurrent_kernel
        p += self.bias[1]
        gates = sigmoid(x[:, : 2 * units] + p[:, : 2 * units])
        z, r = gates[:, :units], gates[:, units:]
        candidate = np.tanh(x[:, 2 * units :] + r * p[:, 2 * units :])
        return (candidate + z * (h - candidate),)


@dataclass(frozen=True)
class SimpleRNNCell:
    """Elman 1990; state `(h,)`.

    Args:
        kernel: `(D, H)`.
        recurrent_kernel: `(H, H)`.
        bias: `(H,)`.
    """

    kernel: Array
    recurrent_kernel: Array
    bias: Array
    gates: ClassVar[int] = 1
    num_states: ClassVar[int] = 1

    @property
    def input_bias(self) -> Array:
        """What is added to the projected inputs, `(H,)`."""
        return self.bias

    def step(self, x: Array, state: State) -> State:
        """Takes projected inputs `x (B, H)` and the state; returns the new state."""
        return (np.tanh(x + state[0] @ self.recurrent_kernel),)


Cell = LSTMCell | GRUCell | SimpleRNNCell
CELL_CLASSES: dict[str, type[Cell]] = {"lstm": LSTMCell, "gru": GRUCell, "rnn": SimpleRNNCell}
BIAS_ROWS = {"lstm": (), "gru": (2,), "rnn": ()}
