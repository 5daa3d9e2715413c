"""Small deterministic engines with exact expectations."""

import numpy as np


class CountingEngine:
    """Its state is the last id; it is certain that the next one is the one after, round the vocabulary.

    The logit of the right id is `certainty`, that of the `second` id what is given with it, all others are 0.
    """

    def __init__(self, vocab_size, certainty=50.0, second=(0, 0.0)):
        self.vocab_size, self.certainty, self.second = vocab_size, certainty, second

    def initial_state(self, batch_size):
        return (np.zeros((batch_size, 1), np.float32),)

    def step(self, ids, state):
        logits, state = self.unroll(np.asarray(ids)[:, None], state)
        return logits[:, 0], state

    def unroll(self, ids, state):
        following = np.where(ids + 1 < self.vocab_size, ids + 1, 4)
        logits = self.certainty * (np.arange(self.vocab_size) == np.maximum(following, 4)[..., None])
        index, least = self.second
        logits[..., index] = np.maximum(logits[..., index], least)
        return logits.astype(np.float32), (ids[:, -1:].astype(np.float32),)


class MemoryEngine:
    """Its logits depend on all it has read, most on the last; it records how many ids each row reads."""

    def __init__(self, vocab_size):
        self.vocab_size = vocab_size
        self.table = np.random.default_rng(0).normal(size=(vocab_size, vocab_size)).astype(np.float32)

    def initial_state(self, batch_size):
        return (np.zeros((batch_size, self.vocab_size), np.float32),)

    def step(self, ids, state):
        memory = 0.5 * state[0] + self.table[ids]
        return memory, (memory,)

    def unroll(self, ids, state):
        logits = []
        for t in range(ids.shape[1]):
            one, state = self.step(ids[:, t], state)
            logits.append(one)
        return np.stack(logits, axis=1), state
