import resource

import pytest

from charlm.backend import measure_products, open_strategy, tf


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_rate_of_products_is_a_processor_s(precision):
    assert 1e8 < measure_products(open_strategy(2), precision, 16, 64) < 1e14


def test_the_memory_of_a_large_array_is_kept_for_the_next_one():
    x = tf.zeros((1 << 23,))  # 32 MiB: the system would hand it out page by page, 8,192 of them
    x + 1
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        x + 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 8192
