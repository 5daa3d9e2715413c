"""The fused scans of LSTM, GRU and SimpleRNN, forwards and backwards through time.

A scan runs one recurrent layer over a whole sequence. Three things make it
quicker than a loop that is left to automatic differentiation:

* the product of the inputs with `kernel` is taken for all time steps at once,
  before the loop;
* the gradient of `recurrent_kernel` is one product over all time steps, after
  the backward loop, where automatic differentiation adds up one a step
  (Appleyard et al. 2016, "Optimizing Performance of Recurrent Neural Networks
  on GPUs");
* only what the backward loop needs is kept.

A cell is a pair of pure functions. `forward` takes the projected input
`x (B, G)`, the recurrent product `p = h @ U (B, G)` and the state, and gives
the new state with what `backward` wants to see again. `backward` takes the
gradient of the new state and gives those of `x`, of `p`, and the part of the
old state's that does not pass through `p`. The equations are those of
`keras.layers`, with its gate order.
"""

from typing import NamedTuple

from charlm.backend import tf


class LSTMKernel:
    """Hochreiter and Schmidhuber 1997, with forget gate; state `(h, c)`, gates i f g o."""

    num_states = 2
    num_saved = 6

    @staticmethod
    def forward(x, p, state):
        i, f, g, o = tf.split(x + p, 4, axis=1)
        i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
        c = f * state[1] + i * g
        t = tf.tanh(c)
        return (o * t, c), (i, f, g, o, t, state[1])

    @staticmethod
    def backward(gradient, saved):
        (dh, dc), (i, f, g, o, t, c_before) = gradient, saved
        dc += dh * o * (1.0 - t * t)
        dx = tf.concat(
            [
                dc * g * i * (1.0 - i),
                dc * c_before * f * (1.0 - f),
                dc * i * (1.0 - g * g),
                dh * t * o * (1.0 - o),
            ],
            axis=1,
        )
        return dx, dx, (tf.zeros_like(dh), dc * f)


class GRUKernel:
    """Cho et al. 2014, `reset_after=True` as in cuDNN; state `(h,)`, gates z r h."""

    num_states = 1
    num_saved = 5

    @staticmethod
    def forward(x, p, state):
        (x_z, x_r, x_h), (p_z, p_r, p_h) = tf.split(x, 3, axis=1), tf.split(p, 3, axis=1)
        z, r = tf.sigmoid(x_z + p_z), tf.sigmoid(x_r + p_r)
        g = tf.tanh(x_h + r * p_h)
        return (g + z * (state[0] - g),), (z, r, g, p_h, state[0])

    @staticmethod
    def backward(gradient, saved):
        (dh,), (z, r, g, p_h, h_before) = gradient, saved
        dg = dh * (1.0 - z) * (1.0 - g * g)
        dz = dh * (h_before - g) * z * (1.0 - z)
        dr = dg * p_h * r * (1.0 - r)
        return tf.concat([dz, dr, dg], 1), tf.concat([dz, dr, dg * r], 1), (dh * z,)


class SimpleRNNKernel:
    """Elman 1990; state `(h,)`."""

    num_states = 1
    num_saved = 1

    @staticmethod
    def forward(x, p, state):
        h = tf.tanh(x + p)
        return (h,), (h,)

    @staticmethod
    def backward(gradient, saved):
        (dh,), (h,) = gradient, saved
        dx = dh * (1.0 - h * h)
        return dx, dx, (tf.zeros_like(dh),)


KERNELS = {"lstm": LSTMKernel, "gru": GRUKernel, "rnn": SimpleRNNKernel}
