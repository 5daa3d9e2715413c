"""How far back a gradient reaches: the vanishing gradient, measured."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from charlm.backend import seeded, tf
from charlm.config import ModelConfig
from charlm.layers.recurrent import UPDATE_BIAS, RecurrentStack

DISTANCES = (1, 2, 5, 10, 20, 50, 100)
ROWS = 16

_SCALE = 1e25  #: of the gradient while it is computed, so that a small one is not lost in float32


def fresh_norms(cell: str, units: int, *, seed: int = 0) -> dict[int, float]:
    """Measures a language model's new layer on random inputs, as wide as it is, of a standard normal distribution.

    Args:
        cell: `lstm`, `gru` or `rnn`.
        units: width of the layer.
        seed: of its weights and inputs.

    Returns:
        What `gradient_norms` does.
    """
    inputs = tf.random.stateless_normal((ROWS, max(DISTANCES) + 1, units), (seed, 0))
    with seeded(seed):
        return gradient_norms(RecurrentStack([cell], units, update_bias=UPDATE_BIAS), inputs)


def trained_norms(config: ModelConfig, tensors: Mapping[str, Any], ids) -> dict[int, float]:
    """Measures the layers of a trained language model on a text.

    Args:
        config: of the model.
        tensors: a bundle's.
        ids: of the text, `(B, T)`, longer than the largest distance.

    Returns:
        What `gradient_norms` does.
    """
    stack = RecurrentStack(list(config.cells), config.units, mogrify=config.mogrify)
    inputs = tf.constant(tensors["embedding"][ids])
    stack.build(inputs.shape)
    for name, weight in stack.named_variables().items():
        weight.assign(tensors[f"layers.{name}"])
    return gradient_norms(stack, inputs)


def gradient_norms(stack: RecurrentStack, inputs) -> dict[int, float]:
    """Returns how much the last output still depends on an input some steps before it.

    It is the norm of the gradient of the output in a random direction of length 1, by the input at each distance; the
    geometric mean over rows.

    Args:
        stack: the layers.
        inputs: `(B, T, D)`, longer than the largest distance.
    """
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs, _ = stack(inputs)
        direction = tf.random.stateless_normal(tf.shape(outputs[:, -1]), (0, 1))
        direction /= tf.norm(direction, axis=1, keepdims=True)
        total = tf.reduce_sum(outputs[:, -1] * direction * _SCALE)
    norms = np.linalg.norm(tape.gradient(total, inputs).numpy().astype(np.float64), axis=2) / _SCALE  # (B, T)
    means = np.exp(np.log(np.maximum(norms, 1e-300)).mean(axis=0))
    return {distance: float(means[-1 - distance]) for distance in DISTANCES}
