import os
import subprocess
import sys

import numpy as np
import pytest

from charlm import corpus, files
from charlm.config import DataConfig
from charlm.corpus import Store, prepare
from charlm.errors import CorpusError
from charlm.text import Chunk
from charlm.tokenizer import BOS, EOS, UNK


def documents(*texts):
    return [Chunk(text, is_last=True) for text in texts]


def decoded(store, split):
    return store.tokenizer.decode(store.tokens(split))


@pytest.mark.parametrize("tokenizer", ["char", "byte", "bpe"])
def test_splits_are_contiguous_and_lose_nothing(tokenizer, text):
    store = prepare(documents(text), DataConfig(tokenizer=tokenizer, vocab_size=280))
    assert "".join(decoded(store, split) for split in ("train", "validation", "test")) == text
    characters = [store.splits[split].characters for split in ("train", "validation", "test")]
    assert characters[0] == len(text) * 90 // 100
    assert sum(characters) == len(text)
    assert sum(info.characters for info in store.splits.values()) == len(text)


def test_the_split_is_nanogpts():
    store = prepare(documents("ab" * 50 + "c"), DataConfig(split="90/10"))
    assert store.splits["train"].characters == int(101 * 0.9)


def test_the_vocabulary_comes_from_the_training_split():
    store = prepare(documents("ab" * 45 + "abxyabxyab"), DataConfig(split="90/10"))
    assert store.tokenizer.vocab_size == 6
    assert (store.tokens("validation") == UNK).sum() == 4


def test_pieces_come_from_the_training_split():
    config = DataConfig(tokenizer="bpe", vocab_size=300, split="50/50")
    one, other = (prepare(documents("ab cd " * 50 + end * 50), config) for end in ("xy zw ", "zw yx "))
    assert one.tokenizer.pieces == other.tokenizer.pieces


def test_documents_are_marked_off():
    store = prepare(documents("ab", "", "ba", "bb"), DataConfig(split="50/50", split_by="documents"))
    a, b = store.tokenizer.encode("ab").tolist()
    assert store.tokens("train").tolist() == [a, b, EOS, BOS, EOS]
    assert store.tokens("validation").tolist() == [b, a, EOS, BOS, b, b, EOS]
    assert [info.documents for info in store.splits.values()] == [2, 2, 0]


def test_a_cut_document_has_no_end_mark():
    store = prepare(documents("abcabc"), DataConfig(split="50/50"))
    assert EOS not in store.tokens("train")
    assert store.tokens("validation")[-1] == EOS


def test_texts_of_their_own():
    store = prepare(
        documents("abab"),
        DataConfig(validation="v", test="t"),
        held_out={"validation": documents("ba"), "test": documents("bb")},
    )
    assert [decoded(store, split) for split in ("train", "validation", "test")] == ["abab", "ba", "bb"]


@pytest.mark.parametrize("size, dtype", [(200, np.uint8), (300, np.uint16)])
def test_the_smallest_type_that_fits(size, dtype):
    alphabet = "".join(chr(0x4E00 + index) for index in range(size))
    assert prepare(documents(alphabet * 20), DataConfig()).tokens("train").dtype == dtype


def test_small_blocks_give_the_same_store(text, monkeypatch):
    whole = prepare(documents(text), DataConfig())
    monkeypatch.setattr(corpus, "_BLOCK_BYTES", 7)
    monkeypatch.setenv("CHARLM_CACHE", str(whole.folder.parent.parent / "elsewhere"))
    pieces = [Chunk(text[start : start + 5], is_last=start + 5 >= len(text)) for start in range(0, len(text), 5)]
    again = prepare(pieces, DataConfig())
    assert again.folder != whole.folder
    assert again.folder.name == whole.folder.name
    for split in ("train", "validation", "test"):
        assert np.array_equal(whole.tokens(split), again.tokens(split))


def test_a_second_run_finds_the_store(text, monkeypatch):
    first = prepare(documents(text), DataConfig())
    monkeypatch.setattr(corpus, "_write", lambda *_: pytest.fail("the store was written again"))
    assert prepare(documents(text), DataConfig()).folder == first.folder


@pytest.mark.parametrize(
    "change", [{"split": "80/20"}, {"tokenizer": "byte"}, {"split_by": "documents", "split": "50/50"}]
)
def test_another_setting_or_text_makes_another_store(change):
    texts = documents("abab" * 30, "ba" * 30)
    assert prepare(texts, DataConfig(**change)).folder != prepare(texts, DataConfig()).folder
    assert prepare(documents("abab" * 30 + "ba" * 30), DataConfig()).folder != prepare(texts, DataConfig()).folder


def test_a_damaged_store_is_made_anew(text):
    store = prepare(documents(text), DataConfig())
    (store.folder / "train.bin").write_bytes(b"")
    assert decoded(prepare(documents(text), DataConfig()), "train") == text[: len(text) * 90 // 100]


def test_processes_that_prepare_the_same_text_at_once_agree(tmp_path):
    program = (
        "import sys; from charlm import Chunk, DataConfig, prepare\n"
        "for number in range(20):\n"
        "    store = prepare([Chunk(f'text {number} ' * 500, True)], DataConfig())\n"
        "    assert store.tokenizer.decode(store.tokens('test')).strip()\n"
    )
    environment = os.environ | {"CHARLM_CACHE": str(tmp_path)}
    processes = [subprocess.Popen([sys.executable, "-c", program], env=environment) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert len([path for path in (tmp_path / "stores").iterdir() if path.is_dir()]) == 20


def test_what_a_killed_process_left_is_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("CHARLM_CACHE", str(tmp_path))
    left, young = tmp_path / "stores" / ".scratch-left", tmp_path / "stores" / ".scratch-young"
    for folder in (left, young):
        folder.mkdir(parents=True)
        (folder / "train").write_text("half a text")
    os.utime(left, (0, 0))
    prepare(documents("a text" * 50), DataConfig())
    assert not left.exists()
    assert young.exists()
    os.utime(young, (0, 0))
    with files.locked(young / "lock"):  # of a process that is at work
        os.utime(young, (0, 0))
        prepare(documents("another text" * 50), DataConfig())
    assert young.exists()


def test_text_after_the_last_document_is_not_lost():
    store = prepare([*documents("ab" * 50), Chunk("ba" * 50, is_last=False)], DataConfig(split="50/50"))
    assert decoded(store, "train") + decoded(store, "validation") == "ab" * 50 + "ba" * 50


def test_empty_texts():
    with pytest.raises(CorpusError, match="holds no characters"):
        prepare(documents(""), DataConfig())
    with pytest.raises(CorpusError, match="The validation split holds no characters"):
        prepare(documents("abc"), DataConfig())


def test_nothing_is_left_of_a_write_that_fails(monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(corpus._Writer, "add", fail)
    with pytest.raises(OSError, match="No space left"):
        prepare(documents("never seen before" * 9), DataConfig())
    monkeypatch.undo()
    store = prepare(documents("never seen before" * 9), DataConfig())
    assert isinstance(store, Store)
    assert not [path for path in store.folder.parent.iterdir() if path.name.startswith(".")]
