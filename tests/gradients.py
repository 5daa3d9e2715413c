"""The check of gradients by finite differences."""

import numpy as np
import pytest

from charlm.backend import tf


def assert_gradients_agree(loss, variables, *, tolerance=1e-4):
    """Compares the gradient of `loss()` with its slope, in a random direction of each variable.

    A large loss wants a `tolerance` of what float32 leaves of it.
    """
    with tf.GradientTape() as tape:
        value = loss()
    gradients = [tf.convert_to_tensor(g).numpy() for g in tape.gradient(value, [v.value for v in variables])]
    rng, step = np.random.default_rng(3), 1e-2
    for variable, gradient in zip(variables, gradients, strict=True):
        direction = rng.normal(size=variable.shape).astype("f")
        direction /= np.linalg.norm(direction)
        original = variable.numpy()
        variable.assign(original + step * direction)
        above = float(loss())
        variable.assign(original - step * direction)
        below = float(loss())
        variable.assign(original)
        slope = (above - below) / (2 * step)
        assert slope == pytest.approx(float((gradient * direction).sum()), rel=0.02, abs=tolerance)
