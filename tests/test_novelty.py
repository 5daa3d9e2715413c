"""What of a sample stands in a text, against a search that looks everywhere."""

import json
import os
import random
import re

import pytest

from charlm import load
from charlm.cli import main
from charlm.errors import CharlmError, ConfigError
from charlm.novelty import LENGTHS, find_copies


def search(sample, text, least):
    """The share of a sample's characters within parts of `least` characters or more that stand in the text."""
    inside = set()
    for start in range(len(sample) - least + 1):
        if sample[start : start + least] in text:
            inside |= set(range(start, start + least))
    return len(inside) / len(sample)


def longest(sample, text):
    lengths = [
        length
        for start in range(len(sample))
        for length in range(10, len(sample) - start + 1)
        if sample[start : start + length] in text
    ]
    return max(lengths, default=0)


@pytest.mark.parametrize("seed", range(5))
def test_copies_are_those_that_a_plain_search_finds(seed):
    draw = random.Random(seed)
    text = "".join(draw.choices("ab é\n", k=3000))
    samples = [text[a : a + draw.randrange(60)] + "".join(draw.choices("ab é\n", k=30)) for a in range(0, 400, 40)]
    novelty = find_copies(samples, [text])
    for number, sample in enumerate(samples):
        assert novelty.longest[number].length == longest(sample, text)
        assert novelty.longest[number].text in text
        for least in LENGTHS:
            assert novelty.by_sample[least][number] == pytest.approx(search(sample, text, least))
    total = sum(map(len, samples))
    for least in LENGTHS:
        shares = novelty.by_sample[least]
        assert novelty.shares[least] == pytest.approx(
            sum(share * len(sample) for share, sample in zip(shares, samples, strict=True)) / total
        )


def test_what_is_copied_is_all_copied_wherever_the_text_was_cut(monkeypatch):
    monkeypatch.setattr("charlm.novelty._CHUNK", 500)
    draw = random.Random(0)
    text = "".join(draw.choices("abcdefgh ", k=10_000))
    samples = [text[start : start + 200] for start in range(0, 9_800, 170)]
    pieces = [text[start : start + 37] for start in range(0, len(text), 37)]
    novelty = find_copies(samples, pieces)
    assert novelty.shares == {10: 1, 20: 1, 50: 1}
    assert {copy.length for copy in novelty.longest} == {200}


def test_many_letters_take_little_memory(monkeypatch):
    draw = random.Random(0)
    letters = [chr(0x4E00 + number) for number in range(2000)]
    text = "".join(draw.choices(letters, k=4000))
    samples = [text[100:160] + text[50:90], text[:5] + text[3000:3030]]
    expected = find_copies(samples, [text])
    monkeypatch.setattr("charlm.novelty._MOST_GROUPS", 100)
    found = find_copies(samples, [text])
    assert (found.longest, found.shares) == (expected.longest, expected.shares)
    assert [copy.length for copy in expected.longest] == [60, 30]


def test_random_characters_are_new():
    draw = random.Random(0)
    text, sample = ("".join(chr(draw.randrange(32, 1000)) for _ in range(5_000)) for _ in range(2))
    novelty = find_copies([sample], [text])
    assert novelty.shares == {10: 0, 20: 0, 50: 0} and novelty.longest[0].text == ""


def test_short_and_empty_samples():
    novelty = find_copies(["", "short", "just ten c"], ["it is just ten characters"])
    assert [copy.length for copy in novelty.longest] == [0, 0, 10]
    assert find_copies(["a sample of a model"], []).shares == {10: 0, 20: 0, 50: 0}
    with pytest.raises(ConfigError, match="draw longer ones"):
        find_copies([""], ["text"])


def test_the_command_reads_what_the_run_was_trained_on(trained, tmp_path, capsys):
    assert main(["novelty", str(trained.folder), "--n", "3", "--length", "50", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["samples"] == 3 and set(figures["copied"]) == {"10", "20", "50"}
    own = load(trained.folder).sample(n=3, length=50)
    (tmp_path / "text.txt").write_text("\n".join(own))
    assert main(["novelty", str(trained.folder), str(tmp_path / "text.txt"), "--n", "3", "--length", "50"]) == 0
    longest_of_all = max(map(len, own))
    assert f"{longest_of_all:4} characters, sample" in capsys.readouterr().out
    for name in (str(tmp_path / "text.txt"), tmp_path / "text.txt"):
        assert load(trained.folder).novelty(own[0], name).longest[0].length == len(own[0])
    (tmp_path / "text.txt").write_text("nothing of theirs")
    assert main(["novelty", str(trained.folder), str(tmp_path / "text.txt"), "--n", "3", "--length", "50"]) == 0
    assert "the longest copies" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["gone.txt", "-", os.devnull])
def test_a_text_that_is_gone_or_is_none_is_told(trained, monkeypatch, name):
    monkeypatch.setitem(trained.bundle.about, "corpus", [name])
    message = "standard input" if name == "-" else re.escape(name)
    with pytest.raises(CharlmError, match=message):
        trained.novelty(["a sample"])
