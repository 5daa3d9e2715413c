"""What models that write ids share: the embedding of what is written, and the weights from the last layer to logits."""

import math
from typing import Any

import numpy as np

from charlm.backend import keras, tf
from charlm.config import ModelConfig
from charlm.layers.kernels import product
from charlm.tokenizer import EOS, UNK

_PIECE_BYTES = 2**24  #: of logits in float32; measured with 8,000 ids, where 4 MiB and 8 MiB are slower
EMBEDDING_SPREAD = 0.3  #: standard deviation at the beginning; Keras's own 0.03 is learnt from far more slowly


class VocabularyModel(keras.Model):
    """The base of the models that write ids; these set `stack`, `vocab_size`, `tie_weights` and `embedding`."""

    def build_output(self):
        """Adds the weights between the last layer and the logits."""
        self.output_kernel = None
        if not self.tie_weights:
            shape = (self.stack.units, self.vocab_size)
            self.output_kernel = self.add_weight(shape=shape, initializer="glorot_uniform", name="output_kernel")
        self.output_bias = self.add_weight(shape=(self.vocab_size,), initializer="zeros", name="output_bias")

    def logits(self, hidden):
        """Returns logits `(B, T, V)` of the last layer's outputs `(B, T, H)`."""
        kernel = tf.transpose(self.embedding.embeddings) if self.tie_weights else self.output_kernel
        return product(hidden, kernel, self.stack.precision) + self.output_bias

    def named_variables(self) -> dict[str, "keras.Variable"]:
        """Returns the weights by the names that they have in a bundle."""
        named = {"embedding": self.embedding.embeddings, "output.bias": self.output_bias}
        if not self.tie_weights:
            named["output.kernel"] = self.output_kernel
        return named | name_stack("layers", self.stack)


def network_options(config: ModelConfig) -> dict[str, Any]:
    """Returns what a run's config says to the constructor of any model that writes ids."""
    named = {name: getattr(config, name) for name in ("cells", "units", "dropout", "weight_drop", "tie_weights")}
    return {**named, "embedding_dim": config.embedding_width}


def make_embedding(size: int, width: int, name: str) -> "keras.layers.Embedding":
    """Makes an embedding `(size, width)`."""
    spread = keras.initializers.RandomNormal(stddev=EMBEDDING_SPREAD)
    return keras.layers.Embedding(size, width, embeddings_initializer=spread, name=name)


def name_stack(prefix: str, stack) -> dict[str, "keras.Variable"]:
    """Returns the weights of a stack of recurrent layers by the names that they have in a bundle."""
    return {f"{prefix}.{name}": weight for name, weight in stack.named_variables().items()}


def cross_entropy(targets, logits):
    """Returns the nats `(…)` that ids `(…)` cost by logits `(…, V)`.

    What `tf.nn.sparse_softmax_cross_entropy_with_logits` gives, in half of its time on a processor.
    """
    return tf.reduce_logsumexp(logits, axis=-1) - tf.gather(logits, targets, batch_dims=len(targets.shape))


def piecewise_cross_entropy(targets, outputs, to_logits, vocab_size):
    """Returns what `cross_entropy` gives, of logits that are made of some time steps at a time.

    Those of a large vocabulary are far larger than what they are made of, and would fit neither into the caches nor
    into the memory that threads keep. A piece has at least `H` rows, as the weights have: their gradients, one for each
    piece, are no larger than the logits.

    Args:
        targets: int32 `(B, T)`, of a known shape.
        outputs: of the last layers, `(B, T, H)` each.
        to_logits: makes logits `(b, t, V)` of a piece of each.
        vocab_size: `V`.
    """
    rows = max(_PIECE_BYTES // (4 * vocab_size), outputs[0].shape[-1])
    pieces = min(math.ceil(math.prod(targets.shape) / rows), targets.shape[1])
    sizes = [len(part) for part in np.array_split(range(targets.shape[1]), pieces)]
    parts = zip(*(tf.split(array, sizes, axis=1) for array in (targets, *outputs)), strict=True)
    return tf.concat([cross_entropy(wanted, to_logits(*read)) for wanted, *read in parts], axis=1)


def charge(targets, nats):
    """Returns the nats of the text's own characters, summed: those of no special id but `<unk>`."""
    return tf.reduce_sum(tf.where((targets > EOS) | (targets == UNK), nats, 0.0))
