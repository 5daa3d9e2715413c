import logging

import numpy as np
import pytest

from charlm.config import DataConfig
from charlm.errors import CorpusError
from charlm.pairs import Ragged, prepare_pairs

PAIRS = {"train": [("ab", "xyz"), ("b", "x")], "validation": [("a", "q")]}


def test_ids_end_with_eos_and_come_from_the_training_vocabulary():
    store = prepare_pairs(PAIRS, DataConfig())
    assert store.source_tokenizer is store.tokenizer
    assert store.tokenizer.vocab_size == 4 + len("abxyz")
    assert store.splits["train"].source.padded(np.array([0, 1])).tolist() == [[4, 5, 3], [5, 3, 0]]
    assert store.splits["validation"].target.padded(np.array([0])).tolist() == [[1, 3]]
    assert store.splits["train"].characters == 4


def test_vocabularies_may_be_separate():
    store = prepare_pairs(PAIRS, DataConfig(shared_vocabulary=False))
    assert (store.source_tokenizer.vocab_size, store.tokenizer.vocab_size) == (4 + 2, 4 + 3)


def test_empty_and_overlong_pairs_are_left_out_and_told_of(caplog):
    caplog.set_level(logging.INFO, "charlm")
    splits = {"train": [*PAIRS["train"], ("", "x"), ("a", ""), ("a" * 9, "x")], "validation": PAIRS["validation"]}
    store = prepare_pairs(splits, DataConfig(max_length=8))
    assert store.splits["train"].pairs == PAIRS["train"]
    assert "2 of 5 pairs in the train split are empty on a side" in caplog.text
    assert "1 of 3 pairs in the train split are longer than 8 ids" in caplog.text


def test_what_is_held_out_is_new_to_training(caplog):
    splits = {"train": [("ab", "x"), ("b", "y")], "validation": [("ab", "x"), ("ba", "y")]}
    store = prepare_pairs(splits, DataConfig(), labels=True)
    assert [split.pairs for split in store.splits.values()] == [splits["train"], [("ba", "y")]]
    assert "1 of 2 pairs in the validation split are of a source that is trained on" in caplog.text
    again = prepare_pairs({**splits, "validation": [("ba", "y")]}, DataConfig(), labels=True)
    assert store.sha256 != again.sha256  # what is left out is still part of the corpus
    known = prepare_pairs({**splits, "validation": [("b", "x")]}, DataConfig(), labels=True)
    assert known.splits["validation"].pairs == [("b", "x")]  # there is nothing else
    assert "All of the validation split is of a source that is trained on" in caplog.text


def test_a_split_without_pairs_is_refused():
    with pytest.raises(
        CorpusError, match=r"The validation split .* holds none that can be used. Give more pairs, or a file"
    ):
        prepare_pairs({"train": PAIRS["train"], "validation": []}, DataConfig())
    with pytest.raises(CorpusError, match=r"holds none of at most 1 ids. .*, or a larger --max-length"):
        prepare_pairs({"train": PAIRS["train"], "validation": [("aa", "x")]}, DataConfig(max_length=1), labels=True)
    labelled = {"train": PAIRS["train"], "validation": [("a", "new")]}
    with pytest.raises(CorpusError) as error:
        prepare_pairs(labelled, DataConfig(validation="own.tsv"), labels=True)
    assert str(error.value) == "The validation split holds none that can be used. Give more pairs."


def test_a_row_may_be_empty():
    rows = Ragged([np.array([5, 6, 7]), np.array([8])])
    assert rows.padded(np.array([-1, 1]), 2).tolist() == [[0, 0], [8, 0]]
