"""The language model in Keras: embedding, recurrent stack, vocabulary."""

from collections.abc import Sequence

from charlm.backend import keras, tf
from charlm.config import ModelConfig
from charlm.layers.recurrent import UPDATE_BIAS, RecurrentStack
from charlm.models.vocabulary_model import (
    VocabularyModel,
    charge,
    make_embedding,
    network_options,
    piecewise_cross_entropy,
)


@keras.saving.register_keras_serializable("charlm")
class LanguageModel(VocabularyModel):
    """Reads ids `(B, T)` and gives the logits `(B, T, V)` of the id that follows each.

    Args:
        vocab_size: `V`.
        cells: each layer's cell: `lstm`, `gru` or `rnn`.
        units: width of each layer.
        embedding_dim: width of the embedding; as wide as the layers where it is None.
        dropout: share of the values zeroed between the layers and after the last.
        weight_drop: share of the recurrent kernels' weights zeroed in a call.
        tie_weights: use the embedding as the output's weights too (Press and Wolf 2017).
        mogrify: whether what is read scales the first layer's state before each step (Melis et al. 2020).
        precision: `float32`, or `bfloat16` for the matrix products with weights.

    >>> model = LanguageModel(10, cells=["gru"], units=4)
    >>> tuple(model(tf.zeros((2, 3), tf.int32)).shape), model.count_params()
    ((2, 3, 10), 210)
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        cells: Sequence[str] = ("lstm",),
        units: int = 256,
        embedding_dim: int | None = None,
        dropout: float = 0.0,
        weight_drop: float = 0.0,
        tie_weights: bool = False,
        mogrify: bool = False,
        precision: str = "float32",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocab_size, self.embedding_dim, self.tie_weights = vocab_size, embedding_dim or units, tie_weights
        self.embedding = make_embedding(vocab_size, self.embedding_dim, "embedding")
        self.options = {"cells": list(cells), "units": units, "precision": precision}
        self.options |= {"dropout": dropout, "weight_drop": weight_drop, "mogrify": mogrify}
        self.stack = RecurrentStack(**self.options, update_bias=UPDATE_BIAS, name="stack")
        self.build((None, None))

    @classmethod
    def from_model_config(cls, config: ModelConfig, vocab_size: int, *, precision: str = "float32") -> "LanguageModel":
        """Makes the model that a run's config describes."""
        return cls(vocab_size, **network_options(config), mogrify=config.mogrify, precision=precision)

    def build(self, input_shape):
        if self.built:
            return
        self.embedding.build(input_shape)
        self.stack.build((*input_shape, self.embedding_dim))
        self.build_output()
        self.built = True

    def call(self, ids, training=None):
        logits, _ = self.unroll(ids, self.stack.initial_state(tf.shape(ids)[0]), training=training)
        return logits

    def unroll(self, ids, state, *, training=None, seed=None):
        """Reads ids from a given state on.

        Args:
            ids: `(B, T)`; a single step is `T = 1`.
            state: of `initial_state`, or of a call before.
            training: whether dropout works.
            seed: int32 `(2,)`, makes the dropout masks.

        Returns:
            Logits `(B, T, V)`, and the state after.
        """
        hidden, state = self.read(ids, state, training=training, seed=seed)
        return self.logits(hidden), state

    def read(self, ids, state, *, training=None, seed=None):
        """Does what `unroll` does up to the last layer: returns its outputs `(B, T, H)`, and the state after."""
        table = tf.convert_to_tensor(self.embedding.embeddings)
        return self.stack(table, state=state, training=training, seed=seed, ids=ids)

    def initial_state(self, batch_size):
        """Returns zeros, for `batch_size` rows."""
        return self.stack.initial_state(batch_size)

    def training_loss(self, batch, state, *, seed):
        """Computes what a training step needs of a batch of a stream.

        Args:
            batch: a dictionary of `inputs`, `targets` and `weights`, `(B, T)` each.
            state: before the batch.
            seed: int32 `(2,)`, makes the dropout masks.

        Returns:
            The summed loss of the weighted targets, the nats of the text's own characters among them, and the
            state after.
        """
        hidden, state = self.read(batch["inputs"], state, training=True, seed=seed)
        nats = piecewise_cross_entropy(batch["targets"], [hidden], self.logits, self.vocab_size)  # (B, T)
        return tf.reduce_sum(nats * batch["weights"]), charge(batch["targets"], nats), state

    def get_config(self):
        own = {"vocab_size": self.vocab_size, "embedding_dim": self.embedding_dim, "tie_weights": self.tie_weights}
        return {**super().get_config(), **own, **self.options}
