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


def make_trainer(**own):
    config = Config.from_settings({"units": 4, "cell": "gru", "batch_size": 2, **own})
    return Trainer(open_strategy(1), lambda: LanguageModel.from_model_config(config.model, 9), config.training)


def batch(*reset):
    rows = {"inputs": IDS, "targets": IDS, "weights": np.ones(IDS.shape, np.float32), "reset": np.array(reset)}
    return Batch(rows, np.float32(6), 6)


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


def test_what_dropout_keeps_is_scaled():
    dropped = dropout(tf.ones((400, 500)), 0.2, (0, 1)).numpy()
    assert (dropped == 0).mean() == pytest.approx(0.2, abs=0.01)
    assert np.unique(dropped).tolist() == pytest.approx([0, 1.25])
