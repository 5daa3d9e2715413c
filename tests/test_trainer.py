"""One optimiser step: what it carries on, and what it drops."""

import numpy as np
import pytest

from charlm.backend import open_strategy, tf
from charlm.config import Config
from charlm.layers.recurrent import dropout
from charlm.models.language_model import LanguageModel
from charlm.streams import Batch
from charlm.trainer import Trainer

IDS = np.array([[4, 5, 6], [7, 8, 4]], np.int32)


def make_trainer(replicas=1, **own):
    config = Config.from_settings({"units": 4, "cell": "gru", "batch_size": 2, **own})
    return Trainer(open_strategy(replicas), lambda: LanguageModel.from_model_config(config.model, 9), config.training)


def batch(*reset, ids=IDS, counts=1.0):
    weights = np.full(ids.shape, counts, np.float32)
    return Batch({"inputs": ids, "targets": ids, "weights": weights, "reset": np.array(reset)}, weights.sum(), 6)


def test_a_state_is_carried_on_and_reset():
    trainer, state = make_trainer(), np.zeros((2, 4), np.float32)
    for reset in ((True, True), (False, False), (False, True)):
        trainer.step(batch(*reset), 0, 0.0)
        before = np.where(np.array(reset)[:, None], np.float32(0), state)
        state = trainer.model.unroll(IDS, (tf.constant(before),))[1][0].numpy()
        np.testing.assert_allclose(trainer.tensors()["carried/0"], state, atol=1e-5)


def test_each_step_drops_others():
    trainer = make_trainer(dropout=0.5)
    one, again, other = (trainer.step(batch(True, True), step, 0.0).nats for step in (0, 0, 1))
    assert one == again != other


def test_a_seed_makes_the_weights_and_what_is_dropped():
    one, again, other = (make_trainer(dropout=0.5, seed=seed) for seed in (0, 0, 1))
    for name, tensor in one.weights().items():
        assert np.array_equal(tensor, again.weights()[name])
        assert name.endswith("bias") or not np.array_equal(tensor, other.weights()[name])
    other.restore(one.tensors())
    nats = [trainer.step(batch(True, True), 0, 0.0).nats for trainer in (one, again, other)]
    assert nats[0] == nats[1] != nats[2]


@pytest.mark.parametrize("weight_drop", [0.0, 0.5])
def test_each_replica_drops_others(weight_drop):
    trainer = make_trainer(replicas=2, weight_drop=weight_drop)
    trainer.step(batch(True, True, ids=IDS[[0, 0]]), 0, 0.0)
    one, other = trainer.tensors()["carried/0"]
    assert np.array_equal(one, other) == (weight_drop == 0)


def test_the_gradient_is_that_of_a_token():
    """Adam takes the same step with another gradient; but it is clipped by its norm."""
    reset, twice = [True] * 4, np.tile(IDS, (2, 1))
    half = batch(*reset, ids=twice, counts=np.array([[1], [1], [0], [0]]))
    norms = [make_trainer(batch_size=4).step(some, 0, 0.0).gradient_norm for some in (half, batch(*reset, ids=twice))]
    assert norms[0] == pytest.approx(norms[1], rel=1e-5)


def test_what_dropout_keeps_is_scaled():
    dropped = dropout(tf.ones((400, 500)), 0.2, (0, 1)).numpy()
    assert (dropped == 0).mean() == pytest.approx(0.2, abs=0.01)
    assert np.unique(dropped).tolist() == pytest.approx([0, 1.25])
