"""Decoding: greedy, drawn and by beam, on a small engine whose every path can be counted."""

import itertools

import numpy as np
import pytest

from charlm.config import ModelConfig
from charlm.errors import BundleError
from charlm.runtime.translator import TranslationEngine, expected_shapes
from charlm.sampling import Sampler
from charlm.tokenizer import EOS
from charlm.translation import pad, price, search, translate

VOCAB_SIZE = 7  # three letters
SOURCES = [np.array(ids, np.int32) for ids in ([4, 5, 6], [6], [5, 5, 5, 5, 4])]
GREEDY = Sampler(temperature=0)


@pytest.fixture(scope="module", params=["additive", "none"])
def engine(request):
    config = ModelConfig(task="translate", units=8, cell="gru", attention=request.param)
    rng = np.random.default_rng(3)
    shapes = expected_shapes(config, VOCAB_SIZE, VOCAB_SIZE)
    return TranslationEngine(
        config, VOCAB_SIZE, VOCAB_SIZE, {name: rng.normal(0, 0.8, shape).astype("f") for name, shape in shapes.items()}
    )


def greedy(engine, sources, length=6):
    return translate(engine, engine.encode(pad(sources)), sampler=GREEDY, length=length)


def total(engine, source, ids):
    return float(price(engine, [source], [np.array(ids, np.int32)])[0].sum())


def test_pad_ends_and_fills_up():
    assert pad(SOURCES[:2]).tolist() == [[4, 5, 6, EOS], [6, EOS, 0, 0]]


def test_a_beam_of_one_is_greedy(engine):
    found = search(engine, SOURCES, beam=1, length=6)
    assert [[one.ids for one in beam] for beam in found] == [[ids] for ids in greedy(engine, SOURCES)]


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("beam", [2, 3, 5])
def test_the_best_of_a_beam_is_no_worse_than_greedy(engine, beam, length_penalty):
    found = search(engine, SOURCES, beam=beam, length=6, length_penalty=length_penalty)
    for source, ids, hypotheses in zip(SOURCES, greedy(engine, SOURCES), found, strict=True):
        assert 1 <= len(hypotheses) <= beam
        assert [one.score for one in hypotheses] == sorted((one.score for one in hypotheses), reverse=True)
        score = -total(engine, source, ids) / (len(ids) + 1) ** length_penalty
        assert hypotheses[0].score >= score - 1e-5


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_weights_too_large_to_choose_by_are_refused(engine, monkeypatch):
    monkeypatch.setattr(engine, "_kernel", np.full_like(engine._kernel, 3e38))
    with pytest.raises(BundleError, match="give no numbers to choose by"):
        search(engine, SOURCES, beam=2, length=6)


def test_a_beams_nats_are_the_models_price(engine):
    for source, hypotheses in zip(SOURCES, search(engine, SOURCES, beam=3, length=6), strict=True):
        assert len({tuple(one.ids) for one in hypotheses}) == len(hypotheses)
        for one in hypotheses:
            assert one.nats == pytest.approx(total(engine, source, one.ids), abs=1e-4)


def test_a_wide_beam_finds_the_likeliest_of_all(engine):
    texts = [ids for length in range(3) for ids in itertools.product([4, 5, 6], repeat=length)]
    for source in SOURCES:
        best = min(texts, key=lambda ids: total(engine, source, ids))
        ((found, *_),) = search(engine, [source], beam=40, length=2, length_penalty=0.0)
        assert found.ids == list(best)


def test_sources_do_not_see_each_other(engine):
    together = search(engine, SOURCES, beam=3, length=6)
    for source, beam in zip(SOURCES, together, strict=True):
        (alone,) = search(engine, [source], beam=3, length=6)
        assert [one.ids for one in alone] == [one.ids for one in beam]
        assert greedy(engine, [source]) == [greedy(engine, SOURCES)[[len(s) for s in SOURCES].index(len(source))]]


def test_draws_follow_from_the_seed_and_the_number_alone(engine):
    def drawn(sources, numbers, seed=0):
        state = engine.encode(pad(sources))
        return translate(engine, state, sampler=Sampler(), length=9, seed=seed, numbers=numbers)

    together = drawn(SOURCES, [0, 1, 2])
    assert [drawn([source], [number])[0] for number, source in enumerate(SOURCES)] == together
    assert drawn(SOURCES, [0, 1, 2], seed=1) != together


def test_nothing_is_longer_than_asked(engine):
    assert all(len(ids) <= 2 for ids in greedy(engine, SOURCES, length=2))
    assert all(len(one.ids) <= 2 for beam in search(engine, SOURCES, beam=4, length=2) for one in beam)
