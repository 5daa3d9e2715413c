"""The translator in NumPy: an encoder in both directions, a decoder, attention, vocabulary."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlm.config import ModelConfig
from charlm.runtime.attention import Attention, attention_shapes
from charlm.runtime.cells import Array, State
from charlm.runtime.language_model import check_tensors, output_kernel, output_shapes
from charlm.runtime.stack import BidirectionalStack, Shapes, Stack, bidirectional_shapes, stack_shapes
from charlm.tokenizer import PAD, Ids


def expected_shapes(config: ModelConfig, vocab_size: int, source_vocab_size: int) -> Shapes:
    """Returns the name and shape of each tensor of a translator."""
    width, units = config.embedding_width, config.units
    shapes: Shapes = {"source_embedding": (source_vocab_size, width), "embedding": (vocab_size, width)}
    shapes |= bidirectional_shapes("encoder", config.cells, width, units)
    shapes |= stack_shapes("layers", config.cells, width, units)
    own = attention_shapes(config.attention_kind, units)
    shapes |= {f"attention.{name}": shape for name, shape in own.items()}
    return shapes | output_shapes(config, vocab_size)


class TranslationEngine:
    """Encodes sources, and predicts their translations id by id; a `Decoder`.

    Its state is the decoder's, then a memory, its keys and its mask: the encoder's outputs `(B, S, H)`, or without
    attention its last state alone, `(B, 1, H)`.

    Args:
        config: the network.
        vocab_size: of the targets, `V`.
        source_vocab_size: of the sources.
        tensors: the weights by name, as in a bundle.

    Raises:
        BundleError: a tensor is missing, left over, or has another shape or type than the config says.
    """

    def __init__(
        self, config: ModelConfig, vocab_size: int, source_vocab_size: int, tensors: Mapping[str, NDArray[Any]]
    ):
        check_tensors(expected_shapes(config, vocab_size, source_vocab_size), tensors)
        self.vocab_size = vocab_size
        layers = config.cells, config.units
        self._encoder = BidirectionalStack("encoder", *layers, tensors["source_embedding"], tensors)
        self._decoder = Stack("layers", *layers, tensors["embedding"], tensors)
        self._kernel, self._bias = output_kernel(config, tensors), tensors["output.bias"]
        prefix = "attention."
        weights = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        self._attention = Attention(config, weights)
        self.num_states = len(self._decoder.initial_state(0))  # of the decoder
        self.has_attention = config.attention_kind != "none"

    def encode(self, source: Ids) -> State:
        """Reads sources `(B, S)`, each ended by `<eos>` and filled up with `<pad>`; returns the first state."""
        mask = source != PAD
        memory, state = self._encoder.read(source, mask)
        return self._remember(state, memory, mask) if self.has_attention else self.begin(state)

    def begin(self, state: State) -> State:
        """Returns the first state of a model without attention, from the decoder's own."""
        memory = self._decoder.hidden(state)[:, None]
        return self._remember(state, memory, np.ones(memory.shape[:2], bool))

    def _remember(self, state: State, memory: Array, mask: NDArray[Any]) -> State:
        memory = np.where(mask[:, :, None], memory, 0)
        return *state, memory, self._attention.keys(memory), mask

    def step(self, ids: NDArray[np.integer], state: State) -> tuple[Array, State]:
        """Reads one id a row, `(B,)`; returns logits `(B, V)` and the state after."""
        h, after = self._decoder.step(ids, state[: self.num_states])
        h, _ = self._attend(h[:, None], state)
        return h[:, 0] @ self._kernel + self._bias, (*after, *state[self.num_states :])

    def unroll(self, ids: Ids, state: State) -> tuple[Array, State]:
        """Reads ids `(B, T)`; returns logits `(B, T, V)` and the state after."""
        logits, _, state = self.unroll_attention(ids, state)
        return logits, state

    def unroll_attention(self, ids: Ids, state: State) -> tuple[Array, Array, State]:
        """Reads ids `(B, T)`; returns logits `(B, T, V)`, attention `(B, heads, T, S)`, and the state after."""
        outputs, after = self._decoder.unroll(ids, state[: self.num_states])
        h, weights = self._attend(outputs[-1].transpose(1, 0, 2), state)
        return h @ self._kernel + self._bias, weights, (*after, *state[self.num_states :])

    def _attend(self, queries: Array, state: State) -> tuple[Array, Array]:
        memory, keys, mask = state[self.num_states :]
        return self._attention(queries, memory, keys, mask.astype(bool))
