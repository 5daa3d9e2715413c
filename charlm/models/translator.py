"""The translator: an encoder in both directions, a decoder, attention, vocabulary."""

from collections.abc import Sequence

from charlm.backend import keras, tf
from charlm.config import ModelConfig
from charlm.layers.attention import Attention
from charlm.layers.bidirectional import BidirectionalStack
from charlm.layers.recurrent import RecurrentStack
from charlm.models.vocabulary_model import (
    VocabularyModel,
    charge,
    cross_entropy,
    make_embedding,
    name_stack,
    network_options,
)
from charlm.tokenizer import PAD


@keras.saving.register_keras_serializable("charlm")
class Translator(VocabularyModel):
    """Predicts each next id of a target from the ids before it and from the whole of its source.

    The encoder's last state is the decoder's first one (Sutskever et al. 2014). What the decoder's last layer gives
    looks for its source (Luong et al. 2015), so that a whole target is one call of each fused scan. Without attention
    all that it finds there is that state, the last layer's `h`, at every step (Cho et al. 2014).

    Call arguments:
        inputs: sources `(B, S)`, each ended by `<eos>` and filled up with `<pad>`, and ids `(B, T)`.

    Returns:
        Logits `(B, T, V)`.

    Args:
        vocab_size: of the targets, `V`.
        source_vocab_size: of the sources.
        cells: the cell of each layer, in the encoder and in the decoder.
        units: width of each layer, `H`.
        embedding_dim: width of the embeddings; `units` where it is None.
        dropout: share of the values zeroed between the layers and after the last.
        weight_drop: share of the recurrent kernels' weights zeroed in a call.
        attention: its kind; `none` shows the decoder the encoder's last state and no more.
        heads: of the attention.
        label_smoothing: share of a target's probability that is taught to be spread evenly (Szegedy et al. 2016).
        tie_weights: the embedding is the output's kernel too.
        precision: `float32`, or `bfloat16` for the matrix products with weights.

    >>> model = Translator(9, 7, cells=["gru"], units=4)
    >>> tuple(model((tf.constant([[4, 5, 3]]), tf.constant([[2, 8]]))).shape)
    (1, 2, 9)
    """

    def __init__(
        self,
        vocab_size: int,
        source_vocab_size: int,
        *,
        cells: Sequence[str],
        units: int,
        embedding_dim: int | None = None,
        dropout: float = 0.0,
        weight_drop: float = 0.0,
        attention: str = "general",
        heads: int = 1,
        label_smoothing: float = 0.0,
        tie_weights: bool = False,
        precision: str = "float32",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.options = {"cells": list(cells), "units": units, "precision": precision}
        self.options |= {"dropout": dropout, "weight_drop": weight_drop}
        self.vocab_size, self.source_vocab_size = vocab_size, source_vocab_size
        self.embedding_dim, self.tie_weights = embedding_dim or units, tie_weights
        self.label_smoothing = label_smoothing
        self.source_embedding = make_embedding(source_vocab_size, self.embedding_dim, "source_embedding")
        self.embedding = make_embedding(vocab_size, self.embedding_dim, "embedding")
        self.encoder = BidirectionalStack(**self.options, name="encoder")
        self.stack = RecurrentStack(**self.options, name="stack")
        self.attention = Attention(attention, units, heads=heads, precision=precision, name="attention")
        self.build(None)

    @classmethod
    def from_model_config(
        cls, config: ModelConfig, vocab_size: int, source_vocab_size: int, *, precision: str = "float32"
    ) -> "Translator":
        """Makes the model that a run's config describes."""
        return cls(
            vocab_size,
            source_vocab_size,
            **network_options(config),
            attention=config.attention_kind,
            heads=config.heads,
            label_smoothing=config.label_smoothing,
            precision=precision,
        )

    def build(self, input_shape):
        if self.built:
            return
        for embedding, stack in ((self.source_embedding, self.encoder), (self.embedding, self.stack)):
            embedding.build((None, None))
            stack.build((None, None, self.embedding_dim))
        self.attention.build()
        self.build_output()
        self.built = True

    def call(self, inputs, training=None):
        source, ids = inputs
        return self.unroll(ids, self.encode(source, training=training), training=training)[0]

    def encode(self, source, *, training=None, seed=None):
        """Reads sources `(B, S)`, each ended by `<eos>` and filled up with `<pad>`; returns the decoder's first state.

        That is the decoder's own, then a memory and its mask: the encoder's outputs `(B, S, H)` and `(B, S)`; without
        attention its last state alone, `(B, 1, H)` and `(B, 1)`.
        """
        mask = source != PAD
        table = tf.convert_to_tensor(self.source_embedding.embeddings)
        memory, state = self.encoder(table, mask=mask, training=training, seed=seed, ids=source)
        if self.attention.kind == "none":
            memory, mask = self.stack.hidden(state)[:, None], tf.ones_like(mask[:, :1])
        return *state, memory, mask

    def unroll(self, ids, state, *, training=None, seed=None):
        """Reads ids from a given state on.

        Args:
            ids: `(B, T)`; a single step is `T = 1`.
            state: of `encode`, or of a call before.
            training: whether dropout works.
            seed: int32 `(2,)`, makes the dropout masks.

        Returns:
            Logits `(B, T, V)`, and the state after.
        """
        own, seen = state[:-2], state[-2:]
        table = tf.convert_to_tensor(self.embedding.embeddings)
        hidden, own = self.stack(table, state=own, training=training, seed=seed, ids=ids)
        hidden, _ = self.attention(hidden, *seen)
        return self.logits(hidden), (*own, *seen)

    def initial_state(self, batch_size):
        """Returns nothing: a translator carries no state from batch to batch."""
        return ()

    def training_loss(self, batch, state, *, seed):
        """Computes what a training step needs of a batch of a stream.

        Args:
            batch: a dictionary of `source` `(B, S)`, and `inputs`, `targets` and `weights`, `(B, T)` each.
            state: of `initial_state`.
            seed: int32 `(2,)`, makes the dropout masks.

        Returns:
            The summed loss of the weighted targets, the nats of the target's own characters among them, and the state.
        """
        encoder_seed, decoder_seed = (tf.random.fold_in(seed, which) for which in range(2))
        encoded = self.encode(batch["source"], training=True, seed=encoder_seed)
        logits, _ = self.unroll(batch["inputs"], encoded, training=True, seed=decoder_seed)
        nats = cross_entropy(batch["targets"], logits)  # (B, T)
        loss = nats
        if self.label_smoothing:
            even = tf.reduce_logsumexp(logits, -1) - tf.reduce_mean(logits, -1)  # what an even spread costs
            loss = (1 - self.label_smoothing) * nats + self.label_smoothing * even
        return tf.reduce_sum(loss * batch["weights"]), charge(batch["targets"], nats), state

    def named_variables(self) -> dict[str, "keras.Variable"]:
        """Returns the weights by the names that they have in a bundle."""
        named = {"source_embedding": self.source_embedding.embeddings, **super().named_variables()}
        named |= {f"attention.{name}": weight for name, weight in self.attention.named_weights.items()}
        return named | name_stack("encoder", self.encoder)

    def get_config(self):
        own = {name: getattr(self, name) for name in ("vocab_size", "source_vocab_size", "embedding_dim")}
        own |= {"tie_weights": self.tie_weights, "label_smoothing": self.label_smoothing}
        own |= {"attention": self.attention.kind, "heads": self.attention.heads}
        return {**super().get_config(), **own, **self.options}
