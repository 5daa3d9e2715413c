"""What follows in a series."""

from collections.abc import Iterator

import numpy as np

from charlm import streams
from charlm.backend import tf
from charlm.config import Config
from charlm.forecasting import MOST_WINDOWS, ROWS, find_margin, judge_forecasts, windows
from charlm.models.forecaster import Forecaster
from charlm.objectives.objective import Glimpse
from charlm.runtime.forecaster import QUANTILES, ForecastEngine
from charlm.series import SeriesStore

_SHARES = np.array(QUANTILES)


class ForecastObjective:
    """Teaches a forecaster the quantiles of what follows a window, or of the window; an `Objective` of values.

    Args:
        store: the series.
        config: of the run.
    """

    def __init__(self, store: SeriesStore, config: Config):
        self.store, self.config = store, config
        self.tokenizers = {"tokenizer": store.tokenizer}
        training = config.training
        self._read = training.sequence_length
        self._follow = config.model.follow
        self._shape = {"batch_size": training.batch_size, "read": self._read, "follow": self._follow}
        self._train = store.scaled("train")
        self.steps_per_epoch = streams.windows_per_epoch(self._train, **self._shape)
        validation = store.scaled("validation")
        stride = -(-len(validation) // MOST_WINDOWS)
        before, after = windows(validation, self._read, self._follow, stride=stride)
        self._windows, self._wanted = before, after if self._follow else before
        self.validation_characters = self._wanted.size

    def describe(self) -> str:
        """Says how long the series is."""
        return (
            f"{len(self._train):,} steps of {self.store.mean.size} column(s) to train on, "
            f"{len(self._windows):,} windows to validate"
        )

    def make_model(self) -> Forecaster:
        """Makes the model."""
        scale = {"mean": self.store.mean.tolist(), "deviation": self.store.deviation.tolist()}
        precision = self.config.training.precision
        self._model = Forecaster.from_model_config(
            self.config.model, self.store.mean.size, precision=precision, **scale
        )
        return self._model

    def batches(self, start: int) -> "tf.data.Dataset":
        """Streams windows from a step on."""
        return streams.series(self._train, **self._shape, seed=self.config.training.seed, start=start)

    def make_engine(self, weights: dict[str, np.ndarray]) -> ForecastEngine:
        """Makes the engine that judges these weights."""
        return ForecastEngine(self.config.model, self.store.mean.size, weights)

    def price(self, engine: ForecastEngine) -> Iterator[tuple[float, float]]:
        """Yields the nats of the targets of some more windows of the validation split, and the share that is done."""
        for begin in range(0, len(self._windows), ROWS):
            rows = slice(begin, begin + ROWS)
            over = self._wanted[rows][..., None] - engine.read(self._windows[rows]).astype(np.float64)
            nats = np.maximum(_SHARES * over, (_SHARES - 1) * over) - np.log(_SHARES * (1 - _SHARES))
            yield float(nats.mean(-1).sum()), min(begin + ROWS, len(self._windows)) / len(self._windows)

    def show(self, engine: ForecastEngine) -> Glimpse:
        """Judges the forecasts of the validation split, its intervals as they are; then finds their margin there."""
        engine.margin = np.zeros_like(engine.margin)
        figures = judge_forecasts(engine, self.store.splits["validation"], read=self._read, season=1)
        self._model.scales["margin"].assign(find_margin(engine, self._windows, self._wanted))
        kept = ("mae", "naive", "coverage") if self._follow else ("mae", "variance_left")
        return Glimpse("", {name: figures[name] for name in kept if figures[name] is not None})
