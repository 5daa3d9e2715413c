import threading
import time

import pytest
from threadpoolctl import threadpool_info

from charlm.threads import map_on_cores


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_results_come_in_order_whatever_takes_longest():
    assert list(map_on_cores(lambda pause: time.sleep(pause) or pause, [0.1, 0.0, 0.05])) == [0.1, 0.0, 0.05]


def test_items_run_side_by_side_with_a_thread_each_for_their_products():
    before = blas_threads()
    inside = list(map_on_cores(lambda _: (threading.current_thread(), blas_threads()), range(4)))
    assert all(thread is not threading.main_thread() and set(counts) <= {1} for thread, counts in inside)
    assert blas_threads() == before


def test_an_item_alone_stays_where_it_is():
    assert list(map_on_cores(lambda _: threading.current_thread(), [0])) == [threading.main_thread()]


def test_an_error_arrives_and_what_has_not_begun_is_left_out():
    before, done = blas_threads(), []

    def work(item):
        if item == 0:
            raise ValueError("first")
        time.sleep(0.02)
        done.append(item)

    with pytest.raises(ValueError, match="first"):
        list(map_on_cores(work, range(1_000)))
    assert len(done) < 500
    assert blas_threads() == before
