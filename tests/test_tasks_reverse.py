import collections
import itertools
import string

import pytest

from charlm.errors import CorpusError
from charlm.tasks.pairs import SPLITS, own_split
from charlm.tasks.reverse import SIZES, pairs


def first(split, count=20_000):
    return list(itertools.islice(pairs(split), count))


def test_targets_are_sources_backwards():
    for split in SPLITS:
        for source, target in first(split):
            assert target == "".join(reversed(source))
            assert set(source) <= set(string.ascii_lowercase)


def test_the_pairs_are_the_same_on_every_machine():
    assert [next(pairs(split))[0] for split in SPLITS] == [
        "weikvbzutiuwwsqpcbqfkepkbscduiojcxvhpld",
        "hyfgodvuppswjpv",
        "jalmjjtbbllctrmamskswlfgw",
    ]
    assert first("test") == first("test")


def test_no_source_is_in_two_splits():
    for split in SPLITS:
        assert {own_split(source, 20) for source, _ in first(split)} == {split}


def test_held_out_sources_are_there_once():
    for split in ("validation", "test"):
        sources = [source for source, _ in pairs(split)]
        assert len(set(sources)) == len(sources) == SIZES[split]


def test_every_length_is_trained_as_often():
    counts = collections.Counter(len(source) for source, _ in first("train", 40_000))
    assert sorted(counts) == list(range(1, 41))
    assert all(850 < count < 1_150 for count in counts.values())


def test_the_size_of_training():
    assert sum(1 for _ in pairs("train")) == SIZES["train"]


def test_there_are_three_splits():
    with pytest.raises(CorpusError, match="must be one of train, validation, test. Received: split='dev'"):
        pairs("dev")
