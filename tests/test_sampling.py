import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from charlm.errors import ConfigError
from charlm.sampling import Sampler, softmax

LOGITS = np.log(np.array([[0.1, 0.1, 0.1, 0.1, 0.3, 0.2, 0.06, 0.04]], np.float32))
finite = st.floats(-30, 30, width=32)
matrices = hnp.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(5, 12)), elements=finite)
samplers = st.builds(
    Sampler,
    temperature=st.sampled_from([0.0, 0.1, 1.0, 3.0]),
    top_k=st.none() | st.integers(1, 20),
    top_p=st.none() | st.floats(0.01, 1),
    min_p=st.none() | st.floats(0, 1),
    repetition_penalty=st.floats(0.5, 3),
)


def kept(**controls):
    return np.flatnonzero(Sampler(**controls)(LOGITS)[0]).tolist()


@given(matrices, samplers)
def test_probabilities_are_probabilities(logits, sampler):
    before = logits.copy()
    probabilities = sampler(logits, np.ones(logits.shape, np.int64))
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities >= 0).all()
    assert (probabilities[:, :3] == 0).all()
    assert np.array_equal(logits, before)
    assert np.array_equal(sampler(logits, np.ones(logits.shape, np.int64)), probabilities)


def test_controls_keep_what_they_say():
    assert kept() == [3, 4, 5, 6, 7]
    assert kept(temperature=0) == [4]
    assert kept(top_k=2) == [4, 5]
    assert kept(top_p=0.6) == [4, 5]
    assert kept(top_p=0.75) == [3, 4, 5]
    assert kept(top_p=1e-6) == kept(top_p=1e-46) == [4]
    assert kept(min_p=0.5) == [4, 5]
    assert kept(min_p=1.0) == [4]
    assert kept(top_k=100, top_p=1.0, min_p=0.0) == [3, 4, 5, 6, 7]


def test_controls_work_in_their_order():
    assert kept(temperature=0.5, top_p=0.6) == kept(temperature=0.5, min_p=0.5) == [4]
    assert kept(top_k=2, top_p=0.55) == [4]
    assert kept(top_p=0.55, min_p=0.5) == [4, 5]
    written = np.eye(8, dtype=int)[[4]]
    assert np.flatnonzero(Sampler(repetition_penalty=2, top_k=1)(LOGITS, written)[0]).tolist() == [5]


def test_what_is_likeliest_by_a_hair_is_drawn_and_told():
    logits = np.array([[0, 0, 0, -2e-16, 0]], np.float32)
    sampler = Sampler(temperature=0)
    assert sampler(logits)[0].tolist() == [0, 0, 0, 0, 1]
    assert sampler.draw(logits, next(sampler.noise(0, [0], 5))).tolist() == [4]


def test_equally_likely_ids_are_cut_by_number():
    assert np.flatnonzero(Sampler(top_k=2)(np.zeros((1, 8), np.float32))[0]).tolist() == [3, 4]


def test_temperature_flattens():
    cold, usual, hot = (Sampler(temperature=t)(LOGITS)[0, 3:].max() for t in (0.5, 1.0, 2.0))
    assert cold > usual > hot


def test_repetition_penalty_makes_what_was_written_less_likely():
    logits = np.array([[0, 0, 0, 0, 2.0, -2.0]], np.float32)
    counts = np.array([[0, 0, 0, 0, 1, 1]])
    expected = softmax(np.array([[0.0, 1.0, -4.0]], np.float32))
    assert Sampler(repetition_penalty=2)(logits, counts)[0, 3:] == pytest.approx(expected[0])


@pytest.mark.parametrize(
    "controls, message",
    [
        ({"temperature": -1.0}, "`temperature` must be at least 0. Received: temperature=-1.0."),
        ({"temperature": 1e38}, "`temperature` must be at most 1000000.0. Received: temperature=1e+38."),
        ({"top_k": 0}, "`top_k` must be at least 1. Received: top_k=0."),
        ({"top_p": 0.0}, "`top_p` must be above 0. Received: top_p=0.0."),
        ({"min_p": 2.0}, "`min_p` must be at most 1. Received: min_p=2.0."),
        ({"repetition_penalty": 0.0}, "`repetition_penalty` must be at least 0.01. Received: repetition_penalty=0.0."),
    ],
)
def test_controls_out_of_range(controls, message):
    with pytest.raises(ConfigError) as raised:
        Sampler(**controls)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "controls",
    [{}, {"temperature": 2.0}, {"temperature": 0.5, "top_k": 3}, {"top_p": 0.8}, {"repetition_penalty": 3.0}],
)
def test_draws_follow_the_probabilities(controls):
    sampler, rows, steps = Sampler(**controls), 50, 400
    logits = np.tile(np.random.default_rng(0).normal(size=9).astype(np.float32), (rows, 1))
    counts = np.tile(np.arange(9) % 2, (rows, 1))
    noise = sampler.noise(0, range(rows), 9)
    drawn = np.concatenate([sampler.draw(logits, next(noise), counts) for _ in range(steps)])
    expected = sampler(logits, counts)[0]
    shares = np.bincount(drawn, minlength=9) / (rows * steps)
    np.testing.assert_allclose(shares, expected, atol=4 * 0.5 / np.sqrt(rows * steps))
    assert (shares[expected == 0] == 0).all()


@given(matrices, samplers, st.integers(0, 5))
def test_nothing_of_probability_zero_is_drawn(logits, sampler, seed):
    counts = np.ones(logits.shape, np.int64)
    ids = sampler.draw(logits, next(sampler.noise(seed, range(len(logits)), logits.shape[1])), counts)
    assert ids.dtype == np.intp
    assert (sampler(logits, counts)[np.arange(len(logits)), ids] > 0).all()


@pytest.mark.parametrize("temperature", [0.0, 1e-9, 1e-7])
def test_no_temperature_draws_the_likeliest(temperature):
    sampler = Sampler(temperature=temperature, repetition_penalty=3.0)
    rng = np.random.default_rng(0)
    logits, counts = rng.normal(size=(50, 9)).astype(np.float32), rng.integers(0, 2, (50, 9))
    ids = sampler.draw(logits, next(sampler.noise(0, range(50), 9)), counts)
    np.testing.assert_array_equal(ids, sampler(logits, counts).argmax(axis=1))
    np.testing.assert_array_equal(sampler(logits, counts).max(axis=1), 1)


def test_a_rows_noise_is_its_own():
    alone, together = Sampler().noise(7, [2], 9), Sampler().noise(7, range(4), 9)
    for _ in range(500):
        np.testing.assert_array_equal(next(alone)[0], next(together)[2])
    assert not np.array_equal(next(together)[0], next(together)[1])
