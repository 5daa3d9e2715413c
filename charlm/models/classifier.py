"""The classifier in Keras: embedding, recurrent stack, pooling over time, labels."""

from collections.abc import Sequence

from charlm.backend import keras, tf
from charlm.config import ModelConfig
from charlm.layers.bidirectional import BidirectionalStack
from charlm.layers.kernels import product
from charlm.layers.recurrent import RecurrentStack
from charlm.models.vocabulary_model import make_embedding, name_stack
from charlm.tokenizer import BOS, PAD, SPECIALS


@keras.saving.register_keras_serializable("charlm")
class Classifier(keras.Model):
    """Reads texts `(B, S)`, each ended by `<eos>` and filled up with `<pad>`, and gives logits `(B, labels)`.

    The stack reads from the left, as a language model's does, so that it can begin with the weights of one; or both
    ways. What its last layer gives is pooled over time: its mean and its largest values (Howard and Ruder 2018).

    Args:
        labels: how many.
        vocab_size: of the texts, `V`.
        cells: each layer's cell: `lstm`, `gru` or `rnn`.
        units: width of each layer, `H`.
        both_ways: whether the layers read from both sides, half of their width each.
        embedding_dim: width of the embedding; as wide as the layers where it is None.
        dropout: share of the values zeroed between the layers and after the last.
        weight_drop: share of the recurrent kernels' weights zeroed in a call.
        mogrify: whether what is read scales the first layer's state before each step, as that of a language model; not
            `both_ways`.
        precision: `float32`, or `bfloat16` for the matrix products with weights.

    >>> model = Classifier(3, 9, cells=["gru"], units=4)
    >>> tuple(model(tf.constant([[4, 5, 3], [6, 3, 0]])).shape)
    (2, 3)
    """

    def __init__(
        self,
        labels: int,
        vocab_size: int,
        *,
        cells: Sequence[str] = ("lstm",),
        units: int = 256,
        both_ways: bool = False,
        embedding_dim: int | None = None,
        dropout: float = 0.0,
        weight_drop: float = 0.0,
        mogrify: bool = False,
        precision: str = "float32",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.labels, self.vocab_size, self.embedding_dim = labels, vocab_size, embedding_dim or units
        self.embedding = make_embedding(vocab_size, self.embedding_dim, "embedding")
        self.options = {"cells": list(cells), "units": units, "precision": precision}
        self.options |= {"dropout": dropout, "weight_drop": weight_drop}
        self.options |= {"mogrify": True} if mogrify else {}  # which a stack of both directions does not know
        self.both_ways = both_ways
        self.stack = (BidirectionalStack if both_ways else RecurrentStack)(**self.options, name="stack")
        self.build((None, None))

    @classmethod
    def from_model_config(
        cls, config: ModelConfig, vocab_size: int, source_vocab_size: int, *, precision: str = "float32"
    ) -> "Classifier":
        """Makes the model that a run's config describes; `vocab_size` is that of the labels' tokenizer."""
        names = ("cells", "units", "both_ways", "dropout", "weight_drop", "mogrify")
        named, width = {name: getattr(config, name) for name in names}, config.embedding_width
        return cls(vocab_size - len(SPECIALS), source_vocab_size, **named, embedding_dim=width, precision=precision)

    def build(self, input_shape):
        if self.built:
            return
        self.embedding.build(input_shape)
        self.stack.build((None, None, self.embedding_dim))
        shape = (2 * self.stack.units, self.labels)
        self.output_kernel = self.add_weight(shape=shape, initializer="glorot_uniform", name="output_kernel")
        self.output_bias = self.add_weight(shape=(self.labels,), initializer="zeros", name="output_bias")
        self.built = True

    def call(self, source, training=None, seed=None):
        ids = tf.pad(source, [[0, 0], [1, 0]], constant_values=BOS)
        table, read = tf.convert_to_tensor(self.embedding.embeddings), ids != PAD  # (B, S)
        hidden, _ = self.stack(table, mask=read, training=training, seed=seed, ids=ids)
        mask = read[:, :, None]
        mean = tf.reduce_sum(tf.where(mask, hidden, 0.0), 1) / tf.reduce_sum(tf.cast(mask, tf.float32), 1)
        largest = tf.reduce_max(tf.where(mask, hidden, hidden.dtype.min), 1)
        return product(tf.concat([mean, largest], 1), self.output_kernel, self.stack.precision) + self.output_bias

    def initial_state(self, batch_size):
        """Returns nothing: a classifier carries no state from batch to batch."""
        return ()

    def training_loss(self, batch, state, *, seed):
        """Computes what a training step needs of a batch of a stream.

        Args:
            batch: a dictionary of `source` `(B, S)`, and `targets` and `weights`, `(B, T)`, whose first is the label's.
            state: of `initial_state`.
            seed: int32 `(2,)`, makes the dropout masks.

        Returns:
            The summed loss of the weighted labels, the nats of the labels, and the state.
        """
        logits = self(batch["source"], training=True, seed=seed)
        label, weight = batch["targets"][:, 0] - len(SPECIALS), batch["weights"][:, 0]
        is_row = label >= 0  # an empty row fills up the batch
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(label, 0), logits)
        return tf.reduce_sum(nats * weight), tf.reduce_sum(tf.where(is_row, nats, 0.0)), state

    def named_variables(self) -> dict[str, "keras.Variable"]:
        """Returns the weights by the names that they have in a bundle."""
        named = {"embedding": self.embedding.embeddings}
        named |= name_stack("layers", self.stack)
        return named | {"output.kernel": self.output_kernel, "output.bias": self.output_bias}

    def get_config(self):
        own = {name: getattr(self, name) for name in ("labels", "vocab_size", "embedding_dim", "both_ways")}
        return {**super().get_config(), **own, **self.options}
