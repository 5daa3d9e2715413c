import itertools
import resource
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from charlm import backend
from charlm.backend import measure_products, open_strategy, tf


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_operations_are_counted_over_all_replicas(precision, monkeypatch):
    monkeypatch.setattr(backend, "time", SimpleNamespace(perf_counter=itertools.count().__next__))  # a second each
    assert measure_products(open_strategy(2), precision, 16, 64) == 2 * 8 * 2 * 16 * 64 * (4 * 64 + 16)


def test_the_memory_of_a_step_is_kept_for_the_next_one():
    x = tf.zeros((1 << 22,))  # 16 MiB: 64 such arrays anew from the system are 262,144 pages

    def count_faults(_):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(8):
            [x + which for which in range(8)]
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    with ThreadPoolExecutor(1) as pool:
        _, faults = pool.map(count_faults, range(2))
    assert faults < 32768


def test_threads_do_not_take_over_the_memory_of_each_other():
    x = tf.zeros((1 << 18,))

    def place_of_sum(_):
        return np.asarray(memoryview(x + 1)).ctypes.data

    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        places = [{*pool.map(place_of_sum, range(8))} for pool in (one, other, one, other)]
    assert places[0] & places[2]
    assert not (places[0] | places[2]) & (places[1] | places[3])
