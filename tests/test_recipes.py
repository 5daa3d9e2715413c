import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlm.config import Config, TrainingConfig
from charlm.recipes import PRESETS, learning_rate, plan_minutes, plan_steps


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_settings(preset):
    assert Config.from_settings(PRESETS[preset])


def test_ten_evaluations_unless_told_otherwise():
    assert plan_steps(TrainingConfig(), 100).evaluate_every == 10
    assert plan_steps(TrainingConfig(), 3).evaluate_every == 1
    assert plan_steps(TrainingConfig(evaluate_every=7), 100).evaluate_every == 7


times = st.floats(0.01, 5)


@given(
    seconds_left=st.floats(-10, 10_000),
    step_seconds=times,
    evaluation_seconds=times,
    every=st.none() | st.integers(1, 500),
)
def test_a_planned_run_ends_in_time(seconds_left, step_seconds, evaluation_seconds, every):
    plan = plan_minutes(
        TrainingConfig(evaluate_every=every),
        done=11,
        seconds_left=seconds_left,
        step_seconds=step_seconds,
        evaluation_seconds=evaluation_seconds,
    )
    steps = plan.steps - 11
    evaluations = -(-plan.steps // plan.evaluate_every)
    assert steps >= 1
    needed = steps * step_seconds + evaluations * evaluation_seconds
    allowed_over = step_seconds + 2 * evaluation_seconds + 11 * evaluation_seconds / plan.evaluate_every
    assert needed <= max(seconds_left, 0) + allowed_over


def test_a_planned_run_uses_its_time():
    plan = plan_minutes(TrainingConfig(), done=0, seconds_left=100, step_seconds=0.1, evaluation_seconds=0.5)
    assert 900 <= plan.steps <= 970


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
