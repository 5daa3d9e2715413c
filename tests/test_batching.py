import numpy as np
import pytest

from charlm.batching import WIDTH, BatchPlan
from charlm.config import DataConfig
from charlm.pairs import prepare_pairs


@pytest.fixture(scope="module")
def split():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 40, (500, 2))
    pairs = [("a" * source, "b" * target) for source, target in lengths.tolist()]
    return prepare_pairs({"train": pairs, "validation": pairs[:1]}, DataConfig()).splits["train"]


@pytest.mark.parametrize("multiple", [1, 2, 3])
def test_an_epoch_has_every_pair_once_within_the_budget(split, multiple):
    plan = BatchPlan(split, tokens=800, multiple=multiple)
    for epoch in range(3):
        batches = [plan.rows(7, epoch, number) for number in range(len(plan))]
        assert sorted(np.concatenate(batches)[np.concatenate(batches) >= 0]) == list(range(500))
        for rows in batches:
            assert len(rows) % multiple == 0
            assert len(rows) * plan.widths[rows[rows >= 0]].max(axis=0).sum() <= 800


def test_the_order_is_a_function_of_seed_and_epoch(split):
    def first(seed, epoch):
        return BatchPlan(split, tokens=800).rows(seed, epoch, 0).tolist()

    assert first(0, 0) == first(0, 0)
    assert len({tuple(first(*which)) for which in ((0, 0), (0, 1), (1, 0))}) == 3


def test_lengths_in_a_batch_are_alike(split):
    plan = BatchPlan(split, tokens=800)
    used = sum(
        len(rows) * plan.widths[rows].max(axis=0).sum() for rows in (plan.rows(0, 0, n) for n in range(len(plan)))
    )
    needed = (split.source.lengths + split.target.lengths).sum()
    assert needed / used > 0.75


def test_a_pair_over_the_budget_has_a_batch_of_its_own(split):
    plan = BatchPlan(split, tokens=WIDTH)
    assert len(plan) == 500
