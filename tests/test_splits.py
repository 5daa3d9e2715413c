import os

import pytest

from charlm.config import Config
from charlm.datasets import is_among, task_pairs
from charlm.errors import CorpusError
from charlm.pairs import digest, drop_known, drop_unusable
from charlm.splits import held_out_names, read_pairs, read_test_pairs


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
    for corpus in (str(file), str(tmp_path), str(tmp_path / "*.tsv")):
        about = _about(config, corpus)
        assert list(read_test_pairs(str(file), config, about)) == [("8", "-8")]
        assert list(read_test_pairs(str(file), config, about, split="validation")) == [("7", "-7")]
        assert list(read_test_pairs(os.path.relpath(file), config, about)) == [("8", "-8")]
    assert not is_among("-", ["-"])
    assert list(read_test_pairs("reverse", config, split="validation")) == list(task_pairs("reverse", "validation"))
    two = Config.from_settings({"task": "translate", "split": "90/10"})
    with pytest.raises(CorpusError, match="has no test split, but train and validation. Name another file"):
        read_test_pairs(str(file), two, _about(two, str(file)))
    apart = Config.from_settings({"task": "translate", "validation": str(tmp_path / "own.tsv")})
    (tmp_path / "own.tsv").write_text("x\ty\n")
    known = _about(apart, str(tmp_path))
    assert list(read_test_pairs(str(tmp_path / "own.tsv"), apart, known)) == [
        ("x", "y")
    ]  # not of the folder's test split
    assert list(read_test_pairs(str(tmp_path / "own.tsv"), apart)) == [("x", "y")]  # of a bundle that names no corpus
    with pytest.raises(CorpusError, match="own.tsv is the run's validation split, and not its test split"):
        read_test_pairs(str(tmp_path / "own.tsv"), apart, known, split="test")
    (tmp_path / "other").write_text(file.read_text() + "10\t-10\n\t\n")
    about = _about(config, str(file))
    assert len(list(read_test_pairs(str(tmp_path / "other"), config, about))) == 11
    with pytest.raises(CorpusError, match="The run does not know .*other, which has no validation split"):
        read_test_pairs(str(tmp_path / "other"), config, about, split="validation")
    with pytest.raises(CorpusError, match="'languages' is for --task classify, and the run is of translate"):
        read_test_pairs("languages", config)


@pytest.mark.parametrize("corpus", ["pairs.tsv", "-"])
@pytest.mark.parametrize("task", ["translate", "autoencode", "classify"])
def test_a_copy_of_what_a_run_was_trained_on_is_known_by_what_is_in_it(tmp_path, caplog, task, corpus):
    file, copy = tmp_path / "pairs.tsv", tmp_path / "copy.tsv"
    file.write_text("".join(f"{n}\t{n % 2}\n" for n in range(40)))
    config = Config.from_settings({"task": task, "split": "70/10/20"})
    about = _about(config, str(file)) | {"corpus": [corpus if corpus == "-" else str(file)]}
    copy.write_text(file.read_text())
    expected = drop_known(drop_unusable(read_pairs([str(file)], {}, config), labels=False))["test"]
    assert list(read_test_pairs(str(copy), config, about)) == expected
    copy.write_text(file.read_text() + "40\t0\n\t0\n")
    caplog.clear()
    caplog.set_level("INFO")
    assert len(list(read_test_pairs(str(copy), config, about))) == (42 if task == "autoencode" else 41)
    assert [record.levelname for record in caplog.records] == ["INFO"]  # of nothing that is left out


def test_a_corpus_is_known_by_any_path(tmp_path):
    stored, other, folder = tmp_path / "stored.tsv", tmp_path / "other", tmp_path / "folder"
    stored.write_text("a\tb\n"), other.mkdir(), folder.mkdir()
    (other / "new.tsv").write_text("c\td\n"), (folder / ".hidden.tsv").write_text("e\tf\n")
    (folder / "linked.tsv").symlink_to(stored)
    (folder / "elsewhere").symlink_to(other, target_is_directory=True)  # which is not followed
    for name in (stored, folder, folder / "linked.tsv"):
        assert is_among(str(name), [str(folder)])
    for name in (
        tmp_path,
        other / "new.tsv",
        folder / "elsewhere" / "new.tsv",
        folder / ".hidden.tsv",
        folder / "none",
    ):
        assert not is_among(str(name), [str(folder)])
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    assert is_among(str(folder / "linked.tsv"), [str(tmp_path / "link")])
    assert is_among("python-manual", ["python-manual"]) and not is_among("python-manual", [str(tmp_path)])


@pytest.mark.parametrize("name", ["-", os.devnull])
def test_what_cannot_be_read_again_is_not_judged(tmp_path, name):
    file = tmp_path / "pairs.tsv"
    file.write_text("a\tb\n")
    config = Config.from_settings({"task": "translate"})
    with pytest.raises(CorpusError, match="Name another text or run"):
        read_test_pairs(str(file), config, {"corpus": [name, str(file)], "corpus_sha256": ""})
    held_out = Config.from_settings({"task": "translate", "validation": name})
    with pytest.raises(CorpusError, match="Name another text or run"):
        read_test_pairs(str(file), held_out, {"corpus": [str(file)], "corpus_sha256": ""})
    assert list(read_test_pairs(str(file), config, {"corpus": [name]})) == [("a", "b")]


def test_what_has_changed_since_is_not_judged(tmp_path):
    file = tmp_path / "pairs.tsv"
    file.write_text("".join(f"{n}\t{-n}\n" for n in range(10)))
    config = Config.from_settings({"task": "translate"})
    about = _about(config, str(file))
    with file.open("a") as more:
        more.write("10\t-10\n")
    with pytest.raises(CorpusError, match="has changed since, as .*pairs.tsv may have"):
        read_test_pairs(str(file), config, about)


def _about(config, corpus):
    """Returns what a run that was trained on a corpus says of it."""
    labels = config.model.task == "classify"
    pairs = drop_unusable(read_pairs([corpus], held_out_names(config), config), labels=labels)
    return {"corpus": [corpus], "corpus_sha256": digest(pairs)}


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
        with pytest.raises(CorpusError, match=r"'reverse' is generated for --task translate. .* folder is ./reverse"):
            read_pairs(names, held_out, Config.from_settings({"task": task}))


def test_pairs_with_an_empty_side_are_not_judged(tmp_path):
    (tmp_path / "pairs.tsv").write_text("a\tb\n\t\nc\t\n")
    assert list(read_test_pairs(str(tmp_path / "pairs.tsv"), Config())) == [("a", "b")]
    config = Config.from_settings({"task": "autoencode"})
    (tmp_path / "lines.txt").write_text("a\n\nb\n")
    assert list(read_test_pairs(str(tmp_path / "lines.txt"), config)) == [("a", "a"), ("b", "b")]


def test_labelled_lines_are_shuffled_always_alike(tmp_path):
    (tmp_path / "x.tsv").write_text("".join(f"{number}\t{number // 50}\n" for number in range(100)))
    config = Config.from_settings({"task": "classify", "split": "80/20"})
    one, again = (list(read_pairs([str(tmp_path / "x.tsv")], {}, config)["validation"]) for _ in range(2))
    assert one == again and {label for _, label in one} == {"0", "1"}
