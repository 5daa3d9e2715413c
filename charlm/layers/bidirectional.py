"""A stack of recurrent layers that read in both directions."""

from charlm.backend import keras, tf
from charlm.errors import ConfigError
from charlm.layers.recurrent import Stacked, dropout, make_seed
from charlm.runtime.stack import DIRECTIONS


@keras.saving.register_keras_serializable("charlm")
class BidirectionalStack(Stacked):
    """Recurrent layers that each read forwards and backwards, and hand on both outputs side by side (Schuster and
    Paliwal 1997).

    An output has seen the whole sequence: this is for reading a text, never for predicting its next character.

    Call arguments:
        x: `(B, S, D)`; with `ids`, a table `(V, D)` whose rows are read.
        ids: int32 `(B, S)`, or None.
        mask: `(B, S)`, True for what is to be read, on the left of each row.
        training: whether dropout works.
        seed: int32 `(2,)`, makes the dropout masks; drawn from TensorFlow's global generator where it is None.

    Returns:
        Outputs `(B, S, H)`, and the state after: for each layer `h` (and `c`), `(B, H)`, the forward direction's half
        first. It is what a `RecurrentStack` of as many layers and units can start from.

    Args:
        cells: each layer's cell: `lstm`, `gru` or `rnn`.
        units: width of each layer, `H`: half of it for each direction.
        dropout: share of the values zeroed after each layer.
        weight_drop: share of the recurrent kernels' weights zeroed in a call (Merity et al. 2018).
        update_bias: of a new GRU's update gate; above 0, it keeps more of its state than it replaces.
        precision: `float32`, or `bfloat16` for the matrix products of the scans.

    Raises:
        ConfigError: `units` is odd, or a cell does not exist.

    >>> outputs, state = BidirectionalStack(["lstm"], 4)(tf.zeros((2, 5, 3)))
    >>> tuple(outputs.shape), [tuple(part.shape) for part in state]
    ((2, 5, 4), [(2, 4), (2, 4)])
    """

    def make_layers(self):
        if self.units % 2:
            raise ConfigError(f"`units` must be even: half for each direction. Received: units={self.units}.")
        self.pairs = [
            [self.make_layer(cell, self.units // 2, go_backwards=backwards) for backwards in (False, True)]
            for cell in self.cells
        ]

    def named_layers(self):
        return {
            f"{index}.{direction}": layer
            for index, pair in enumerate(self.pairs)
            for direction, layer in zip(DIRECTIONS, pair, strict=True)
        }

    def build(self, input_shape):
        width = input_shape[-1]  # of sequences, or of a table
        for pair in self.pairs:
            for layer in pair:
                layer.build((None, None, width))
            width = self.units

    def call(self, x, mask=None, training=None, seed=None, ids=None):
        rate, weight_rate = (self.dropout, self.weight_drop) if training else (0.0, 0.0)
        seed = make_seed(rate or weight_rate) if seed is None else seed
        rows = tf.shape(x if ids is None else ids)[0]
        state = []
        for index, pair in enumerate(self.pairs):
            seeds = [tf.random.fold_in(seed, 3 * index + which) for which in range(3)]
            options = {"ids": ids if index == 0 else None, "mask": mask, "training": training}
            (ahead, after), (back, before) = (
                layer.read(
                    x,
                    keras.tree.flatten(layer.get_initial_state(rows)),
                    weight_drop=weight_rate,
                    seed=weight_seed,
                    **options,
                )
                for layer, weight_seed in zip(pair, seeds[:2], strict=True)
            )
            x = tf.concat([ahead, tf.reverse(back, [1])], axis=2)  # (B, S, H)
            x = dropout(x, rate, seeds[2])
            state += [tf.concat(halves, axis=1) for halves in zip(after, before, strict=True)]
        return x, tuple(state)
