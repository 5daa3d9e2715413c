import logging
import os

import numpy as np
import pytest

from charlm.config import Config, DataConfig
from charlm.datasets import is_among, read_pairs, read_test_pairs, task_pairs
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


def test_a_split_without_pairs_is_refused():
    with pytest.raises(CorpusError, match=r"The validation split .* holds none of at most 256 ids. Give more pairs"):
        prepare_pairs({"train": PAIRS["train"], "validation": []}, DataConfig())


def test_a_row_may_be_empty():
    rows = Ragged([np.array([5, 6, 7]), np.array([8])])
    assert rows.padded(np.array([-1, 1]), 2).tolist() == [[0, 0], [8, 0]]


def test_files_are_split_in_order(tmp_path):
    (tmp_path / "pairs.tsv").write_text("".join(f"{n}\t{-n}\n" for n in range(10)))
    splits = read_pairs([str(tmp_path / "pairs.tsv")], {}, Config.from_settings({"split": "80/10/10"}))
    assert {name: list(pairs) for name, pairs in splits.items()} == {
        "train": [(str(n), str(-n)) for n in range(8)],
        "validation": [("8", "-8")],
        "test": [("9", "-9")],
    }


def test_validation_may_be_a_file_of_its_own(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.tsv").write_text(f"{name}\tx\r\n\n")
    splits = read_pairs([str(tmp_path / "a.tsv")], {"validation": [str(tmp_path / "b.tsv")]}, Config())
    assert {name: list(pairs) for name, pairs in splits.items()} == {"train": [("a", "x")], "validation": [("b", "x")]}


def test_a_line_without_its_tab_is_named(tmp_path):
    (tmp_path / "pairs.tsv").write_text("a\tb\nno tab here\n")
    with pytest.raises(CorpusError, match=r"pairs.tsv, line 2: 0 tabs, where one belongs"):
        read_pairs([str(tmp_path / "pairs.tsv")], {}, Config())


def test_an_autoencoder_has_each_line_twice_and_long_ones_in_pieces(tmp_path):
    for name, text in (("train", "one\nabcdefgh\n"), ("held_out", "abcdefgh\n")):
        (tmp_path / f"{name}.txt").write_text(text)
    config = Config.from_settings({"task": "autoencode", "max_length": 6})
    held_out = str(tmp_path / "held_out.txt")
    splits = read_pairs([str(tmp_path / "train.txt")], {"validation": [held_out]}, config)
    twice = [(piece, piece) for piece in ("one", "abcdef", "bcdefg", "cdefgh")]
    train = list(splits["train"])
    assert train[:4] == twice
    mixed = [source for source, target in train[4:] if source == target]
    assert list(map(len, mixed)) == [3, 6] and set("".join(mixed)) <= set("oneabcdefgh")
    assert list(splits["validation"]) == list(read_test_pairs(held_out, config)) == [twice[1], twice[3]]


def test_pieces_of_an_autoencoder_are_never_too_long(tmp_path):
    (tmp_path / "text.txt").write_text("жизнь прожить\n", encoding="utf-8")
    config = Config.from_settings({"task": "autoencode", "max_length": 6, "tokenizer": "byte"})
    pieces = [source for source, _ in read_test_pairs(str(tmp_path / "text.txt"), config)]
    assert pieces == ["жиз", "нь ", "ро", "ит", "ить"]  # the last one ends where the line does


def test_what_a_run_was_trained_on_is_judged_by_its_test_split(tmp_path):
    file = tmp_path / "pairs.tsv"
    file.write_text("".join(f"{n}\t{-n}\n" for n in range(9)) + "3\t-3\n")
    config = Config.from_settings({"task": "translate", "split": "70/10/20"})
    assert list(read_test_pairs(str(file), config, [str(file)])) == [("8", "-8")]
    assert list(read_test_pairs(str(file), config, [str(file)], split="validation")) == [("7", "-7")]
    other = os.path.relpath(file)
    assert list(read_test_pairs(other, config, [str(file)])) == [("8", "-8")]
    assert not is_among("-", ["-"])
    assert list(read_test_pairs("reverse", config, split="validation")) == list(task_pairs("reverse", "validation"))
    with pytest.raises(CorpusError, match="there is no test split"):
        read_test_pairs(str(file), Config.from_settings({"task": "translate", "split": "90/10"}), [str(file)])


def test_a_task_stands_alone_and_a_folder_does_not_hide_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reverse").mkdir()
    translate = Config.from_settings({"task": "translate"})
    assert next(iter(read_pairs(["reverse"], {}, translate)["train"]))
    for names, held_out, task in (
        (["reverse", "dates"], {}, "translate"),
        (["reverse"], {"validation": ["x.tsv"]}, "translate"),
        (["reverse"], {}, "autoencode"),
    ):
        with pytest.raises(CorpusError, match="'reverse' is generated for --task translate. Give it alone"):
            read_pairs(names, held_out, Config.from_settings({"task": task}))


def test_pairs_with_an_empty_side_are_not_judged(tmp_path):
    (tmp_path / "pairs.tsv").write_text("a\tb\n\t\nc\t\n")
    assert list(read_test_pairs(str(tmp_path / "pairs.tsv"), Config())) == [("a", "b")]
    config = Config.from_settings({"task": "autoencode"})
    (tmp_path / "lines.txt").write_text("a\n\nb\n")
    assert list(read_test_pairs(str(tmp_path / "lines.txt"), config)) == [("a", "a"), ("b", "b")]
