"""What follows in a series, how wide of it, and how that compares with forecasts that need no model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlm.errors import ConfigError, TextError
from charlm.runtime.forecaster import QUANTILES, ForecastEngine

Values = NDArray[np.float64]

ROWS = 256  #: windows at a time
_LEAST_SEASON, _MOST_SEASON = 2, 1_000
MOST_WINDOWS = 5_000  #: that are judged: of a longer series, some


def windows(values: NDArray[Any], read: int, follow: int, *, stride: int = 1) -> tuple[NDArray[Any], NDArray[Any]]:
    """Cuts a series `(N, C)` into what is read `(W, read, C)` and what follows it `(W, follow, C)`.

    >>> before, after = windows(np.arange(5)[:, None], 2, 1, stride=2)
    >>> before[..., 0].tolist(), after[..., 0].tolist()
    ([[0, 1], [2, 3]], [[2], [4]])
    """
    if len(values) < read + follow:
        return np.empty((0, read, values.shape[1])), np.empty((0, follow, values.shape[1]))
    views = np.lib.stride_tricks.sliding_window_view(values, read + follow, axis=0)[::stride].transpose(0, 2, 1)
    return views[:, :read], views[:, read:]


def forecast(engine: ForecastEngine, values: Values) -> Values:
    """Returns quantiles of what follows windows `(B, S, C)`, or of these themselves: `(B, K, C, Q)`.

    All is in the series' own units. The interval is widened by the engine's margin, and quantiles that cross are put in
    order (Chernozhukov et al. 2010).
    """
    found = _read(engine, (values - engine.mean) / engine.deviation)
    median = found[..., QUANTILES.index(0.5)]
    low = np.minimum(found[..., 0] - engine.margin, median)
    high = np.maximum(found[..., -1] + engine.margin, median)
    return np.stack([low, median, high], axis=-1) * engine.deviation[:, None] + engine.mean[:, None]


def _read(engine: ForecastEngine, scaled: NDArray[Any]) -> Values:
    """Returns quantiles in order, `(B, K, C, Q)`, for windows `(B, S, C)`; both of mean 0 and deviation 1."""
    blocks = (scaled[begin : begin + ROWS].astype(np.float32) for begin in range(0, len(scaled), ROWS))
    return np.sort(np.concatenate([engine.read(block) for block in blocks]), axis=-1).astype(np.float64)


def _check(engine: ForecastEngine, values: Values) -> Values:
    values = np.asarray(values, np.float64)
    if values.ndim != 2 or values.shape[1] != engine.columns:
        raise TextError(f"The model forecasts {engine.columns} column(s). Received: an array of shape {values.shape}.")
    if not np.isfinite(values).all():
        raise TextError("The series holds values that are missing or not finite. Fill them in.")
    return values


def forecast_next(engine: ForecastEngine, values: Values, *, read: int) -> Values:
    """Does the work of `Run.forecast`."""
    values = _check(engine, values)
    if len(values) < read:
        raise TextError(f"The series has {len(values):,} steps: the model reads {read}. Give a longer one.")
    return forecast(engine, values[None, -read:])[0]


def find_margin(engine: ForecastEngine, history: NDArray[np.float32], wanted: NDArray[np.float32]) -> Values:
    """Returns by how much intervals must be widened to hold as often as they say, `(C,)` (Romano et al. 2019).

    Args:
        engine: the model.
        history: windows that it was not trained on, `(W, S, C)`, of mean 0 and deviation 1.
        wanted: what its quantiles are of, `(W, K, C)`.
    """
    found = _read(engine, history)
    outside = np.maximum(found[..., 0] - wanted, wanted - found[..., -1])  # below 0 within the interval
    return np.quantile(outside.reshape(-1, engine.columns), QUANTILES[-1] - QUANTILES[0], axis=0)


def find_season(values: Values, longest: int = _MOST_SEASON) -> int:
    """Returns the lag at which a series `(N, C)` is most like itself, from 2 to a third of its length, or `longest`.

    >>> find_season(np.sin(2 * np.pi * np.arange(200) / 12)[:, None])
    12
    """
    changing = values[:, _changes(values)]
    centred = changing - changing.mean(axis=0)
    centred /= centred.std(axis=0)  # so that each column counts alike
    lags = range(_LEAST_SEASON, max(min(len(values) // 3, longest), _LEAST_SEASON) + 1)
    likeness = [float((centred[lag:] * centred[:-lag]).sum()) / (len(values) - lag) for lag in lags]
    rising = [i for i in range(1, len(likeness)) if likeness[i] > likeness[i - 1]]
    first = rising[0] if rising else 0  # past the likeness of neighbours
    return lags[first + int(np.argmax(likeness[first:]))]


def _changes(values: Values) -> NDArray[np.bool_]:
    """Tells of each column whether it changes, `(C,)`; the variance of one that does not may be above 0 by rounding."""
    return np.ptp(values, axis=0) > 0


def judge_forecasts(engine: ForecastEngine, values: Values, *, read: int, season: int | None = None) -> dict[str, Any]:
    """Compares forecasts with what came, and with forecasts that need no model (Hyndman and Athanasopoulos 2021).

    Args:
        engine: the model.
        values: a series, `(N, C)`.
        read: steps that the model reads.
        season: of the seasonal-naive forecast; found in the series where it is None.

    Returns:
        `windows`; `mae`, the median's mean absolute error, and those of `naive` (the last value stays) and
        `seasonal_naive` (what was a season before comes again), all in deviations of the training split, so that each
        column counts alike; `season`; `coverage`, the share of the values within the interval of 80%; and
        `variance_left`, the squared error of the median over the variance, in the mean of the columns that change, None
        where none does.

    Raises:
        ConfigError: the season is not at least 1.
        TextError: the series is too short, or has other columns.
    """
    values = _check(engine, values)
    if season is not None and season < 1:
        raise ConfigError(f"`season` must be at least 1. Received: season={season}.")
    rebuilds = engine.config.rebuild
    follow = engine.config.follow
    if len(values) < max(read, _LEAST_SEASON if season is None else 0) + follow:
        raise TextError(
            f"The series has {len(values):,} steps: the model reads {read} and forecasts {follow}. Give a longer one."
        )
    longest = min(_MOST_SEASON, len(values) - follow)
    season = 0 if rebuilds else find_season(values, longest) if season is None else season
    before = max(read, season)
    stride = -(-len(values) // MOST_WINDOWS)
    history, targets = windows(values, before, follow, stride=stride)
    if not len(history):
        raise TextError(
            f"The series has {len(values):,} steps, of which a season of {season} and what follows take "
            f"{before + follow}. Give a longer one, or a shorter season."
        )
    found = forecast(engine, history[:, -read:])
    targets = history[:, -read:] if rebuilds else targets
    median = found[..., QUANTILES.index(0.5)]
    squared, variance = ((targets - median) ** 2).mean(axis=(0, 1)), values.var(axis=0)
    changes = _changes(values)
    figures: dict[str, Any] = {
        "windows": len(history),
        "mae": float((np.abs(targets - median) / engine.deviation).mean()),
        "coverage": float(((targets >= found[..., 0]) & (targets <= found[..., -1])).mean()),
        "variance_left": float((squared[changes] / variance[changes]).mean()) if changes.any() else None,
    }
    if not rebuilds:
        past = history[:, before - season + np.arange(follow) % season]
        naive = {"naive": history[:, -1:], "seasonal_naive": past}
        errors = {name: np.abs(targets - guess) / engine.deviation for name, guess in naive.items()}
        figures |= {name: float(error.mean()) for name, error in errors.items()} | {"season": season}
    return figures
