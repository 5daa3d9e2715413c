import math
import threading

import numpy as np
import pytest
from fakes import CountingEngine, MemoryEngine

from charlm import scoring, threads
from charlm.scoring import charge_next, score, score_documents, score_ids
from charlm.tokenizer import BOS, EOS, UNK, Tokenizer


class Uniform(CountingEngine):
    def __init__(self, vocab_size):
        super().__init__(vocab_size, certainty=0.0)


def test_uniform_logits_cost_the_logarithm_of_the_vocabulary():
    tokenizer = Tokenizer.characters("abcd")
    assert score(Uniform(8), tokenizer, "abcd").bits == pytest.approx(4 * 3)


def test_an_unknown_character_costs_21_bits_more():
    tokenizer = Tokenizer.characters("abcd")
    result = score(Uniform(8), tokenizer, "aé")
    assert result.bits == pytest.approx(3 + 3 + 21)
    assert (result.characters, result.bytes) == (2, 3)
    assert result.bits_per_byte == pytest.approx(9)
    assert result.nats_per_character == pytest.approx(13.5 * math.log(2))


def test_document_marks_are_not_charged():
    assert score_ids(Uniform(8), np.array([4, EOS, BOS, 5])).tolist() == pytest.approx([math.log(8), 0, 0, math.log(8)])


def test_the_first_id_is_predicted_from_bos():
    engine = CountingEngine(8)
    assert score_ids(engine, np.array([4, 5, 6])).max() < 1e-6


def test_an_empty_text_has_no_rate():
    result = score(Uniform(8), Tokenizer.characters("abcd"), "")
    assert result.bits == 0
    assert math.isnan(result.bits_per_character)


@pytest.mark.parametrize("length", [1, 127, 128, 129, 4095, 4096, 9000])
def test_rows_agree_with_one_long_pass(length, monkeypatch):
    ids = np.random.default_rng(0).integers(4, 9, length)
    rows = score_ids(MemoryEngine(9), ids)
    monkeypatch.setattr(scoring, "ROW", 1 << 30)
    assert rows == pytest.approx(score_ids(MemoryEngine(9), ids), abs=1e-5)


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_each_core_reads_rows_of_its_own(cores, monkeypatch):
    monkeypatch.setattr(scoring, "count_cores", lambda: cores)
    monkeypatch.setattr(threads, "count_cores", lambda: cores)
    ids = np.random.default_rng(0).integers(4, 9, 9 * scoring.ROW)
    assert score_ids(Meeting(9, cores), ids) == pytest.approx(score_ids(MemoryEngine(9), ids), abs=1e-5)


class Meeting(MemoryEngine):
    """Reads where as many others do at the same time."""

    def __init__(self, vocab_size, readers):
        super().__init__(vocab_size)
        self.meeting = threading.Barrier(readers)

    def unroll(self, ids, state):
        self.meeting.wait(30)
        return super().unroll(ids, state)


def test_documents_are_read_one_after_the_other():
    tokenizer = Tokenizer.characters("abcd")
    engine = MemoryEngine(8)
    ids = np.concatenate([tokenizer.encode("ab"), [EOS, BOS], tokenizer.encode("cd")])
    joined = score_documents(engine, tokenizer, ["ab", "cd"])["forward"]
    assert joined.characters == 4
    assert joined.bits == pytest.approx(score_ids(engine, ids).sum() / math.log(2))
    assert score_documents(engine, tokenizer, [])["forward"].characters == 0


def test_a_large_vocabulary_is_read_in_shorter_chunks(monkeypatch):
    ids = np.random.default_rng(0).integers(4, 9, 5000)
    whole = score_ids(MemoryEngine(9), ids)
    monkeypatch.setattr(scoring, "_VALUES", 9 * 2 * 5)
    assert score_ids(MemoryEngine(9), ids) == pytest.approx(whole, abs=1e-6)


def test_every_id_is_charged_once(monkeypatch):
    monkeypatch.setattr(scoring, "ROW", 100)
    monkeypatch.setattr(scoring, "WARM_UP", 30)
    nats = score_ids(Uniform(8), np.full(1234, 4))
    assert nats == pytest.approx(np.full(1234, math.log(8)))
    places = [places for places, *_ in scoring.score_chunks(Uniform(8), np.full(1234, 4))]
    assert sorted(np.concatenate(places)) == list(range(1234))


def test_texts_that_may_come_next_are_charged_as_each_would_be_alone(monkeypatch):
    monkeypatch.setattr(scoring, "CHUNK", 2)
    engine, before = MemoryEngine(9), [5, 6]
    texts = [[7, 8, UNK, 4, 5], [6], [], [4, 4]]
    logits, state = engine.unroll(np.array([[BOS, *before]]), engine.initial_state(1))
    rows = np.zeros(len(texts), int)
    nats = charge_next(engine, logits[rows, -1], (state[0][rows],), [np.array(text, np.int32) for text in texts])
    alone = [score_ids(engine, np.array([*before, *text]))[len(before) :].sum() for text in texts]
    assert nats == pytest.approx(alone, abs=1e-5)


def test_extreme_logits_stay_finite():
    nats = score_ids(CountingEngine(8, certainty=1e4), np.array([7, 7, UNK]))
    assert np.isfinite(nats).all()
