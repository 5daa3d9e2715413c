"""The forecaster: the contracts of every model, and what numbers bring with them."""

import json

import numpy as np
import pytest
from models import MODELS, VALUES, engine_of, make

import charlm
from charlm.cli import main
from charlm.config import DataConfig, ModelConfig, ReadingConfig
from charlm.errors import ConfigError, CorpusError, TextError
from charlm.forecasting import find_margin, find_season, forecast, forecast_next, judge_forecasts, windows
from charlm.runtime.forecaster import QUANTILES
from charlm.series import Series, prepare_series, read_series
from charlm.streams import series as stream
from charlm.streams import windows_per_epoch
from charlm.tasks.series import SERIES

SETTINGS = {
    "task": "forecast",
    "units": 8,
    "batch_size": 8,
    "sequence_length": 12,
    "horizon": 2,
    "steps": 40,
    "evaluate_every": 20,
    "dropout": 0.1,
    "split": "70/15/15",
    "precision": "float32",
}


@pytest.fixture(params=[name for name in MODELS if name.startswith(("forecaster", "rebuilder"))])
def config(request):
    return MODELS[request.param]


def test_a_batch_is_as_one_by_one(config):
    engine = engine_of(make(config), config)
    together = engine.read(VALUES)
    for row in range(len(VALUES)):
        np.testing.assert_allclose(together[row], engine.read(VALUES[row : row + 1])[0], atol=1e-6)


def test_a_rebuilt_window_comes_from_the_state_alone():
    config = MODELS["rebuilder"]
    engine = engine_of(make(config), config)
    state = engine.encode(VALUES)
    assert [part.shape for part in state] == [(3, 8)]
    np.testing.assert_allclose(engine.decode(state), engine.read(VALUES), atol=1e-6)


def test_forecasts_are_in_the_series_own_units_and_in_order():
    config = MODELS["forecaster"]
    engine = engine_of(make(config), config)
    own = VALUES * [0.5, 3.0] + [1.0, -2.0]
    found = forecast(engine, own)
    wider = np.sort(engine.read(VALUES), axis=-1) + np.array([[0.1], [0.2]]) * [-1, 0, 1]
    expected = wider * np.array([[0.5], [3.0]]) + np.array([[1.0], [-2.0]])
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert (np.diff(found, axis=-1) >= 0).all()


class Oracle:
    """Knows a series that goes up by one each step, and is wide of it by a tenth on each side."""

    config, columns = ModelConfig(task="forecast", horizon=3), 1
    mean, deviation, margin = np.zeros(1), np.ones(1), np.zeros(1)

    def read(self, values):
        following = values[:, -1:] + np.arange(1, 4)[None, :, None]
        return following[..., None] + np.array([-0.1, 0.0, 0.1])


def test_the_newest_steps_are_continued():
    found = forecast_next(Oracle(), np.arange(60.0)[:, None], read=8)
    np.testing.assert_allclose(found[:, 0, 1], [60, 61, 62])


def test_forecasts_are_judged_beside_those_that_need_no_model():
    figures = judge_forecasts(Oracle(), np.arange(60.0)[:, None], read=8, season=4)
    assert figures["mae"] == pytest.approx(0, abs=1e-5) and figures["coverage"] == 1
    assert figures["naive"] == pytest.approx(2) and figures["seasonal_naive"] == pytest.approx(4)
    assert figures["windows"] == 60 - 8 - 3 + 1
    with pytest.raises(TextError, match="has 6 steps: the model reads 8 and forecasts 3"):
        judge_forecasts(Oracle(), np.arange(6.0)[:, None], read=8, season=4)


def test_the_margin_makes_intervals_hold_as_often_as_they_say():
    rng = np.random.default_rng(0)
    history = np.zeros((2_000, 4, 1))
    wanted = history[:, -1:] + np.arange(1, 4)[None, :, None] + rng.normal(size=(2_000, 3, 1))
    oracle = Oracle()
    oracle.margin = find_margin(oracle, history, wanted)
    assert 0.1 + oracle.margin[0] == pytest.approx(1.2816, abs=0.03)  # the normal distribution's 0.9 quantile
    found = forecast(oracle, history)
    assert ((wanted >= found[..., 0]) & (wanted <= found[..., -1])).mean() == pytest.approx(0.8, abs=0.001)


def test_the_margin_never_moves_the_median():
    oracle = Oracle()
    oracle.margin = np.array([-5.0])
    np.testing.assert_allclose(forecast(oracle, np.zeros((1, 4, 1)))[0, :, 0], np.arange(1, 4)[:, None] * np.ones(3))


class Wrong(Oracle):
    """Foretells the mean of two columns, always."""

    columns, mean, margin, deviation = 2, np.zeros(2), np.zeros(2), np.array([1.0, 1e4])

    def read(self, values):
        return np.repeat(np.zeros_like(values[:, :3])[..., None], 3, axis=-1)


def test_each_column_counts_alike():
    rng = np.random.default_rng(0)
    waves = np.sin(2 * np.pi * np.arange(400) / 12)
    values = np.stack([waves, 1e4 * rng.normal(size=400)], axis=1)
    figures = judge_forecasts(Wrong(), values, read=8)
    assert figures["season"] % 12 == 0
    assert figures["mae"] == pytest.approx((2 / np.pi + np.sqrt(2 / np.pi)) / 2, abs=0.03)
    assert figures["variance_left"] == pytest.approx(1, abs=0.1)


def test_the_season_may_be_a_third_of_the_series():
    assert find_season(np.sin(2 * np.pi * np.arange(36) / 12)[:, None]) == 12


@pytest.mark.parametrize("constant", [0.0, 0.1, 21.3])
def test_a_column_that_stands_still_has_no_say(constant):
    waves = np.sin(2 * np.pi * np.arange(400) / 12)
    figures, without = (
        judge_forecasts(Wrong(), np.stack([waves, column], axis=1), read=8)
        for column in (np.full(400, constant), np.zeros(400))
    )
    assert figures["season"] == without["season"] and figures["season"] % 12 == 0
    assert figures["variance_left"] == without["variance_left"]
    assert find_season(np.full((400, 1), constant)) == 2


@pytest.mark.parametrize("values", [np.full((20, 1), np.nan), [[1.0]] * 19 + [[np.inf]]])
def test_what_is_not_finite_is_refused(values):
    with pytest.raises(TextError, match="missing or not finite"):
        judge_forecasts(Oracle(), values, read=8)


def test_a_stream_reads_each_window_once_an_epoch_and_starts_anywhere():
    values = np.arange(50, dtype=np.float32)[:, None]
    shape = {"batch_size": 4, "read": 6, "follow": 2}
    steps = windows_per_epoch(values, **shape)
    batches = list(stream(values, **shape, seed=3).take(steps + 2).as_numpy_iterator())
    firsts = np.concatenate([batch.rows["values"][:, 0, 0] for batch in batches[:steps]])
    assert len(set(firsts.tolist())) == len(firsts) == 40
    for batch in batches:
        np.testing.assert_array_equal(batch.rows["targets"][:, :, 0], batch.rows["values"][:, -1:, 0] + [[1, 2]])
        assert batch.tokens == batch.characters == 8
    late = next(stream(values, **shape, seed=3, start=steps + 1).as_numpy_iterator())
    np.testing.assert_array_equal(late.rows["values"], batches[steps + 1].rows["values"])


def test_csv_files(tmp_path):
    file = tmp_path / "series.csv"
    file.write_text("\nheat,wind\n1,2\n3.5,-4e-1\n5,6\n\n\n")
    series = read_series(str(file), ReadingConfig())
    assert series.names == ["heat", "wind"] and series.values.tolist() == [[1, 2], [3.5, -0.4], [5, 6]]
    file.write_text("heat\n\n1\n\n2\n\n")
    assert read_series(str(file), ReadingConfig()).values.tolist() == [[1], [2]]
    file.write_text("1\n2\n")
    assert read_series(str(file), ReadingConfig()).names == ["column 1"]
    for text, message in (
        ("", "is empty"),
        ("a,b\n1,2\n1\n", "line 3: 1 values where 2 belong"),
        ("a,b\n1,2\n1,\n", "line 3: 'b' is missing"),
        ("heat\n1\n\n2\n", "line 3: 'heat' is missing"),
        ("a,b\n1,2\n1,cold\n", "line 3: 'b' is no number: 'cold'"),
        ("a,b\n1,2\n1,nan\n", "line 3: 'b' is no number: 'nan'"),
        ("a,b\n1,2\n1,2024_01\n", "line 3: 'b' is no number: '2024_01'"),
        ("a,b\n1,2\n1,-1e308\n", "line 3: 'b' is too large: -1e308. Take other units."),
        ("a,a\n1,2\n", "two columns have the same name"),
    ):
        file.write_text(text)
        with pytest.raises(CorpusError, match=message):
            read_series(str(file), ReadingConfig())


def test_short_and_constant_series():
    rising = np.arange(200.0)
    with pytest.raises(CorpusError, match="The validation split has 10 steps, too few for one window of 20"):
        prepare_series(Series(["a"], rising[:, None]), DataConfig(), window=20)
    both = np.stack([rising, np.ones(200)], axis=1)
    with pytest.raises(CorpusError, match="'b' never changes in training"):
        prepare_series(Series(["a", "b"], both), DataConfig(), window=5)
    with pytest.raises(CorpusError, match="'c' changes too little for numbers of its size"):
        prepare_series(Series(["c"], 1e9 + 20 + np.sin(rising)[:, None]), DataConfig(), window=5)
    store = prepare_series(Series(["b", "a"], np.stack([rising, rising**2], axis=1)), DataConfig(), window=5)
    np.testing.assert_allclose(store.scaled("train").mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(store.scaled("train").std(axis=0), 1, atol=1e-5)
    assert [store.tokenizer.decode([token]) for token in (4, 5)] == ["b", "a"]


def test_generated_series():
    for name in SERIES:
        values = read_series(name, ReadingConfig()).values
        assert values.shape == (6_000, 1) and np.isfinite(values).all()
    x = read_series("logistic-map", ReadingConfig()).values[:, 0]
    np.testing.assert_allclose(x[1:], 3.9 * x[:-1] * (1 - x[:-1]))


@pytest.fixture(scope="module")
def series_file(tmp_path_factory):
    steps, rng = np.arange(300), np.random.default_rng(0)
    noisy = 1e9 * (5 + np.cos(steps / 4) + 0.1 * rng.normal(size=300))  # beyond what a weight may be
    rows = np.stack([np.sin(steps / 3), noisy], axis=1)
    path = tmp_path_factory.mktemp("series") / "waves.csv"
    path.write_text("sine,noisy\n" + "".join(f"{a:.5f},{b:.5f}\n" for a, b in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def forecaster(series_file, tmp_path_factory):
    return charlm.train(series_file, tmp_path_factory.mktemp("runs") / "forecaster", **SETTINGS | {"split": "70/10/20"})


def test_a_forecaster_is_trained_loaded_and_judged(forecaster, series_file, tmp_path, capsys):
    assert forecaster.info["can"] == ["forecast", "evaluate"]
    assert "mae" in forecaster.log[-1] and "coverage" in forecaster.log[-1]
    assert forecaster.log[-1]["valid_nats_per_character"] < forecaster.log[0]["valid_nats_per_character"]
    picture = tmp_path / "forecast.png"
    assert main(["forecast", str(forecaster.folder), str(series_file), "--plot", str(picture), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    first, second = (row["columns"] for row in rows)
    assert [row["step"] for row in rows] == [1, 2] and first["sine"]["low"] <= first["sine"]["high"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    values = read_series(str(series_file), ReadingConfig()).values
    np.testing.assert_allclose(second["noisy"]["median"], charlm.load(forecaster.folder).forecast(values)[1, 1, 1])
    assert main(["forecast", str(forecaster.folder), str(series_file)]) == 0
    assert "   +1  sine  " in capsys.readouterr().out
    assert main(["evaluate", str(forecaster.folder), str(series_file), "--season", "19"]) == 0
    out = capsys.readouterr().out
    assert "seasonal naive (19)" in out and "windows                      40" in out  # of test, not of validation


def test_validation_is_the_price_of_its_windows_and_fits_the_margin(forecaster, series_file):
    values = read_series(str(series_file), ReadingConfig())
    store = prepare_series(values, DataConfig(split="70/10/20"), window=14)
    before, after = windows(store.scaled("validation"), 12, 2)
    over = after[..., None] - forecaster.engine.read(before)
    nats = np.where(over > 0, np.array(QUANTILES) * over, (np.array(QUANTILES) - 1) * over)
    nats -= np.log(np.array(QUANTILES) * (1 - np.array(QUANTILES)))
    best = min(line["valid_nats_per_character"] for line in forecaster.log)
    assert best == pytest.approx(nats.mean(), rel=1e-5)
    margin = find_margin(forecaster.engine, before, after)
    np.testing.assert_allclose(forecaster.tensors["scale.margin"], margin, rtol=1e-5)
    assert (margin != 0).all()


def test_a_series_is_rebuilt(series_file, tmp_path, capsys):
    settings = SETTINGS | {"horizon": 1, "rebuild": True, "steps": 150, "learning_rate": 1e-2}
    run = charlm.train(series_file, tmp_path / "run", **settings)
    assert run.config.model.horizon == 12
    assert run.log[-1]["variance_left"] < run.log[0]["variance_left"] < 1
    assert main(["forecast", str(run.folder), str(series_file), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["step"] for row in rows] == list(range(-11, 1))
    values = read_series(str(series_file), ReadingConfig()).values
    assert run.judge_series(values)["variance_left"] < 1
    with pytest.raises(ConfigError, match=r"horizon=2, sequence_length=12\. Leave out horizon"):
        charlm.train(series_file, tmp_path / "other", **settings | {"horizon": 2})


def test_what_a_forecaster_cannot_do_is_told(forecaster, trained, series_file):
    with pytest.raises(ConfigError, match="'forecast', which can forecast and evaluate. Train with --task language"):
        forecaster.score("a")
    with pytest.raises(ConfigError, match="Train with --task forecast"):
        trained.forecast(np.zeros((20, 1)))
    with pytest.raises(TextError, match=r"forecasts 2 column\(s\). Received: an array of shape \(20, 1\)"):
        forecaster.forecast(np.zeros((20, 1)))
    with pytest.raises(TextError, match="has 3 steps: the model reads 12"):
        forecaster.forecast(np.zeros((3, 2)))
    with pytest.raises(ConfigError, match="Name it alone"):
        charlm.train(series_file, series_file.with_name("run"), task="forecast", validation=str(series_file))
