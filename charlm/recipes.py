"""What a budget buys: sizes by name, a model for the minutes at hand, and the plan of a run.

The rule of `recommend` was found by trial, on training text. What was tried, and what it gave, stands in
`scripts/benchmarks/recipes.md`, and where a score on held-out text led to a change.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Collection
from typing import Any

from charlm.config import Config, ModelConfig, TrainingConfig
from charlm.runtime.cells import CELL_CLASSES

PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"units": 64, "layers": 1},
    "small": {"units": 128, "layers": 1},
    "medium": {"units": 256, "layers": 1},
    "large": {"units": 512, "layers": 2, "dropout": 0.2, "learning_rate": 2e-3},
}

#: What a task begins with where the user says nothing. An autoencoder's vector is the state: a GRU's is `h` alone.
DEFAULTS: dict[str, dict[str, Any]] = {
    "bidirectional": {"batch_size": 16, "sequence_length": 128},
    "translate": {"batch_size": 48, "label_smoothing": 0.1},
    "autoencode": {"batch_size": 48, "cell": "gru", "tokenizer": "bpe"},
    "forecast": {"units": 64},
}

DEFAULT_MINUTES = 5.0  #: where no budget is given
EVALUATIONS = 10
FINAL_SHARE = 0.05  #: of the peak learning rate, at the end of the cosine

_EVALUATION_SHARE = 0.1  #: of the time that is left, at most, goes into evaluations
_RESERVE = 0.05  #: of the time that is left stays free, for a machine that slows down
_LAST_RESERVE = 0.01  #: of all the time, at least, for the end


WIDTHS = (64, 128, 256, 384, 512, 768, 1024, 1536, 2048)  #: of one layer, which learns more in a time than two
#: To be read, at least, for a model to be worth its size; one that reads from both sides learns from each id twice.
_IDS_A_WEIGHT = {"language": 0.8, "bidirectional": 0.5, "forecast": 0.8}
_PAIRS_A_WEIGHT = 0.16  #: the same, where the text is one of pairs
#: For each epoch after the first, which sees nothing twice. Attention is learnt late where much is dropped, and what a
#: forecaster drops makes its intervals wider.
_DROPOUT_AN_EPOCH = {
    **{"language": 0.07, "bidirectional": 0.07},
    **{"translate": 0.03, "autoencode": 0.03, "classify": 0.03, "forecast": 0.0},
}
_MOST_DROPOUT = 0.5
_MOST_DROPOUT_OF_CHARACTERS = 0.2  #: and of bytes, with attention, which is learnt too late with more
_MOGRIFIED = ("language", "lstm")  #: the task and the first cell that learn sooner with a mogrifier
_MOGRIFIED_EPOCHS = 4  #: beyond which that is worth nothing
#: For what dropout would be beyond its most, so much of one layer's recurrent kernel, or of two layers' half as much:
#: else a short text is learnt by heart.
_WEIGHT_DROP = {"language": 0.6, "bidirectional": 0.6}
_MOST_WEIGHT_DROP = 0.3
_RATE = 6e-3  #: peak of the learning rate, of 512 units
_RATE_OF_VECTORS = 2.5e-3  #: the same, of an autoencoder
_HIGHEST_RATE = 1e-2  #: of narrow models
_HEADS, _HEADS_OF_PIECES = 4, 8  #: of attention, as far as they divide the units
_OVERHEAD = 2e3  #: operations that a step could take in the time of its other work, for each unit, layer and id


def recommend(
    config: Config,
    given: Collection[str],
    *,
    ids: int,
    ids_a_pair: float | None = None,
    vocab_size: int,
    seconds: float,
    rate: Callable[[int], float],
) -> Config:
    """Chooses what the user left open about the model and its training, for a run of so many `seconds`.

    The model is the largest that still reads enough in its time. The more often it reads the same text, the more is
    dropped, of what the layers give and then of their weights. The wider it is, the smaller are its steps.

    Args:
        config: with what the user set, and defaults elsewhere.
        given: the names of the settings that the user, or the task, set: these stay.
        ids: of the training split.
        ids_a_pair: in the mean; None where the text is not one of pairs.
        vocab_size: of its tokenizer.
        seconds: that the steps may take.
        rate: tells of a layer's units how many operations a second its matrix products do, on all replicas; it is asked
            once for a width, and for none that is wider than need be.

    Returns:
        The config, filled in.
    """
    given = {*given, "units"} if config.model.tie_weights and "embedding_dim" in given else given  # they are as wide
    given = {*given, "weight_drop"} if "dropout" in given else given  # who says what is dropped says all of it
    needed = _IDS_A_WEIGHT[config.model.task] if ids_a_pair is None else _PAIRS_A_WEIGHT * ids_a_pair

    rate = functools.cache(rate)

    def count_read(model: ModelConfig) -> float:
        return seconds * rate(model.units) / _operations(model, vocab_size)

    def reads_enough(model: ModelConfig) -> bool:
        return count_read(model) >= needed * _count_weights(model, vocab_size)

    widths = [config.model.units] if "units" in given else WIDTHS
    narrowest, *wider = (dataclasses.replace(config.model, units=units) for units in widths)
    model = [narrowest, *itertools.takewhile(reads_enough, wider)][-1]
    epochs = count_read(model) / ids
    of_pieces, has_attention = config.data.tokenizer == "bpe", model.attention_kind != "none"
    most = _MOST_DROPOUT_OF_CHARACTERS if has_attention and not of_pieces else _MOST_DROPOUT
    wanted = max(_DROPOUT_AN_EPOCH[model.task] * (epochs - 1), 0.0)
    dropout = min(wanted, most)
    weight_drop = min(_WEIGHT_DROP.get(model.task, 0.0) * (wanted - dropout) / len(model.cells), _MOST_WEIGHT_DROP)
    heads = (_HEADS_OF_PIECES if of_pieces else _HEADS) if has_attention else 1
    found = {"dropout": round(dropout, 2), "weight_drop": round(weight_drop, 2), "heads": math.gcd(heads, model.units)}
    found["mogrify"] = (model.task, model.cells[0]) == _MOGRIFIED and epochs <= _MOGRIFIED_EPOCHS
    model = dataclasses.replace(model, **_open(found, given))
    rate_of_512 = _RATE_OF_VECTORS if model.task == "autoencode" else _RATE
    learning_rate = min(rate_of_512 * math.sqrt(512 / model.units), _HIGHEST_RATE)
    training = dataclasses.replace(config.training, **_open({"learning_rate": learning_rate}, given))
    return dataclasses.replace(config, model=model, training=training)


def _open(settings: dict[str, Any], given: Collection[str]) -> dict[str, Any]:
    """Leaves out what is given."""
    return {name: value for name, value in settings.items() if name not in given}


def _count_products(model: ModelConfig, vocab_size: int) -> float:
    """Returns the weights that an id is multiplied with; the first layer's kernel is multiplied once for all.

    A translator's ids are taken half for sources, half for targets.
    """
    recurrent = [CELL_CLASSES[cell].gates * model.units**2 for cell in model.cells]
    decoder = 2 * sum(recurrent) - recurrent[0] + model.units * vocab_size
    if model.task == "language":
        return decoder
    encoder = 1.5 * sum(recurrent) - recurrent[0]  # of two halves
    if model.task in ("classify", "forecast"):
        return encoder if model.both_ways else 2 * sum(recurrent) - recurrent[0]
    if model.task == "bidirectional":
        return 2 * decoder + 2 * model.units**2 + model.units * vocab_size
    attention = (2 if model.attention_kind == "none" else 4) * model.units**2
    return (encoder + decoder + attention) / 2


def _operations(model: ModelConfig, vocab_size: int) -> float:
    """Returns what reading an id costs, forwards and backwards."""
    return 3 * 2 * _count_products(model, vocab_size) + _OVERHEAD * model.units * len(model.cells)


def _count_weights(model: ModelConfig, vocab_size: int) -> float:
    first = CELL_CLASSES[model.cells[0]].gates * model.units * model.embedding_width
    return _count_products(model, vocab_size) + first + vocab_size * model.embedding_width


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
    usable = seconds_left - max(_RESERVE * seconds_left, _LAST_RESERVE * 60 * (config.minutes or 0))
    if config.evaluate_every is not None:
        cost = step_seconds + evaluation_seconds / config.evaluate_every
        steps = done + max(int((usable - evaluation_seconds) / cost), 1)
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
        steps: of the whole run; None while it is not yet known, as the first ones are timed.
    """
    warmup = config.warmup if steps is None else min(config.warmup, max(steps // 4, 1))
    if step < warmup or steps is None:
        return config.learning_rate * min((step + 1) / warmup, 1.0)
    progress = (step - warmup) / max(steps - warmup, 1)
    return config.learning_rate * (FINAL_SHARE + (1 - FINAL_SHARE) * (1 + math.cos(math.pi * progress)) / 2)
