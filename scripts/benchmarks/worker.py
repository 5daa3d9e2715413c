"""How a measured program talks to `scripts/benchmark`: one JSON request a line in, one JSON answer a line out.

`{"open": KIND, …}` makes a measurement ready, warm-up included; `{"run": true}` takes it once and answers with a rate.
A program sleeps between its requests, so that several take turns on one machine.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

VOCABULARY = 65
BURST_SECONDS, BURST_STEPS = 1.5, 3  # a burst has both, at least, where nothing else is said

Measurement = Callable[[], float]
Opener = Callable[[dict[str, Any]], Measurement]


def burst(step: Callable[[], int], least: int = BURST_STEPS) -> Measurement:
    """Makes a measurement of `step`, which does some work and returns how much: work a second, by the median step."""

    def measure() -> float:
        rates: list[float] = []
        begun = time.perf_counter()
        while len(rates) < least or time.perf_counter() - begun < BURST_SECONDS:
            before = time.perf_counter()
            work = step()
            rates.append(work / (time.perf_counter() - before))
        return statistics.median(rates)

    return measure


def serve(openers: dict[str, Opener]) -> None:
    """Answers requests until the input ends."""
    measurement: Measurement | None = None
    for line in sys.stdin:
        request = json.loads(line)
        if "open" in request:
            measurement = None  # lets go of the memory before more is taken
            measurement = openers[request.pop("open")](request)
            answer: dict[str, Any] = {"ready": True}
        else:
            assert measurement is not None
            answer = {"rate": measurement()}
        print(json.dumps(answer), flush=True)
