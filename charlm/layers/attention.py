"""Attention: each query looks for what it needs in a memory."""

from charlm.backend import keras, tf
from charlm.config import ATTENTIONS
from charlm.errors import ConfigError
from charlm.layers.kernels import product
from charlm.runtime.attention import attention_shapes


@keras.saving.register_keras_serializable("charlm")
class Attention(keras.layers.Layer):
    """Weighs the rows of a memory by how well their keys suit a query, and joins what it finds with the query.

    With query `q` and key `k`, both of width `D` a head, a row's score is

    * `additive`: `v · tanh(W q + U k)` (Bahdanau et al. 2015);
    * `dot`: `q · k`;
    * `general`: `q · (U k)` (Luong et al. 2015);
    * `scaled`: `q · k / √D` (Vaswani et al. 2017);
    * `none`: of no account, as the memory is one row.

    Their softmax over the rows weighs the memory; several heads do so each with a share of the width. The result is
    `tanh(C [context; q] + b)` (Luong et al. 2015).

    Call arguments:
        queries: `(B, T, H)`.
        memory: `(B, S, H)`.
        mask: `(B, S)`, True for the rows that may be looked at: one, at least. Nothing of the others is used.

    Returns:
        Outputs `(B, T, H)`, and the weights `(B, heads, T, S)`.

    Args:
        kind: `additive`, `dot`, `general`, `scaled` or `none`.
        units: width, `H`.
        heads: how many; they divide the width.
        precision: `float32`, or `bfloat16` for the products with weights.

    Raises:
        ConfigError: the kind does not exist, or the heads do not divide the width.

    >>> outputs, weights = Attention("dot", 4, heads=2)(tf.zeros((1, 3, 4)), tf.zeros((1, 5, 4)), tf.ones((1, 5), bool))
    >>> tuple(outputs.shape), tuple(weights.shape), float(weights[0, 0, 0, 0])
    ((1, 3, 4), (1, 2, 3, 5), 0.20000000298023224)
    """

    def __init__(self, kind: str, units: int, *, heads: int = 1, precision: str = "float32", **kwargs):
        super().__init__(**kwargs)
        if kind not in (*ATTENTIONS, "none"):
            raise ConfigError(f"`kind` must be one of {', '.join(ATTENTIONS)} or none. Received: kind={kind!r}.")
        if units % heads:
            raise ConfigError(f"`heads` must divide `units`. Received: heads={heads}, units={units}.")
        self.kind, self.units, self.heads, self.precision = kind, units, heads, precision

    def build(self, input_shape=None):
        if self.built:
            return
        self.named_weights = {
            name: self.add_weight(shape=shape, initializer="zeros" if name == "bias" else "glorot_uniform", name=name)
            for name, shape in attention_shapes(self.kind, self.units).items()
        }
        self.built = True

    def call(self, queries, memory, mask):
        memory = tf.where(mask[:, :, None], memory, tf.zeros_like(memory))
        scores = self._score(queries, self._project(memory, "key_kernel"))  # (B, heads, T, S)
        scores = tf.where(mask[:, None, None, :], scores, scores.dtype.min)
        weights = tf.nn.softmax(scores)
        context = tf.matmul(weights, self._split(memory))  # (B, heads, T, D)
        context = tf.reshape(tf.transpose(context, (0, 2, 1, 3)), tf.shape(queries))  # (B, T, H)
        joined = product(tf.concat([context, queries], axis=2), self.named_weights["kernel"], self.precision)
        return tf.tanh(joined + self.named_weights["bias"]), weights

    def _score(self, queries, keys):
        if self.kind == "additive":
            queries = self._split(self._project(queries, "query_kernel"))[:, :, :, None]  # (B, heads, T, 1, D)
            vector = tf.reshape(self.named_weights["vector"], (self.heads, 1, 1, -1))
            return tf.reduce_sum(vector * tf.tanh(queries + self._split(keys)[:, :, None]), axis=-1)
        scores = tf.matmul(self._split(queries), self._split(keys), transpose_b=True)
        return scores / (self.units // self.heads) ** 0.5 if self.kind == "scaled" else scores

    def _project(self, x, name: str):
        return product(x, self.named_weights[name], self.precision) if name in self.named_weights else x

    def _split(self, x):
        """Deals the width to the heads: `(B, T, H)` to `(B, heads, T, D)`."""
        parts = tf.reshape(x, (tf.shape(x)[0], tf.shape(x)[1], self.heads, self.units // self.heads))
        return tf.transpose(parts, (0, 2, 1, 3))

    def get_config(self):
        own = {name: getattr(self, name) for name in ("kind", "units", "heads", "precision")}
        return {**super().get_config(), **own}
