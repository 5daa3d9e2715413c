"""Recurrent layers: `keras.layers`' LSTM, GRU and SimpleRNN on charlm's scans, and a stack of them."""

from collections.abc import Sequence

import numpy as np

from charlm.backend import has_gpu, keras, tf
from charlm.config import CELLS
from charlm.errors import ConfigError
from charlm.layers import kernels
from charlm.runtime.stack import MOGRIFIER_PARTS, PARTS


class _Scanned:
    """Takes the place of Keras's loop over time where charlm's scan computes the same.

    On a GPU, and for options that the scan does not have, the layer runs as Keras wrote it, cuDNN included; but with a
    mogrifier, or where weights are dropped, `read` takes the scan there too, as Keras has neither.
    """

    kernel_class: type[kernels.Kernel]
    precision = "float32"  # of the factors of the scan's products

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if not self._fits(training):
            return super().inner_loop(sequences, initial_state, mask, training=training)
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        outputs, state = self.scan(sequences, keras.tree.flatten(initial_state), mask=mask)
        return state[0], outputs, list(state)

    def scan(self, x, state, *, ids=None, mask=None, recurrent_kernel=None, mogrifier=None):
        """Runs charlm's scan.

        Args:
            x: `(B, T, D)`; with `ids`, a table `(V, D)` whose rows are read.
            state: a sequence of `(B, H)`, `h` first.
            ids: int32 `(B, T)`, or None.
            mask: `(B, T)`, or None.
            recurrent_kernel: in the place of the layer's own.
            mogrifier: see `kernels.run_layer`.

        Returns:
            Outputs `(B, T, H)` in the order of reading, and the state after.
        """
        kernel = self.cell.recurrent_kernel if recurrent_kernel is None else recurrent_kernel
        weights = self.cell.kernel, kernel, self.cell.bias
        options = {"ids": ids, "mask": mask, "mogrifier": mogrifier}
        options |= {"reverse": self.go_backwards, "precision": self.precision}
        return kernels.run_layer(self.kernel_class, x, *weights, state, **options)

    def read(self, x, state, *, ids=None, mask=None, mogrifier=None, training=None, weight_drop=0.0, seed=None):
        """Runs the layer as quickly as it can: as Keras does on a GPU, where it can, else by `scan`.

        The arguments are those of `scan`. With `weight_drop`, a share of the recurrent kernel is zeroed, the same for
        all rows and time steps (Merity et al. 2018); that is a pure function of `seed` (2,).
        """
        if weight_drop:
            kernel = dropout(tf.convert_to_tensor(self.cell.recurrent_kernel), weight_drop, seed)
            return self.scan(x, state, ids=ids, mask=mask, recurrent_kernel=kernel, mogrifier=mogrifier)
        if self._fits(training) or mogrifier is not None:
            return self.scan(x, state, ids=ids, mask=mask, mogrifier=mogrifier)
        x = x if ids is None else tf.gather(x, ids)
        outputs, *after = self(x, initial_state=list(state), mask=mask, training=training)
        return outputs, after

    def _fits(self, training) -> bool:
        cell = self.cell
        usual = cell.activation is keras.activations.tanh and cell.use_bias and getattr(cell, "reset_after", True)
        gates = getattr(cell, "recurrent_activation", keras.activations.sigmoid) is keras.activations.sigmoid
        drops = training and (cell.dropout or cell.recurrent_dropout)
        plain = not (drops or self.unroll or self.zero_output_for_mask) and self.compute_dtype == "float32"
        return bool(usual and gates and plain) and not has_gpu()


@keras.saving.register_keras_serializable("charlm")
class LSTM(_Scanned, keras.layers.LSTM):
    """`keras.layers.LSTM`: the same arguments, weights and results, on charlm's scan."""

    kernel_class = kernels.LSTMKernel


@keras.saving.register_keras_serializable("charlm")
class GRU(_Scanned, keras.layers.GRU):
    """`keras.layers.GRU`: the same arguments, weights and results, on charlm's scan."""

    kernel_class = kernels.GRUKernel


@keras.saving.register_keras_serializable("charlm")
class SimpleRNN(_Scanned, keras.layers.SimpleRNN):
    """`keras.layers.SimpleRNN`: the same arguments, weights and results, on charlm's scan."""

    kernel_class = kernels.SimpleRNNKernel


LAYERS = dict(zip(CELLS, (LSTM, GRU, SimpleRNN), strict=True))
_MOGRIFIER_SPREAD = 0.1  # of a new kernel's values, against Glorot and Bengio's 2010: at first it scales by about 1
UPDATE_BIAS = 0.5  #: of a language model: its gradient then reaches further back than a simple network's


def check_cells(cells: Sequence[str]) -> None:
    """Refuses a stack without layers, or with one that does not exist.

    Raises:
        ConfigError: so it is.
    """
    if not cells or any(cell not in LAYERS for cell in cells):
        raise ConfigError(f"`cells` must name one or more of {', '.join(LAYERS)}. Received: cells={cells!r}.")


def dropout(x, rate: float, seed):
    """Zeroes a share `rate` of the values, to 1 in 65,536, and scales up the others; a pure function of `seed` (2,)."""
    if rate == 0:
        return x
    size = tf.size(x)
    drawn = tf.random.stateless_uniform([(size + 1) // 2], seed, minval=None, maxval=None, dtype=tf.uint32)
    drawn = tf.reshape(tf.bitcast(drawn, tf.uint16), [-1])[:size]  # two of one: half of the time
    kept = tf.reshape(drawn >= int(rate * 2**16), tf.shape(x))
    return tf.where(kept, x / (1.0 - rate), tf.zeros_like(x))


def make_seed(is_needed):
    """Returns a seed (2,) from TensorFlow's global generator; any, where nothing is drawn."""
    return tf.random.uniform((2,), maxval=tf.int32.max, dtype=tf.int32) if is_needed else (0, 0)


class Stacked(keras.layers.Layer):
    """What stacks in one direction and in both share: their settings, whose meaning each of them tells."""

    def __init__(
        self,
        cells: Sequence[str],
        units: int,
        *,
        dropout: float = 0.0,
        weight_drop: float = 0.0,
        update_bias: float = 0.0,
        precision: str = "float32",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_cells(cells)
        self.cells, self.units, self.precision = list(cells), units, precision
        self.dropout, self.weight_drop, self.update_bias = dropout, weight_drop, update_bias
        self.supports_masking = True
        self.make_layers()

    def make_layers(self):
        """Makes the layers, each by `make_layer`."""
        raise NotImplementedError

    def named_layers(self):
        """Returns the layers by the names that they have in a bundle."""
        raise NotImplementedError

    def named_variables(self):
        """Returns the weights by the names that they have in a bundle."""
        layers = self.named_layers().items()
        return {f"{name}.{part}": getattr(layer.cell, part) for name, layer in layers for part in PARTS}

    def make_layer(self, cell, units, **options):
        """Makes a layer that gives all its outputs, and its state."""
        if cell == "gru":
            options["bias_initializer"] = self._make_gru_bias
        layer = LAYERS[cell](units, return_sequences=True, return_state=True, **options)
        layer.precision = self.precision
        return layer

    def _make_gru_bias(self, shape, dtype=None):
        bias = np.zeros(shape)  # (2, 3 H): of the inputs, and of the recurrent product
        bias[0, : shape[1] // 3] = self.update_bias
        return tf.constant(bias, dtype or "float32")

    def compute_mask(self, x, mask=None):
        return mask, None

    def get_config(self):
        names = ("cells", "units", "dropout", "weight_drop", "update_bias", "precision")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("charlm")
class RecurrentStack(Stacked):
    """Recurrent layers one upon the other: state in, state out, nothing kept between calls.

    Call arguments:
        x: `(B, T, D)`; with `ids`, a table `(V, D)` whose rows are read.
        ids: int32 `(B, T)`, or None.
        state: what a call before returned; zeros where it is None.
        mask: `(B, T)`, True for what is to be read, on the left of each row.
        training: whether dropout works.
        seed: int32 `(2,)`, makes the dropout masks; drawn from TensorFlow's global generator where it is None.

    Returns:
        Outputs `(B, T, H)`, and the state: a flat tuple of `(B, H)`, for each layer `h` (and `c`).

    Args:
        cells: each layer's cell: `lstm`, `gru` or `rnn`.
        units: width of each layer, `H`.
        dropout: share of the values zeroed between the layers and after the last (Zaremba et al. 2014).
        weight_drop: share of the recurrent kernels' weights zeroed in a call (Merity et al. 2018).
        mogrify: whether what the first layer reads scales its `h` before each time step (Melis et al. 2020).
        update_bias: of a new GRU's update gate; above 0, it keeps more of its state than it replaces.
        precision: `float32`, or `bfloat16` for the matrix products of the scans, their bias and their sum.

    Raises:
        ConfigError: a cell does not exist.

    >>> stack = RecurrentStack(["lstm", "gru"], 4)
    >>> outputs, state = stack(tf.zeros((2, 5, 3)))
    >>> tuple(outputs.shape), len(state)
    ((2, 5, 4), 3)
    """

    def __init__(self, cells: Sequence[str], units: int, *, mogrify: bool = False, **kwargs):
        super().__init__(cells, units, **kwargs)
        self.mogrify, self.mogrifier = mogrify, None

    def make_layers(self):
        self.layers = [self.make_layer(cell, self.units) for cell in self.cells]

    def named_layers(self):
        return {str(index): layer for index, layer in enumerate(self.layers)}

    def named_variables(self):
        mogrifier = dict(zip(MOGRIFIER_PARTS, self.mogrifier, strict=True)) if self.mogrify else {}
        return super().named_variables() | mogrifier

    def build(self, input_shape):
        width = input_shape[-1]  # of sequences, or of a table
        if self.mogrify:
            spread = keras.initializers.VarianceScaling(_MOGRIFIER_SPREAD, "fan_avg", "uniform")
            kernel = self.add_weight(shape=(width, self.units), initializer=spread, name="mogrifier_kernel")
            self.mogrifier = kernel, self.add_weight(shape=(self.units,), initializer="zeros", name="mogrifier_bias")
        for layer in self.layers:
            layer.build((None, None, width))
            width = self.units

    def call(self, x, state=None, mask=None, training=None, seed=None, ids=None):
        state = self.initial_state(tf.shape(x if ids is None else ids)[0]) if state is None else state
        rate, weight_rate = (self.dropout, self.weight_drop) if training else (0.0, 0.0)
        seed = make_seed(rate or weight_rate) if seed is None else seed
        new = []
        for index, layer in enumerate(self.layers):
            before = state[len(new) : len(new) + len(keras.tree.flatten(layer.cell.state_size))]
            seeds = [tf.random.fold_in(seed, 2 * index + which) for which in range(2)]
            options = {"mask": mask, "training": training, "weight_drop": weight_rate, "seed": seeds[0]}
            first = {"ids": ids, "mogrifier": self.mogrifier} if index == 0 else {}
            x, after = layer.read(x, before, **first, **options)
            x = dropout(x, rate, seeds[1])
            new += after
        return x, tuple(new)

    def get_config(self):
        return {**super().get_config(), "mogrify": self.mogrify}

    def initial_state(self, batch_size):
        """Returns zeros, for `batch_size` rows."""
        parts = [part for layer in self.layers for part in keras.tree.flatten(layer.get_initial_state(batch_size))]
        return tuple(parts)

    def hidden(self, state):
        """Returns the last layer's `h`, `(B, H)`, of a state."""
        return state[-len(keras.tree.flatten(self.layers[-1].cell.state_size))]
