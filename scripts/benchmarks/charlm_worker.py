"""charlm, measured: its own trainer and its own NumPy engine."""

import itertools

import numpy as np
from worker import VOCABULARY, burst, serve

from charlm.config import ModelConfig, TrainingConfig
from charlm.generation import generate
from charlm.runtime.language_model import LanguageEngine, expected_shapes
from charlm.sampling import Sampler
from charlm.tokenizer import SPECIALS


def training_step(case):
    """Makes a trainer, warmed up; returns what takes a step of it, and tells the characters."""
    from charlm.backend import count_devices, most_replicas, open_strategy
    from charlm.models.language_model import LanguageModel
    from charlm.streams import Batch
    from charlm.trainer import Trainer

    rows, length = case["batch"], case["length"]
    model = ModelConfig(cell=case["cell"], layers=case["layers"], units=case["units"])
    training = TrainingConfig(batch_size=rows, sequence_length=length, precision=case["precision"])
    trainer = Trainer(
        open_strategy(most_replicas(rows, count_devices())),
        lambda: LanguageModel.from_model_config(model, VOCABULARY, precision=training.precision),
        training,
    )
    ids = np.random.default_rng(0).integers(len(SPECIALS), VOCABULARY, (rows, length + 1), dtype=np.int32)
    ones = np.ones((rows, length), np.float32)
    columns = {"inputs": ids[:, :-1], "targets": ids[:, 1:], "weights": ones, "reset": np.zeros(rows, bool)}
    batch = Batch(columns, ones.sum(), np.int64(ones.size))
    numbers = itertools.count()

    def step():
        trainer.step(batch, next(numbers), training.learning_rate)
        return ones.size

    for _ in range(3):
        step()
    return step


def open_training(case):
    return burst(training_step(case))


def make_engine(case):
    """Makes an engine with random weights."""
    model = ModelConfig(cell=case["cell"], layers=case["layers"], units=case["units"])
    rng = np.random.default_rng(0)
    shapes = expected_shapes(model, VOCABULARY)
    tensors = {name: rng.normal(0, 0.05, shape).astype(np.float32) for name, shape in shapes.items()}
    return LanguageEngine(model, VOCABULARY, tensors)


def open_sampling(case):
    engine = make_engine(case)

    def step():
        nothing = np.zeros(0, np.int32)
        drawn = generate(engine, nothing, sampler=Sampler(), length=case["length"], rows=case["streams"], seed=0)
        return case["streams"] * sum(1 for _ in drawn)

    step()
    return burst(step)


def open_scoring(case):
    from charlm.scoring import score_ids

    engine = make_engine(case)
    ids = np.random.default_rng(0).integers(len(SPECIALS), VOCABULARY, case["characters"], dtype=np.int32)

    def step():
        score_ids(engine, ids)
        return len(ids)

    return burst(step, least=1)


def open_products(case):
    """NumPy's products of large square matrices, in float32: operations a second."""
    size = case["size"]
    a, b = np.random.default_rng(0).normal(size=(2, size, size)).astype(np.float32)

    def step():
        a @ b
        return 2 * size**3

    step()
    return burst(step)


if __name__ == "__main__":
    kinds = {"training": open_training, "sampling": open_sampling, "scoring": open_scoring, "products": open_products}
    serve(kinds)
