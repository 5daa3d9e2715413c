import pytest

from charlm.backend import measure_products, open_strategy


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_rate_of_products_is_a_processor_s(precision):
    assert 1e8 < measure_products(open_strategy(2), precision, 16, 64) < 1e14
