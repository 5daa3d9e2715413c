"""The bidirectional language model in Keras: a language model of each direction, and a head that joins them."""

from collections.abc import Sequence

from charlm.backend import keras, tf
from charlm.config import ModelConfig
from charlm.layers.kernels import product
from charlm.models.language_model import LanguageModel
from charlm.models.vocabulary_model import charge, network_options, piecewise_cross_entropy
from charlm.runtime.bidirectional import cloze_shapes
from charlm.runtime.stack import DIRECTIONS
from charlm.tokenizer import BOS


@keras.saving.register_keras_serializable("charlm")
class BidirectionalModel(keras.Model):
    """Predicts each id of a text from all the others: what stands before it and what stands after it.

    A stack that reads in both directions has seen the id that it is asked for. Here the directions stay apart: the
    forward model has read the ids before a place and the backward model those after it, each from `<bos>` on, and only
    their last layers' outputs meet, in `tanh(W [ahead; back] + b)`. Each direction is a language model of its own too,
    as in Peters et al. 2018.

    Call arguments:
        ids: `(B, T)`.

    Returns:
        Logits `(B, T, V)`, of each id in its place; none depends on the id itself.

    Args:
        vocab_size: `V`.
        cells: each layer's cell: `lstm`, `gru` or `rnn`.
        units: width of each layer, `H`.
        embedding_dim: width of the embedding, `H` where it is None.
        dropout: share of the values zeroed between the layers and after the last.
        weight_drop: share of the recurrent kernels' weights zeroed in a call.
        tie_weights: use the embedding, as wide as the layers, as the output's weights too.
        mogrify: whether what is read scales the first layers' states before each step (Melis et al. 2020).
        precision: `float32`, or `bfloat16` for the matrix products with weights.

    Raises:
        ConfigError: a cell does not exist.

    >>> model = BidirectionalModel(9, cells=["gru"], units=4)
    >>> tuple(model(tf.constant([[4, 5, 6]])).shape)
    (1, 3, 9)
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
        options = {"cells": list(cells), "units": units, "embedding_dim": embedding_dim, "dropout": dropout}
        options |= {"weight_drop": weight_drop, "tie_weights": tie_weights, "mogrify": mogrify, "precision": precision}
        self.vocab_size, self.options = vocab_size, options
        self.ahead, self.back = (LanguageModel(vocab_size, name=name, **options) for name in DIRECTIONS)
        self.build((None, None))

    @classmethod
    def from_model_config(
        cls, config: ModelConfig, vocab_size: int, *, precision: str = "float32"
    ) -> "BidirectionalModel":
        """Makes the model that a run's config describes."""
        return cls(vocab_size, **network_options(config), mogrify=config.mogrify, precision=precision)

    def build(self, input_shape):
        if self.built:
            return
        self.head = {
            name: self.add_weight(
                shape=shape,
                initializer="zeros" if name.endswith("bias") else "glorot_uniform",
                name=name.split(".", 1)[1],
            )
            for name, shape in cloze_shapes(self.options["units"], self.vocab_size).items()
        }
        self.built = True

    def call(self, ids, training=None):
        before = tf.concat([tf.fill((tf.shape(ids)[0], 1), BOS), ids[:, :-1]], axis=1)
        ahead, _ = self.ahead.read(before, self.initial_state(tf.shape(ids)[0]), training=training)
        return self.cloze(ahead, self.read_back(ids, training=training))

    def read_back(self, ids, *, training=None, seed=None):
        """Returns what the backward model gives before it reads each id, from the last to the first: `(B, T, H)`."""
        ids = tf.reverse(ids, [1])
        after = tf.concat([tf.fill((tf.shape(ids)[0], 1), BOS), ids[:, :-1]], axis=1)
        hidden, _ = self.back.read(after, self.back.initial_state(tf.shape(ids)[0]), training=training, seed=seed)
        return tf.reverse(hidden, [1])

    def cloze(self, ahead, back):
        """Returns logits `(B, T, V)` of the outputs of both directions, `(B, T, H)` each."""
        precision = self.options["precision"]
        joined = product(tf.concat([ahead, back], axis=2), self.head["cloze.kernel"], precision)
        joined = tf.tanh(joined + self.head["cloze.bias"])
        return product(joined, self.head["cloze.output.kernel"], precision) + self.head["cloze.output.bias"]

    def initial_state(self, batch_size):
        """Returns zeros, for `batch_size` rows of the forward model; the backward one starts anew in each window."""
        return self.ahead.initial_state(batch_size)

    def training_loss(self, batch, state, *, seed):
        """Computes what a training step needs of a batch of a stream: three losses at once.

        Args:
            batch: a dictionary of `inputs`, `targets` and `weights`, `(B, T)` each.
            state: of the forward model, before the batch.
            seed: int32 `(2,)`, makes the dropout masks.

        Returns:
            The summed losses of the weighted targets in both directions and of the head, the forward model's nats of
            the text's own characters among them, and the forward model's state after.
        """
        ahead_seed, back_seed = (tf.random.fold_in(seed, which) for which in range(2))
        ahead, state = self.ahead.read(batch["inputs"], state, training=True, seed=ahead_seed)
        back = self.read_back(batch["targets"], training=True, seed=back_seed)
        nats = [
            piecewise_cross_entropy(batch["targets"], outputs, to_logits, self.vocab_size)  # (B, T)
            for *outputs, to_logits in ((ahead, self.ahead.logits), (back, self.back.logits), (ahead, back, self.cloze))
        ]
        return tf.reduce_sum(tf.add_n(nats) * batch["weights"]), charge(batch["targets"], nats[0]), state

    def named_variables(self) -> dict[str, "keras.Variable"]:
        """Returns the weights by the names that they have in a bundle."""
        both = zip(DIRECTIONS, (self.ahead, self.back), strict=True)
        named = {f"{name}.{part}": weight for name, model in both for part, weight in model.named_variables().items()}
        return named | self.head

    def get_config(self):
        return {**super().get_config(), "vocab_size": self.vocab_size, **self.options}
