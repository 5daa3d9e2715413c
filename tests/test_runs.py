"""One table of tasks, and what every run of theirs keeps: it goes on exactly, and replicas learn what one learns."""

import numpy as np
import pytest
from resuming import assert_goes_on_exactly

import charlm
from charlm.backend import keras
from charlm.batching import BatchPlan
from charlm.objectives import classification, translation

COMMON = {
    **{"units": 8, "cell": "gru", "batch_size": 4, "sequence_length": 16},
    **{"steps": 12, "evaluate_every": 5, "split": "80/20"},
}
TASKS = {
    "language": {},
    "bidirectional": {},
    "translate": {"max_length": 16, "heads": 2, "label_smoothing": 0.1},
    "autoencode": {"max_length": 16, "tokenizer": "char"},
    "classify": {"max_length": 16, "balance": True},
    "forecast": {"horizon": 2},
}


class Record(keras.callbacks.Callback):
    """Keeps what each step told: its loss, and the gradient's norm before it is clipped."""

    def __init__(self):
        super().__init__()
        self.told = []

    def on_train_batch_end(self, batch, logs=None):
        self.told.append((logs["nats_per_character"], logs["gradient_norm"]))


@pytest.fixture(scope="module", params=TASKS)
def settings(request):
    return COMMON | {"task": request.param} | TASKS[request.param]


@pytest.fixture(scope="module")
def corpus(settings, text_file, pairs_file, pairs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora")
    if settings["task"] == "classify":
        path = folder / "labels.tsv"
        path.write_text("".join(f"{text}\t{'odd' if len(text) % 2 else 'even'}\n" for text, _ in pairs))
        return path
    if settings["task"] == "forecast":
        path = folder / "waves.csv"
        path.write_text("".join(f"{np.sin(step / 3):.5f},{np.cos(step / 4):.5f}\n" for step in range(300)))
        return path
    return pairs_file if settings["task"] == "translate" else text_file


def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(corpus, settings, tmp_path):
    options, record = settings | {"dropout": 0.2, "weight_drop": 0.2, "precision": "bfloat16"}, Record()
    charlm.train(corpus, tmp_path / "whole", callbacks=[record], **options)
    assert record.model.get_config()["precision"] == "bfloat16"
    assert_goes_on_exactly(corpus, tmp_path / "whole", tmp_path / "run", [2, 5], options)


def test_replicas_learn_what_one_learns(corpus, settings, tmp_path, monkeypatch):
    """The gradient's norm tells what the weights do not: Adam takes the same step with a gradient twice as large.

    Batches of pairs end where the replicas can share their rows; here four could, whatever their number.
    """
    for objective in (classification, translation):
        monkeypatch.setattr(objective, "plan_batches", lambda split, _: BatchPlan(split, tokens=64, multiple=4))
    told = []
    for replicas in (1, 2):
        record = Record()
        options = settings | {"steps": 3, "precision": "float32", "replicas": replicas}
        charlm.train(corpus, tmp_path / f"{replicas}", callbacks=[record], **options)
        told.append(record.told)
    assert told[1] == pytest.approx(np.array(told[0]), rel=1e-3)
    assert told[1][0] == pytest.approx(told[0][0], rel=1e-5)


def test_the_gradient_is_clipped_by_its_norm(text_file, tmp_path):
    """Adam divides by the gradient's size, but for one so short that the number it adds to that is longer."""

    def moved(norm):
        options = COMMON | {"learning_rate": 0.1, "warmup": 1, "clip_norm": norm}
        ends = [charlm.train(text_file, tmp_path / f"{norm} {n}", **options | {"steps": n}).tensors for n in (1, 3)]
        return max(np.abs(ends[0][name] - ends[1][name]).max() for name in ends[0])

    assert moved(1e-12) < 1e-3 < 0.05 < moved(1.0)
