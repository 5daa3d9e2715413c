"""What interrupts a run, and what tells that it went on exactly."""

import signal

import numpy as np
import pytest
from conftest import read_log
from safetensors.numpy import load_file

import charlm
from charlm import checkpoints
from charlm.backend import keras

LOSSES = ("step", "epoch", "train_nats_per_character", "valid_nats_per_character", "learning_rate")


def losses(folder):
    return [[line[name] for name in LOSSES] for line in read_log(folder)]


class StopAfter(keras.callbacks.Callback):
    """Interrupts the process after so many batches: as Ctrl-C does, or by other signals."""

    def __init__(self, batches, *signals):
        super().__init__()
        self.batches, self.signals = batches, signals or (signal.SIGINT,)

    def on_train_batch_end(self, batch, logs=None):
        self.batches -= 1
        if self.batches == 0:
            for number in self.signals:
                signal.raise_signal(number)


def assert_goes_on_exactly(corpus, whole, folder, interruptions, settings):
    """Trains with interruptions, and compares with a run that had none, bit for bit."""
    for batches in interruptions:
        with pytest.raises(KeyboardInterrupt):
            charlm.train(corpus, folder, resume=True, callbacks=[StopAfter(batches)], **settings)
    charlm.train(corpus, folder, resume=True, **settings)
    assert losses(folder) == losses(whole)
    kept = [checkpoints.load(path).tensors for path in (whole, folder)]
    bundles = [load_file(path / "model.safetensors") for path in (whole, folder)]
    for expected, found in (kept, bundles):
        assert expected.keys() == found.keys()
        for name, tensor in expected.items():
            assert np.array_equal(tensor, found[name]), name
