"""A stack of recurrent layers that read in both directions."""

from collections.abc import Sequence

from charlm.backend import keras, tf
from charlm.errors import ConfigError
from charlm.layers.recurrent import LAYERS, dropout


@keras.saving.register_keras_serializable("charlm")
class BidirectionalStack(keras.layers.Layer):
    """Recurrent layers that each read forwards and backwards, and hand on both outputs side by side (Schuster and
    Paliwal 1997).

    An output has seen the whole sequence: this is for reading a text, never for predicting its next character.

    Call arguments:
        x: `(B, S, D)`; with `ids`, a table `(V, D)` whose rows are read.
        ids: int32 `(B, S)`, or None.
        mask: `(B, S)`, True for what is to be read, on the left of each row.
        training: whether dropout works.
        seed: int32 `(2,)`, makes the dropout masks.

    Returns:
        Outputs `(B, S, H)`, and the state after: for each layer `h` (and `c`), `(B, H)`, the forward direction's half
        first. It is what a `RecurrentStack` of as many layers and units can start from.

    Args:
        cells: each layer's cell: `lstm`, `gru` or `rnn`.
        units: width of each layer, `H`: half of it for each direction.
        dropout: share of the values zeroed after each layer.
        precision: `float32`, or `bfloat16` for the matrix products of the scans.

    Raises:
        ConfigError: `units` is odd.

    >>> outputs, state = BidirectionalStack(["lstm"], 4)(tf.zeros((2, 5, 3)))
    >>> tuple(outputs.shape), [tuple(part.shape) for part in state]
    ((2, 5, 4), [(2, 4), (2, 4)])
    """

    def __init__(self, cells: Sequence[str], units: int, *, dropout: float = 0.0, precision: str = "float32", **kwargs):
        super().__init__(**kwargs)
        if units % 2:
            raise ConfigError(f"`units` must be even: half for each direction. Received: units={units}.")
        self.cells, self.units, self.dropout, self.precision = list(cells), units, dropout, precision
        options = {"return_sequences": True, "return_state": True}
        self.pairs = [
            [LAYERS[cell](units // 2, go_backwards=backwards, **options) for backwards in (False, True)]
            for cell in cells
        ]
        for layer in (layer for pair in self.pairs for layer in pair):
            layer.precision = precision
        self.supports_masking = True

    def build(self, input_shape):
        width = input_shape[-1]  # of sequences, or of a table
        for pair in self.pairs:
            for layer in pair:
                layer.build((None, None, width))
            width = self.units

    def call(self, x, mask=None, training=None, seed=(0, 0), ids=None):
        rows = tf.shape(x if ids is None else ids)[0]
        state = []
        for index, pair in enumerate(self.pairs):
            read = ids if index == 0 else None
            (ahead, after), (back, before) = (
                layer.read(x, keras.tree.flatten(layer.get_initial_state(rows)), ids=read, mask=mask, training=training)
                for layer in pair
            )
            x = tf.concat([ahead, tf.reverse(back, [1])], axis=2)  # (B, S, H)
            x = dropout(x, self.dropout if training else 0.0, tf.random.fold_in(seed, index))
            state += [tf.concat(halves, axis=1) for halves in zip(after, before, strict=True)]
        return x, tuple(state)

    def compute_mask(self, x, mask=None):
        return mask, None

    def get_config(self):
        own = {name: getattr(self, name) for name in ("cells", "units", "dropout", "precision")}
        return {**super().get_config(), **own}
