import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from charlm import threads
from charlm.threads import map_on_cores

PATIENCE = 30  # seconds


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(threads, "count_cores", lambda: 2)


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 4), ("150000 100000", 2), ("50000 100000", 1), ("900000 100000", 4), ("", 4)]
)
def test_a_container_s_quota_counts(quota, cores, monkeypatch, tmp_path):
    monkeypatch.undo()  # of two cores
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(threads, "_QUOTA", tmp_path / "cpu.max")
    assert threads.count_cores() == 4
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert threads.count_cores() == cores


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_results_come_in_order_though_the_first_is_done_last():
    second_is_done, told = threading.Event(), []

    def work(item):
        if item == 0:
            assert second_is_done.wait(PATIENCE)
        second_is_done.set()
        return item

    assert map_on_cores(work, [0, 1, 2], told.append) == told == [0, 1, 2]


def test_items_run_side_by_side_with_a_thread_each_for_their_products():
    before, meeting = blas_threads(), threading.Barrier(2)

    def work(_):
        meeting.wait(PATIENCE)  # breaks where one item must end for another to begin
        return blas_threads()

    inside = map_on_cores(work, range(4))
    assert len(before) == len(inside[0]) and all(set(counts) <= {1} for counts in inside)  # not all BLAS can be told
    assert blas_threads() == before


def test_overflow_is_treated_as_in_the_caller():
    def square(number):
        return np.float32(number) * np.float32(number)

    with np.errstate(over="ignore"):
        assert map_on_cores(square, [1e38, 2.0]) == [np.inf, 4.0]
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        map_on_cores(square, [1e38, 2.0])


def test_an_item_alone_stays_where_it_is():
    assert map_on_cores(lambda _: threading.current_thread(), [0]) == [threading.main_thread()]
    assert map_on_cores(abs, []) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_nothing_begins_and_the_next_call_works(error):
    before, done, reported = blas_threads(), [], threading.Event()

    def work(item):
        if item:
            reported.wait()
        done.append(item)

    def interrupt(item):
        reported.set()
        raise error

    with pytest.raises(error):
        map_on_cores(work, range(100_000), report=interrupt)
    assert len(done) < 100_000
    assert blas_threads() == before
    assert map_on_cores(abs, [-1, -2]) == [1, 2]
