import bz2
import codecs
import gzip
import io
import json
import lzma

import pytest

from charlm import text as text_module
from charlm.errors import ConfigError, TextError
from charlm.text import Chunk, escape_controls, find_files, read_text


def read(path, **options):
    return "".join(chunk.text for chunk in read_text(str(path), **options))


@pytest.fixture
def write(tmp_path):
    def write(data, name="file.txt"):
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return write


@pytest.mark.parametrize("suffix, compress", [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_compressed_files_read_like_plain_ones(write, suffix, compress):
    assert read(write(compress("naïve\n".encode()), "file.txt" + suffix)) == "naïve\n"


def test_crlf_is_kept_unless_asked(write):
    path = write("a\r\nb\rc\n")
    assert read(path) == "a\r\nb\rc\n"
    assert read(path, normalize_newlines=True) == "a\nb\nc\n"


def test_a_crlf_that_straddles_two_blocks_is_one_newline(write, monkeypatch):
    monkeypatch.setattr(text_module, "BLOCK_BYTES", 2)
    assert read(write("a\r\nbb\r\n\r"), normalize_newlines=True) == "a\nbb\n\n"


def test_characters_that_straddle_blocks_are_whole(write, monkeypatch):
    monkeypatch.setattr(text_module, "BLOCK_BYTES", 3)
    assert read(write("aé😀é" * 5)) == "aé😀é" * 5


def test_byte_order_mark_is_stripped_and_said_so(write, caplog):
    caplog.set_level("INFO", "charlm")
    assert read(write(codecs.BOM_UTF8 + b"abc")) == "abc"
    assert "byte order mark left out" in caplog.text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_explained_and_readable_by_name(write, encoding):
    mark = codecs.BOM_UTF16_LE if encoding.endswith("le") else codecs.BOM_UTF16_BE
    path = write(mark + "héllo".encode(encoding))
    with pytest.raises(TextError, match="is UTF-16, not UTF-8.*--encoding utf-16"):
        read(path)
    assert read(path, encoding="utf-16") == "héllo"


@pytest.mark.parametrize("block", [4, 1 << 20])
def test_an_invalid_byte_is_located(write, monkeypatch, block):
    monkeypatch.setattr(text_module, "BLOCK_BYTES", block)
    path = write("één\ntwo\n".encode() + b"x\xe9y\n")
    with pytest.raises(TextError) as raised:
        read(path)
    assert str(raised.value) == (
        f"{path}: byte 0xe9 at offset 11 (line 3) is not valid utf-8. "
        "Pass errors='replace' (--errors replace), or name the encoding (--encoding latin-1)."
    )
    assert read(path, errors="replace").endswith("x\ufffdy\n")
    assert read(path, encoding="latin-1").endswith("xéy\n")


def test_utf16_without_a_mark_and_utf32_are_explained(write):
    with pytest.raises(TextError, match="is UTF-16-LE, not UTF-8.*--encoding utf-16-le"):
        read(write("hello world".encode("utf-16-le")))
    with pytest.raises(TextError, match="is UTF-32, not UTF-8.*--encoding utf-32"):
        read(write("hello world".encode("utf-32")))
    assert read(write("h\0i there")) == "h\0i there"


def test_newlines_within_json_lines_are_normalized_too(write):
    path = write(json.dumps({"body": "a\r\nb\rc"}))
    assert list(read_text(str(path), field="body", normalize_newlines=True)) == [Chunk("a\nb\nc", True)]


def test_controls_are_escaped_and_letters_are_not():
    assert escape_controls("a\x1b[2J\n\u202e中文\u3000字 fin\xa0! 👩\u200d👧\x9b") == (
        "a\\u001b[2J\n\\u202e中文\u3000字 fin\xa0! 👩\u200d👧\\u009b"
    )


def test_a_truncated_character_at_the_end_is_located(write):
    with pytest.raises(TextError, match=r"0xc3 at offset 2 \(line 1\)"):
        read(write(b"ab\xc3"))


def test_unknown_encoding(write):
    for name in ("klingon", "hex", "rot13", "a\0b"):
        with pytest.raises(ConfigError, match=f"no encoding '{name}'"):
            read(write("a"), encoding=name)


def test_damaged_archive(write):
    with pytest.raises(TextError, match="cannot be read"):
        read(write(gzip.compress(b"abc" * 1000)[:-9], "file.gz"))


def test_json_lines_are_documents(write):
    lines = [json.dumps({"id": 1, "body": "one\ntwo"}), "", json.dumps({"body": "\ud800x"})]
    chunks = list(read_text(str(write("\n".join(lines), "file.jsonl")), field="body"))
    assert chunks == [Chunk("one\ntwo", True), Chunk("\ufffdx", True)]


@pytest.mark.parametrize(
    "line, message",
    [
        ("[" * 100_000, "line 1: not JSON"),
        ("9" * 5000, "line 1: not JSON"),
        ("{", "line 1: not JSON"),
        ('{"a": 1}', "line 1: there is no text under 'body'. Found: a"),
        ("[1]", "Found: list"),
    ],
)
def test_json_lines_that_do_not_fit(write, line, message):
    with pytest.raises(TextError, match=message):
        list(read_text(str(write(line)), field="body"))


def test_standard_input_that_is_not_there(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(TextError, match="There is no standard input"):
        read("-")


def test_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("é".encode())))
    assert read("-") == "é"


def test_find_files_walks_folders_and_globs_in_order(tmp_path, caplog):
    caplog.set_level("INFO", "charlm")
    for name, data in {
        "b.txt": b"b",
        "a/x.txt": b"x",
        "z.bin": b"\0\1",
        "damaged.bz2": b"no archive",
        ".hidden": b"h",
        "c.gz": gzip.compress(b"c"),
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    found = [path.removeprefix(f"{tmp_path}/") for path in find_files([str(tmp_path)])]
    assert found == ["b.txt", "c.gz", "a/x.txt"]
    assert "2 files left out that cannot be read as text" in caplog.text
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / "a" / name).write_text("{}")
    assert find_files([str(tmp_path)]) == [f"{tmp_path}/{name}" for name in ("b.txt", "c.gz")]
    assert f"{tmp_path}/a: left out, as it holds a model" in caplog.text
    assert find_files([f"{tmp_path}/*.txt", f"{tmp_path}/b.txt"]) == [f"{tmp_path}/b.txt"]


def test_missing_files_and_empty_folders(tmp_path):
    with pytest.raises(TextError, match="no file, folder or corpus 'nowhere.txt'"):
        find_files(["nowhere.txt"])
    with pytest.raises(TextError, match="holds no text files"):
        find_files([str(tmp_path)])


def test_documents_end_with_their_last_chunk(write, monkeypatch):
    monkeypatch.setattr(text_module, "BLOCK_BYTES", 2)
    assert list(read_text(str(write("abcd")))) == [Chunk("ab", False), Chunk("cd", True)]
    assert list(read_text(str(write("")))) == [Chunk("", True)]
