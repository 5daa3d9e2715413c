import dataclasses

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from charlm.config import PAIR_TASKS, Config, TrainingConfig
from charlm.recipes import PRESETS, WIDTHS, learning_rate, next_evaluation, plan_minutes, recommend


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_settings(preset):
    assert Config.from_settings(PRESETS[preset])


def test_ten_evaluations_unless_told_otherwise():
    assert next_evaluation(TrainingConfig(), 0, 100) == 10
    assert next_evaluation(TrainingConfig(), 90, 95) == 95
    assert next_evaluation(TrainingConfig(), 0, 3) == 1
    assert next_evaluation(TrainingConfig(evaluate_every=7), 7, 100) == 14


@hypothesis_settings(deadline=None)
@given(
    minutes=st.floats(0.05, 20),
    step_seconds=st.floats(0.01, 5),
    evaluation_seconds=st.floats(0.01, 5),
    every=st.none() | st.integers(1, 500),
    slowdown=st.floats(0.5, 2),
)
def test_a_planned_run_ends_in_time(minutes, step_seconds, evaluation_seconds, every, slowdown):
    """A run of a machine that changes its speed after the first plan."""
    config = TrainingConfig(minutes=minutes, evaluate_every=every)
    clock, step, evaluations = 3.0, 11, 0
    costs = {"step_seconds": step_seconds, "evaluation_seconds": evaluation_seconds}
    steps, due = plan_minutes(config, done=step, seconds_left=60 * minutes - clock, **costs)
    costs = {name: value * slowdown for name, value in costs.items()}
    first_leg = (due - step) * costs["step_seconds"] + costs["evaluation_seconds"]
    while step < steps:
        assert step < due <= steps
        clock += (due - step) * costs["step_seconds"] + costs["evaluation_seconds"]
        step, evaluations = due, evaluations + 1
        if step < steps:
            steps, due = plan_minutes(config, done=step, seconds_left=60 * minutes - clock, **costs)
    slack = 2 * costs["step_seconds"] + 2 * costs["evaluation_seconds"]
    assert clock <= max(60 * minutes, 3 + first_leg) + slack
    assert every or evaluations <= 12


def test_a_planned_run_uses_its_time():
    steps, due = plan_minutes(
        TrainingConfig(minutes=2), done=0, seconds_left=100, step_seconds=0.1, evaluation_seconds=0.5
    )
    assert 900 <= steps <= 970
    assert due == pytest.approx(steps / 8, abs=1)


@pytest.mark.parametrize("warmup", [10, 1000])
def test_the_learning_rate_rises_evenly_then_falls(warmup):
    config = TrainingConfig(learning_rate=1.0, warmup=warmup)
    rates = [learning_rate(config, step, 100) for step in range(100)]
    rise = min(warmup, 25)  # at most a quarter of the run
    assert rates[:rise] == pytest.approx([(step + 1) / rise for step in range(rise)])
    assert rates[rise] == 1.0
    assert rates[rise - 1 :] == sorted(rates[rise - 1 :], reverse=True)
    assert rates[-1] == pytest.approx(0.05, abs=0.002)


def test_the_warm_up_does_not_depend_on_the_length_of_the_run():
    config = TrainingConfig(warmup=10)
    assert [learning_rate(config, step, None) for step in range(10)] == [
        learning_rate(config, step, 500) for step in range(10)
    ]


def recommended(settings=(), *, ids=1e6, seconds=100.0, rate=lambda units: 3e11, **options):
    settings = dict(settings)
    config = Config.from_settings(settings)
    options = {"ids_a_pair": 40.0 if config.model.task in PAIR_TASKS else None} | options
    return recommend(config, settings, ids=ids, vocab_size=70, seconds=seconds, rate=rate, **options)


def test_more_time_and_a_faster_machine_buy_a_larger_model():
    sizes = [recommended(seconds=60.0 * minutes).model for minutes in (0.2, 1, 2, 5, 10, 60, 600)]
    widths = [model.units for model in sizes]
    assert widths == sorted(widths) and len(set(widths)) > 4
    assert recommended(seconds=200).model == recommended(rate=lambda units: 6e11).model
    assert recommended(seconds=0.0).model.units == WIDTHS[0]


@pytest.mark.parametrize("units", [None, 512])
def test_a_wide_layer_that_is_slow_is_left_out_or_reads_less(units):
    """As one whose weights do not fit into the caches."""
    settings = {} if units is None else {"units": units}
    quick = recommended(settings, ids=3e5, seconds=600)
    slow = recommended(settings, ids=3e5, seconds=600, rate=lambda units: 3e11 if units <= 256 else 3e9)
    assert slow.model.units == (units or 256) <= quick.model.units
    assert units is None or slow.model.dropout < quick.model.dropout


def test_the_speed_of_no_wider_layer_than_need_be_is_asked():
    asked = []
    recommended(seconds=30, rate=lambda units: asked.append(units) or 3e11)
    assert asked == sorted(set(asked)) and asked[-1] < WIDTHS[-1]


@pytest.mark.parametrize("task", ["language", "bidirectional", "translate", "autoencode", "classify", "forecast"])
def test_nothing_is_chosen_that_the_help_does_not_name(task):
    usual = Config.from_settings({"task": task})
    found = recommended({"task": task}, ids=1e4)
    for section in ("model", "training"):
        before, after = getattr(usual, section), getattr(found, section)
        for field in dataclasses.fields(before):
            assert field.metadata["chosen"] or getattr(before, field.name) == getattr(after, field.name)


def test_language_models_that_read_little_are_mogrified_unless_told_otherwise():
    assert recommended(ids=1e8).model.mogrify
    assert not recommended({"mogrify": False}, ids=1e8).model.mogrify
    assert not recommended(ids=1e5).model.mogrify
    assert recommended({"mogrify": True}, ids=1e5).model.mogrify
    for others in ({"cell": "gru"}, {"task": "bidirectional"}, {"task": "translate"}):
        assert not recommended(others, ids=1e8).model.mogrify


def test_a_shorter_text_asks_for_more_dropout():
    dropout = [recommended(ids=ids).model.dropout for ids in (1e4, 1e5, 1e6, 1e8)]
    assert dropout == sorted(dropout, reverse=True)
    assert dropout[0] == 0.5 and dropout[-1] == 0


def test_what_is_read_very_often_loses_weights_too():
    models = [recommended(ids=ids).model for ids in (1e4, 3e5, 1e6, 1e8)]
    dropped = [model.weight_drop for model in models]
    assert dropped == sorted(dropped, reverse=True)
    assert dropped[0] == 0.3 and 0 < dropped[1] < 0.3
    assert all(model.dropout == 0.5 for model in models if model.weight_drop)
    assert recommended({"task": "translate"}, ids=1e4).model.weight_drop == 0
    assert recommended({"dropout": 0.1}, ids=1e4).model.weight_drop == 0


@pytest.mark.parametrize(("tokenizer", "most"), [("char", 0.2), ("byte", 0.2), ("bpe", 0.5)])
def test_of_characters_less_is_dropped_so_that_attention_is_learnt_soon(tokenizer, most):
    assert recommended({"task": "translate", "tokenizer": tokenizer}, ids=1e4).model.dropout == most
    assert recommended({"task": "translate", "tokenizer": tokenizer, "attention": "none"}, ids=1e4).model.dropout == 0.5


def test_long_pairs_ask_for_a_narrower_model():
    units = [recommended({"task": "translate"}, seconds=600, ids_a_pair=ids).model.units for ids in (5.0, 40.0, 320.0)]
    assert units == sorted(set(units), reverse=True)


def test_a_tied_embedding_of_a_given_width_says_how_wide_the_layers_are():
    assert recommended({"tie_weights": True, "embedding_dim": 256}, seconds=10).model.units == 256


def test_heads_divide_the_units():
    assert recommended({"task": "translate"}).model.heads == 4
    assert recommended({"task": "translate", "tokenizer": "bpe"}).model.heads == 8
    assert recommended({"task": "translate", "units": 6}).model.heads == 2
    assert recommended({"task": "translate", "attention": "none"}).model.heads == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"units": 32},
        {"layers": 3},
        {"cell": "lstm,gru,rnn"},
        {"cell": "gru", "layers": 2, "dropout": 0.0},
        {"units": 100, "learning_rate": 1e-3},
        PRESETS["large"],
    ],
    ids=str,
)
def test_what_the_user_set_stays(settings):
    chosen = recommended(settings).settings()
    assert {name: chosen[name] for name in settings} == settings
    assert chosen["units"] > 0
