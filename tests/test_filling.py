"""Gaps and what fills them, with models that know what comes next and what came before."""

import numpy as np
import pytest
from fakes import CountingEngine

from charlm.errors import ConfigError, UnknownCharacterError
from charlm.filling import Filling, Gaps, Template, fill
from charlm.tokenizer import EOS, Tokenizer


class Down(CountingEngine):
    """Counts downwards."""

    def unroll(self, ids, state):
        before = np.where(ids - 1 > EOS, ids - 1, self.vocab_size - 1)
        logits = self.certainty * (np.arange(self.vocab_size) == before[..., None])
        return logits.astype(np.float32), (ids[:, -1:].astype(np.float32),)


class BothWays:
    """Knows the alphabet in both directions, each with a certainty of its own."""

    def __init__(self, vocab_size, forward=5.0, backward=5.0):
        self.forward, self.backward = CountingEngine(vocab_size, forward), Down(vocab_size, backward)


TOKENIZER = Tokenizer.characters("abcdefghij")


def answers(text, **options):
    return fill(BothWays(TOKENIZER.vocab_size), TOKENIZER, text, Gaps(**options))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abc_efg", "abcdefg"),
        ("abc___g", "abcdefg"),
        ("a__d__gh", "abcdefgh"),
        ("__cd", "abcd"),
        ("cdef__", "cdefgh"),
        ("abc{…}gh", "abcdefgh"),
        ("abc{3}gh", "abcdefgh"),
        ("abc{...}def", "abcdef"),
        ("a{…}de_g{…}j", "abcdefghij"),
    ],
)
def test_what_fits_on_both_sides_is_likeliest(text, expected):
    found = answers(text)
    assert found[0].text == expected
    assert found[0].probability > 0.4
    probabilities = [one.probability for one in found]
    assert probabilities == sorted(probabilities, reverse=True) and sum(probabilities) <= 1 + 1e-6
    assert len({one.gaps for one in found}) == len(found) <= 5


@pytest.mark.parametrize(("forward", "backward"), [(5.0, 0.0), (0.0, 5.0)])
def test_one_side_is_enough_where_the_other_knows_nothing(forward, backward):
    engine = BothWays(TOKENIZER.vocab_size, forward, backward)
    assert fill(engine, TOKENIZER, "c___g", Gaps())[0].text == "cdefg"


def test_gaps_are_named_and_keep_their_length():
    found = answers("a__d{2}g", n=8)
    assert all(len(one.gaps[0]) == 2 and len(one.gaps[1]) <= 2 for one in found)
    assert all(one.text == "a" + one.gaps[0] + "d" + one.gaps[1] + "g" for one in found)


def test_answers_are_drawn_with_a_temperature():
    texts = {tuple(one.text for one in answers("a__d", temperature=5.0, seed=seed, n=3)) for seed in range(4)}
    assert len(texts) > 1
    assert answers("a__d", temperature=5.0, seed=1) == answers("a__d", temperature=5.0, seed=1)


def test_a_mark_may_be_any_string():
    assert answers("ab??e", mark="?")[0].text == "abcde"
    assert Template.parse("a<gap><gap>", mark="<gap>", max_length=3).lengths == ((2, 2),)


def test_texts_longer_than_what_is_read_at_once():
    text = "abcdefghij" * 40
    (best, *_) = answers(text[:205] + "_" + text[206:])
    assert best.text == text
    certain = answers(text[:205] + "_" + text[206:], n=2)
    assert certain[0].probability > 0.99  # by what stands on both sides


def test_answers_that_other_ids_spell_too_are_one():
    tokenizer = Tokenizer.train_bpe(iter(["ab ab ab ab abab"]), vocab_size=4 + 256 + 2)
    assert len(tokenizer.encode("ab")) == 1
    even = BothWays(tokenizer.vocab_size, 0.0)
    found = fill(even, tokenizer, "x{2}y", Gaps(beam=2000, n=2000))
    texts = [one.text for one in found]
    assert len(set(texts)) == len(texts) and "xaby" in texts
    assert not any("\ufffd" in text for text in texts)


def test_what_cannot_be_filled_is_told():
    with pytest.raises(ConfigError, match="`mark` must be a character"):
        answers("abc", mark="")
    with pytest.raises(UnknownCharacterError):
        answers("é_")
    assert all(one.text.startswith("éa") for one in answers("éa_", unknown="skip"))
    for length in (65, "9" * 5000):
        with pytest.raises(ConfigError, match="A gap hides 64 characters at most"):
            answers(f"ab{{{length}}}")


@pytest.mark.parametrize("text", ["abc", ""])
def test_a_text_without_gaps_is_its_own_answer_and_a_warning_says_how_to_write_one(text, caplog):
    assert answers(text) == [Filling(text, (), 1.0)]
    assert "write _ for each hidden character" in caplog.text


def test_bytes_become_whole_characters():
    class Even(BothWays):
        def __init__(self, vocab_size):
            self.forward = self.backward = CountingEngine(vocab_size, 0.0)

    class Odd(BothWays):
        """Expects a byte that begins no character."""

        def __init__(self, vocab_size):
            self.forward = self.backward = CountingEngine(vocab_size, 0.0, second=(4 + 0xFF, 50.0))

    tokenizer = Tokenizer.bytes()
    with pytest.raises(ConfigError, match="Nothing was found that fills the text. Raise `beam`"):
        fill(Odd(tokenizer.vocab_size), tokenizer, "a_b", Gaps(beam=1))
    found = fill(Even(tokenizer.vocab_size), tokenizer, "a__b", Gaps(beam=300, n=300))
    assert found and all(len(one.gaps[0]) == 2 and "\ufffd" not in one.text for one in found)
