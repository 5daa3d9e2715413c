"""What a budget buys: sizes by name, and the plan of a run."""

import math
from typing import Any

from charlm.config import TrainingConfig

PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"units": 64},
    "small": {"units": 128},
    "medium": {"units": 256},
    "large": {"units": 512, "layers": 2, "dropout": 0.2, "learning_rate": 2e-3},
}

DEFAULT_MINUTES = 5.0  #: where no budget is given
EVALUATIONS = 10
FINAL_SHARE = 0.05  #: of the peak learning rate, at the end of the cosine

_EVALUATION_SHARE = 0.1  #: of the time that is left, at most, goes into evaluations
_RESERVE = 0.04  #: of the time that is left stays free, for a machine that slows down


def next_evaluation(config: TrainingConfig, step: int, steps: int) -> int:
    """Returns the step of the next evaluation in a run of a known number of steps."""
    return min(step + (config.evaluate_every or math.ceil(steps / EVALUATIONS)), steps)


def plan_minutes(
    config: TrainingConfig, *, done: int, seconds_left: float, step_seconds: float, evaluation_seconds: float
) -> tuple[int, int]:
    """Plans what is left of a run of so many `minutes`, from what its steps and evaluations took so far.

    Args:
        config: what the user set.
        done: steps taken so far.
        seconds_left: until the run must have ended.
        step_seconds: what a step takes.
        evaluation_seconds: what an evaluation takes, a checkpoint included.

    Returns:
        The steps of the whole run, at least one more than are done, and the step of the next evaluation.
    """
    usable = seconds_left * (1 - _RESERVE)
    if config.evaluate_every is not None:
        cost = step_seconds + evaluation_seconds / config.evaluate_every
        steps = done + max(int(usable / cost), 1)
        return steps, min(done + config.evaluate_every, steps)
    affordable = int(usable * _EVALUATION_SHARE / evaluation_seconds)
    due = round(EVALUATIONS * seconds_left / (60 * config.minutes)) if config.minutes else 1
    evaluations = max(min(affordable, due, EVALUATIONS), 1)
    more = max(int((usable - evaluations * evaluation_seconds) / step_seconds), 1)
    return done + more, done + math.ceil(more / evaluations)


def learning_rate(config: TrainingConfig, step: int, steps: int | None) -> float:
    """Returns the learning rate of a step: linear warm-up, then a cosine (Loshchilov and Hutter 2017).

    Args:
        config: the peak and the length of the warm-up.
        step: counted from 0.
        steps: of the whole run; None while it is not yet known, which is during the warm-up alone.
    """
    warmup = config.warmup if steps is None else min(config.warmup, max(steps // 4, 1))
    if step < warmup or steps is None:
        return config.learning_rate * min((step + 1) / warmup, 1.0)
    progress = (step - warmup) / max(steps - warmup, 1)
    return config.learning_rate * (FINAL_SHARE + (1 - FINAL_SHARE) * (1 + math.cos(math.pi * progress)) / 2)
