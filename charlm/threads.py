"""A thread a core: NumPy's small products are done sooner side by side than each shared among the cores."""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")

_ALONE = threading.Lock()  # as the products' threads are the whole process's


_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of processor time in so many of the clock's


def count_cores() -> int:
    """Returns how many cores this process may use, or a container's quota of time is worth."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = map(int, _QUOTA.read_text().split())  # "max" where there is no limit
        return max(min(cores, -(-quota // period)), 1)
    return cores


@functools.cache
def _find_products() -> "ThreadpoolController":
    """Returns what sets how many threads matrix products take; once, as it takes milliseconds."""
    from threadpoolctl import ThreadpoolController  # seldom needed

    return ThreadpoolController()


def _ignore(result: object) -> None:
    pass


def map_on_cores(
    function: Callable[[Item], Result], items: Sequence[Item], report: Callable[[Result], None] = _ignore
) -> list[Result]:
    """Returns what a function makes of each item, in their order; an item has a core of its own, or if alone, them all.

    Meanwhile the process's matrix products take one thread each, and another call waits: neither `function` nor
    `report` may make one. NumPy's floating-point errors are treated as in the caller. An error, or Ctrl-C, waits for
    what has begun alone.

    Args:
        function: called in threads.
        items: what it is called with.
        report: told each result, in the order of the items, in the caller's thread.

    >>> map_on_cores(abs, [-2, 1, -3])
    [2, 1, 3]
    """
    if len(items) < 2:
        return _collect(map(function, items), report)
    errors = np.geterr()  # of the caller's thread

    def call(item: Item) -> Result:
        with np.errstate(**errors):
            return function(item)

    with _ALONE, _find_products().limit(limits=1, user_api="blas"):
        pool = ThreadPoolExecutor(count_cores())
        try:
            return _collect(pool.map(call, items), report)
        finally:
            pool.shutdown(cancel_futures=True)


def _collect(results: Iterable[Result], report: Callable[[Result], None]) -> list[Result]:
    collected = []
    for result in results:
        report(result)
        collected.append(result)
    return collected
