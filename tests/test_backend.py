import itertools
import resource
from types import SimpleNamespace

import pytest

from charlm import backend
from charlm.backend import measure_products, open_strategy, tf


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_operations_are_counted_over_all_replicas(precision, monkeypatch):
    monkeypatch.setattr(backend, "time", SimpleNamespace(perf_counter=itertools.count().__next__))  # a second each
    assert measure_products(open_strategy(2), precision, 16, 64) == 2 * 8 * 2 * 16 * 64 * (4 * 64 + 16)


def test_the_memory_of_a_large_array_is_kept_for_the_next_one():
    x = tf.zeros((1 << 23,))  # 32 MiB: the system would hand it out page by page, 8,192 of them
    x + 1
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        x + 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 8192
