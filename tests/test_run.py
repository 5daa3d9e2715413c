import numpy as np
import pytest

import charlm
from charlm.errors import ConfigError, UnknownCharacterError


def test_samples_begin_with_the_prompt_and_have_the_length(trained):
    text = trained.sample("The ", length=30)
    assert text.startswith("The ")
    assert 4 <= len(text) <= 34


def test_the_same_seed_gives_the_same_text_alone_or_among_others(trained):
    alone = trained.sample("The ", length=300, seed=5)
    assert trained.sample("The ", length=300, seed=5) == alone
    many = trained.sample("The ", length=300, seed=5, n=8)
    assert many[0] == alone
    assert len(set(many)) == 8
    assert trained.sample("The ", length=300, seed=5, n=3) == many[:3]
    assert trained.sample("The ", length=300, seed=6) != alone


def test_texts_are_drawn_some_at_a_time(trained, monkeypatch):
    texts = trained.sample("The ", n=5, length=20, seed=2, stop="e")
    monkeypatch.setattr("charlm.run._ROWS", 2)
    assert trained.sample("The ", n=5, length=20, seed=2, stop="e") == texts
    assert len(set(texts)) > 1


def test_temperature_zero_is_greedy_and_stable(trained):
    texts = {trained.sample("The ", length=100, temperature=0, seed=seed) for seed in range(3)}
    texts |= set(trained.sample("The ", length=100, temperature=0, n=4))
    assert len(texts) == 1


def test_low_temperature_lowers_the_measured_entropy(trained):
    def entropy(temperature):
        counts = np.unique(list("".join(trained.sample(length=500, n=8, temperature=temperature))), return_counts=True)[
            1
        ]
        return -(counts / counts.sum() * np.log2(counts / counts.sum())).sum()

    assert entropy(0.5) < entropy(1.0) < entropy(2.0)


def test_streaming_gives_the_same_text(trained):
    texts = ["", ""]
    for row, piece in trained.stream("The ", length=50, n=2, seed=1):
        texts[row] += piece
    assert ["The " + text for text in texts] == trained.sample("The ", length=50, n=2, seed=1)


def test_stop_strings(trained):
    whole = trained.sample("The ", length=200, seed=1)
    stop = whole[20:23]
    assert trained.sample("The ", length=200, seed=1, stop=stop) == trained.sample(
        "The ", length=200, seed=1, stop=[stop]
    )
    assert trained.sample("The ", length=200, seed=1, stop=[stop]) == "The " + whole[4:].split(stop)[0]


def test_unknown_characters_in_a_prompt(trained):
    with pytest.raises(UnknownCharacterError, match=r"'Ω' \(U\+03A9\) is not in the vocabulary"):
        trained.sample("ΩThe")
    assert trained.sample("ΩThe", unknown="skip", length=5).startswith("ΩThe")
    assert trained.sample("ΩThe", unknown="replace", length=5).startswith("ΩThe")


@pytest.mark.parametrize("option", [{"length": -1}, {"n": 0}, {"seed": -1}, {"temperature": -1.0}])
def test_options_out_of_range(trained, option):
    with pytest.raises(ConfigError, match="must be at least"):
        trained.sample("The", **option)


def test_options_that_do_not_exist_are_named(trained):
    with pytest.raises(ConfigError, match="There is no option 'temprature'. Did you mean 'temperature'"):
        trained.sample("The", temprature=0.5)
    with pytest.raises(ConfigError, match="There is no option 'odd'. Did you mean 'odds'"):
        trained.correct("The", odd=3)
    with pytest.raises(ConfigError, match="`unknown` must be one of error, skip, replace. Received: unknown='ignore'"):
        trained.sample("The", unknown="ignore")


def test_scores_are_finite_for_any_text(trained):
    for text in ("a", "ΩΩΩ", "\0", "The cat", "😀" * 5000):
        score = trained.score(text)
        assert 0 < score.bits < 40 * len(text)
        assert score.characters == len(text)


def test_a_known_text_costs_less_than_noise(trained, text):
    shuffled = "".join(np.random.default_rng(0).permutation(list(text)))
    assert trained.score(text).bits < trained.score(shuffled).bits


def test_info_names_what_the_bundle_is(trained):
    info = trained.info
    assert info["cells"] == ["lstm", "gru"]
    assert info["can"] == ["sample", "score", "correct", "inspect", "novelty"]
    assert info["tokenizer"] == "char"
    assert float(info["validation_nats_per_character"]) > 0
    assert repr(trained).startswith("Run(")


def test_a_bundle_works_without_its_run(copied, trained):
    moved = charlm.load(copied)
    assert moved.log == []
    assert moved.sample("The", length=20) == trained.sample("The", length=20)
