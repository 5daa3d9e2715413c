"""The fused scans of LSTM, GRU and SimpleRNN, forwards and backwards through time.

A scan runs one recurrent layer over a whole sequence. Five things make it
quicker than a loop that is left to automatic differentiation:

* the product of the inputs with `kernel` is taken for all time steps at once,
  before the loop; where they are rows of an embedding, once for each row that
  occurs;
* the gradient of `recurrent_kernel` is one product over all time steps, after
  the backward loop, where automatic differentiation adds up one a step
  (Appleyard et al. 2016, "Optimizing Performance of Recurrent Neural Networks
  on GPUs");
* only what the backward loop needs is kept, and the arrays that are as wide as
  all gates together are kept in `precision`: less to write and to read;
* a turn of the loop takes several time steps;
* matrices whose rows would meet in the same few sets of the cache have rows of
  another length (`_spread`).
"""

import math

from charlm.backend import tf

_UNROLLED = 4  #: time steps in a turn of the loop, at most
_CACHE_LINE, _SAME_SETS = 16, 512  #: float32 numbers: a line of the cache, and 2 KiB

_sigmoid_gradient = tf.raw_ops.SigmoidGrad  #: of the gate `y`: dy · y · (1 - y)
_tanh_gradient = tf.raw_ops.TanhGrad  #: of the gate `y`: dy · (1 - y²)


class Kernel:
    """A cell, as a pair of pure functions, with the equations of `keras.layers` and its gate order.

    `x` and `p` come in the precision of the products, all else is float32. Here is what an LSTM and a simple RNN share.
    """

    num_saved: int  #: arrays that `forward` keeps for `backward`
    num_gradients = 1  #: of `x` and `p`: one for both, or one each

    @staticmethod
    def biases(bias):
        """Returns the bias of `x`, or None, and that of `p`."""
        return None, bias

    @staticmethod
    def forward(x, p, state):
        """Takes a time step.

        Args:
            x: the projected input, `(B, G)`.
            p: the recurrent product `h @ U`, `(B, G)`.
            state: a tuple of `(B, H)`, `h` first; where there is a mogrifier, it has scaled `h`.

        Returns:
            The new state, and what `backward` wants to see again.
        """
        raise NotImplementedError

    @staticmethod
    def backward(gradient, saved, join, through):
        """Takes a time step back.

        Args:
            gradient: of the new state.
            saved: by `forward`.
            join: makes one array of the gates' parts of a gradient.
            through: takes a gradient of `p` back to `h`.

        Returns:
            The gradient of `x` and `p`, or one of each, and that of the old state.
        """
        raise NotImplementedError


class LSTMKernel(Kernel):
    """Hochreiter and Schmidhuber 1997, with forget gate; state `(h, c)`, gates i f g o."""

    num_saved = 6

    @staticmethod
    def forward(x, p, state):
        i, f, g, o = _split(tf.cast(x + p, tf.float32), state)
        i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
        c = f * state[1] + i * g
        t = tf.tanh(c)
        return (o * t, c), (i, f, g, o, t, state[1])

    @staticmethod
    def backward(gradient, saved, join, through):
        (dh, dc), (i, f, g, o, t, c_before) = gradient, saved
        dc += _tanh_gradient(y=t, dy=dh * o)
        d_gates = join(
            _sigmoid_gradient(y=i, dy=dc * g),
            _sigmoid_gradient(y=f, dy=dc * c_before),
            _tanh_gradient(y=g, dy=dc * i),
            _sigmoid_gradient(y=o, dy=dh * t),
        )
        return (d_gates,), (through(d_gates), dc * f)


class GRUKernel(Kernel):
    """Cho et al. 2014, `reset_after=True` as in cuDNN; state `(h,)`, gates z r h."""

    num_saved = 5
    num_gradients = 2

    @staticmethod
    def biases(bias):
        return tf.unstack(bias)

    @staticmethod
    def forward(x, p, state):
        x, p = tf.cast(x, tf.float32), tf.cast(p, tf.float32)
        (x_z, x_r, x_h), (p_z, p_r, p_h) = _split(x, state), _split(p, state)
        z, r = tf.sigmoid(x_z + p_z), tf.sigmoid(x_r + p_r)
        g = tf.tanh(x_h + r * p_h)
        return (g + z * (state[0] - g),), (z, r, g, p_h, state[0])

    @staticmethod
    def backward(gradient, saved, join, through):
        (dh,), (z, r, g, p_h, h_before) = gradient, saved
        dg = _tanh_gradient(y=g, dy=dh - dh * z)
        dz = _sigmoid_gradient(y=z, dy=dh * (h_before - g))
        dr = _sigmoid_gradient(y=r, dy=dg * p_h)
        dp = join(dz, dr, dg * r)
        return (join(dz, dr, dg), dp), (dh * z + through(dp),)


class SimpleRNNKernel(Kernel):
    """Elman 1990; state `(h,)`."""

    num_saved = 1

    @staticmethod
    def forward(x, p, state):
        (h,) = map(tf.tanh, _split(tf.cast(x + p, tf.float32), state))
        return (h,), (h,)

    @staticmethod
    def backward(gradient, saved, join, through):
        (dh,), (h,) = gradient, saved
        d_gate = join(_tanh_gradient(y=h, dy=dh))
        return (d_gate,), (through(d_gate),)


def _split(x, state):
    """Parts `(B, G)` into gates `(B, H)`; what `_spread` added is left out."""
    units = state[0].shape[-1]
    gates, added = divmod(x.shape[-1], units)
    return tf.split(x, [units] * gates + [added], axis=1)[:gates]


def run_layer(
    cell: type[Kernel],
    inputs,
    kernel,
    recurrent_kernel,
    bias,
    state,
    *,
    ids=None,
    mogrifier=None,
    mask=None,
    reverse=False,
    precision="float32",
):
    """Runs a recurrent layer over whole sequences.

    Args:
        cell: the kernel of the layer's cell.
        inputs: `(B, T, D)`, where what lies under the mask is not looked at; with `ids`, a table `(V, D)`, such as an
            embedding, whose rows are read: then the products are taken once for each row that occurs.
        kernel: `(D, G)`.
        recurrent_kernel: `(H, G)`.
        bias: `(G,)`; of a GRU `(2, G)`.
        state: the cell's state, a tuple of `(B, H)`, `h` first.
        ids: int32 `(B, T)`, or None.
        mogrifier: `R (D, H)` and `b (H,)`, or None; each time step finds `2σ(x R + b) h` in the place of `h`, of the
            inputs that it reads (Melis et al. 2020, "Mogrifier LSTM", its second round alone).
        mask: `(B, T)`, True where there is something to read; elsewhere the state stands still.
        reverse: read from the last time step to the first.
        precision: type of matrix products, of their bias and their sum; the rest is float32.

    Returns:
        Outputs `(B, T, H)` in the order of reading, and the state after.
    """
    kernel, recurrent_kernel, bias = (_spread(part, precision) for part in (kernel, recurrent_kernel, bias))
    mask = None if mask is None else tf.transpose(mask)[:, :, None]  # (T, B, 1)
    rows, put = _read_inputs(inputs, mask) if ids is None else _read_table(inputs, ids)
    scales = [put(scale) for scale in _scale(rows, mogrifier, precision)]  # (T, B, H)
    x = put(_project(cell, rows, kernel, bias, precision))  # (T, B, G)
    if reverse:
        x, mask = tf.reverse(x, [0]), None if mask is None else tf.reverse(mask, [0])
        scales = [tf.reverse(scale, [0]) for scale in scales]
    outputs, *state = _scan(cell, x, tuple(scales), recurrent_kernel, bias, tuple(state), mask, precision)
    return tf.transpose(outputs, (1, 0, 2)), tuple(state)


def _read_inputs(inputs, mask):
    """Returns rows `(T, B, D)` to take products of, and what puts these into their places: they are there."""
    x = tf.transpose(inputs, (1, 0, 2))
    rows = x if mask is None else tf.where(mask, x, tf.zeros_like(x))
    return rows, lambda made: made


def _read_table(table, ids):
    """Returns the rows of a table that occur, and what puts their products into their places, `(T, B, …)`."""
    ids = tf.transpose(ids)  # (T, B)
    used, places = tf.unique(tf.reshape(ids, [-1]))
    places = tf.reshape(places, tf.shape(ids))
    return _take_rows(table, used), lambda made: _take_rows(made, places)


def _scale(x, mogrifier, precision):
    """Returns what `h` is multiplied with before each time step, `(…, H)`; a list, empty without mogrifier."""
    if mogrifier is None:
        return []
    kernel, bias = mogrifier
    return [2 * tf.sigmoid(product(x, kernel, precision) + bias)]


def _project(cell: type[Kernel], x, kernel, bias, precision):
    input_bias, _ = cell.biases(bias)
    x = _product(x, kernel, precision)  # (…, G)
    return x if input_bias is None else _add_bias(x, input_bias)


@tf.custom_gradient
def _add_bias(x, bias):
    return tf.nn.bias_add(x, tf.cast(bias, x.dtype)), lambda dx: (dx, _sum_rows(dx))


def _sum_rows(x):
    """Sums `(…, G)` to `(G,)`, as a product: that is quicker than a sum, and adds up bfloat16 in float32.

    The gradient that TensorFlow gives `bias_add` adds it up in bfloat16, and is lost among many rows.
    """
    rows = tf.reshape(x, (-1, x.shape[-1]))
    return tf.cast(tf.matmul(tf.ones((1, tf.shape(rows)[0]), x.dtype), rows)[0], tf.float32)


@tf.custom_gradient
def _take_rows(table, ids):
    """Gathers rows; the gradient is dense at once, which TensorFlow's own becomes once for each use that it meets.

    It adds up one row of the table after the other, four times as quickly as in the order in which they were read, and
    rows in bfloat16 in float32.
    """

    def gradient(d_rows):
        d_rows = tf.reshape(d_rows, (-1, d_rows.shape[-1]))
        places = tf.reshape(ids, [-1])
        order = tf.argsort(places)
        return tf.sparse.segment_sum(d_rows, order, tf.gather(places, order), num_segments=tf.shape(table)[0]), None

    return tf.gather(table, ids), gradient


def _scan(cell: type[Kernel], x, scales, recurrent_kernel, bias, state, mask, precision):
    _, recurrent_bias = cell.biases(bias)
    units, width = recurrent_kernel.shape
    steps, unrolled = tf.shape(x)[0], math.gcd(x.shape[0] or 1, _UNROLLED)

    @tf.custom_gradient
    def scan(x, scales, recurrent_kernel, bias, *state):
        factor, addend = tf.cast(recurrent_kernel, precision), tf.cast(bias, precision)

        def forward(t, before, arrays):
            found = _scale_state(scales, t, before)
            p = tf.nn.bias_add(tf.matmul(tf.cast(found[0], precision), factor), addend)
            after, saved = cell.forward(x[t], p, found)
            after = _hold(mask, t, after, before)
            return t + 1, after, _write_all(arrays, t, (after[0], *saved))

        loop = (0, state, _new_arrays(steps, [tf.float32] * (1 + cell.num_saved)))
        _, last, (outputs, *saved) = tf.while_loop(lambda t, *_: t < steps, _repeat(forward, unrolled), loop)
        outputs = outputs.stack()  # (T, B, H)

        def gradient(d_outputs, *d_last):
            times_transposed = _times_transposed(factor)
            added = tf.zeros((tf.shape(x)[1], width % units))  # by `_spread`

            def join(*parts):
                return tf.cast(tf.concat([*parts, added], axis=1), precision)

            def through(dp):
                return tf.cast(times_transposed(dp), tf.float32)

            def backward(t, d_after, arrays):
                d_after = (d_after[0] + d_outputs[t], *d_after[1:])
                zeros = tuple(map(tf.zeros_like, d_after))
                kept = [array.read(t) for array in saved]
                values, d_found = cell.backward(_hold(mask, t, d_after, zeros), kept, join, through)
                d_before = _scale_state(scales, t, d_found)
                if mask is not None:
                    passed = _hold(mask, t, zeros, d_after)
                    d_before = tuple(map(tf.add, d_before, passed))
                return t - 1, d_before, _write_all(arrays, t, (*values, *(d_found[0] for _ in scales)))

            kinds = [precision] * cell.num_gradients + [tf.float32] * len(scales)
            loop = (steps - 1, d_last, _new_arrays(steps, kinds))
            _, d_state, arrays = tf.while_loop(lambda t, *_: t >= 0, _repeat(backward, unrolled), loop)
            gradients = [array.stack() for array in arrays]
            dx, dp = gradients[0], gradients[cell.num_gradients - 1]  # (T, B, G)
            h_before = tf.concat([state[0][None], outputs[:-1]], axis=0)
            d_scales = [d_found * h_before for d_found in gradients[cell.num_gradients :]]
            h_found = math.prod(scales, start=h_before)
            rows, d_rows = (tf.reshape(a, (-1, a.shape[-1])) for a in (tf.cast(h_found, precision), dp))
            d_kernel = tf.cast(tf.matmul(rows, d_rows, transpose_a=True), tf.float32)
            return dx, *d_scales, d_kernel, _sum_rows(dp), *d_state

        return (outputs, *last), gradient

    return scan(x, scales, recurrent_kernel, recurrent_bias, *state)


def _times_transposed(weights):
    """Returns what takes the product of `(B, G)` with the transpose of weights `(H, G)`, time step after time step.

    In float32 the transpose is made once. In bfloat16 a product puts its factors in an order of its own first, and the
    transpose would be as slow as several of them.
    """
    if weights.dtype != tf.float32:
        return lambda x: tf.matmul(x, weights, transpose_b=True)
    transposed = _spread(tf.transpose(weights), "float32")
    return lambda x: tf.matmul(x, transposed)[:, : weights.shape[0]]


def _scale_state(scales, t, state):
    """Multiplies `h`, or its gradient, with what it is scaled by before a time step."""
    return (math.prod((scale[t] for scale in scales), start=state[0]), *state[1:])


def _new_arrays(steps, kinds):
    return tuple(tf.TensorArray(kind, steps, clear_after_read=False) for kind in kinds)


def _write_all(arrays, t, values):
    return tuple(array.write(t, value) for array, value in zip(arrays, values, strict=True))


def _repeat(body, times: int):
    """Makes a loop's body of several turns of a body."""

    def repeated(*loop):
        for _ in range(times):
            loop = body(*loop)
        return loop

    return repeated


def product(x, kernel, precision):
    """Returns `x (…, D)` times a matrix `(D, N)`: float32 `(…, N)`, of factors and results in `precision`."""
    return tf.cast(_product(x, kernel, precision), tf.float32)


def _product(x, kernel, precision):
    return tf.tensordot(tf.cast(x, precision), tf.cast(kernel, precision), 1)


def _spread(weights, precision):
    """Adds columns of zeros, a cache line of them, to weights whose rows are a multiple of 2 KiB long.

    Such rows all begin in one or two of a cache's 64 sets, and a product that walks down them finds hardly anything
    there again: it takes up to twice as long (Lam, Rothberg and Wolf 1991, "The Cache Performance and Optimizations of
    Blocked Algorithms"). Products in bfloat16 put their factors in an order of their own first.
    """
    weights = tf.convert_to_tensor(weights)
    *axes, width = weights.shape
    meets = precision == "float32" and width % _SAME_SETS == 0
    return tf.pad(weights, [[0, 0]] * len(axes) + [[0, _CACHE_LINE]]) if meets else weights


def _hold(mask, t, new, old):
    """Takes the new values where the mask is set, the old ones elsewhere."""
    return new if mask is None else tuple(tf.where(mask[t], n, o) for n, o in zip(new, old, strict=True))
