"""Files to characters: encodings, newlines, compression, folders and JSON Lines, in bounded memory."""

import bz2
import codecs
import glob
import gzip
import io
import json
import logging
import lzma
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from charlm.errors import TextError

BLOCK_BYTES = 1 << 20
STANDARD_INPUT = "-"

_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SNIFF_BYTES = 8192
_UNREADABLE = (OSError, EOFError, lzma.LZMAError, zlib.error)

log = logging.getLogger(__name__)


class Chunk(NamedTuple):
    """A piece of a document's text; `is_last` tells that the document ends with it."""

    text: str
    is_last: bool


def find_files(patterns: Iterable[str]) -> list[str]:
    """Expands files, folders and globs to a list of files, in order, each one once.

    Of a folder, all files below it are taken that are neither hidden, nor damaged, nor binary (a NUL among the first
    8 KiB, after decompression, tells a binary file; UTF-16 with its mark is kept, to be explained later).

    Args:
        patterns: paths, globs, or `-` for standard input.

    Returns:
        Paths, and `-` as it is.

    Raises:
        TextError: a pattern matches nothing, or a folder holds no text.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        if pattern == STANDARD_INPUT or Path(pattern).is_file():
            found[pattern] = None
        elif pattern and Path(pattern).is_dir():
            found |= dict.fromkeys(_folder_files(Path(pattern)))
        elif matches := sorted(match for match in glob.glob(pattern, recursive=True) if Path(match).is_file()):
            found |= dict.fromkeys(matches)
        else:
            raise TextError(
                f"There is no file, folder or corpus '{pattern}'. Check the path, or see `charlm corpus list`."
            )
    return list(found)


def _folder_files(folder: Path) -> Iterator[str]:
    texts = binaries = 0
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(root, name) for name in sorted(names) if not name.startswith(".")):
            if not path.is_file() or _is_binary(path):
                binaries += 1
                continue
            texts += 1
            yield str(path)
    if binaries:
        log.info("%s: %d files left out that cannot be read as text", folder, binaries)
    if not texts:
        raise TextError(f"The folder '{folder}' holds no text files. Name a folder with text in it, or single files.")


def _is_binary(path: Path) -> bool:
    try:
        with _open(str(path)) as file:
            head = file.read(_SNIFF_BYTES)
    except _UNREADABLE:
        return True
    return b"\0" in head and not head.startswith(_UTF16_MARKS)


def read_text(
    name: str,
    *,
    encoding: str = "utf-8",
    errors: str = "strict",
    field: str | None = None,
    normalize_newlines: bool = False,
) -> Iterator[Chunk]:
    """Reads a file once, from its beginning to its end, as chunks of about a megabyte.

    `.gz`, `.bz2` and `.xz` are decompressed; a UTF-8 byte order mark is left out, and said so.

    Args:
        name: a path, or `-` for standard input.
        encoding: any name that Python's `codecs` knows.
        errors: `strict`, or `replace` to read invalid bytes as U+FFFD.
        field: the file is JSON Lines, and each line's string under this name is a document of its own.
        normalize_newlines: turn CRLF and CR into LF.

    Yields:
        `Chunk`s; the last one of each document says so.

    Raises:
        TextError: the file cannot be opened, decompressed, decoded or parsed; the message says where.
    """
    if field is not None:
        return _records(name, _characters(name, encoding, errors, normalize_newlines), field)
    return _document(_characters(name, encoding, errors, normalize_newlines))


def _document(pieces: Iterator[str]) -> Iterator[Chunk]:
    before = ""
    for piece in pieces:
        if before:
            yield Chunk(before, is_last=False)
        before = piece
    yield Chunk(before, is_last=True)


def _records(name: str, pieces: Iterator[str], field: str) -> Iterator[Chunk]:
    for number, line in enumerate(_lines(pieces), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise TextError(
                f"{name}, line {number}: not JSON ({error.msg}). JSON Lines wants one object a line."
            ) from None
        text = record.get(field) if isinstance(record, dict) else None
        if not isinstance(text, str):
            known = ", ".join(record) if isinstance(record, dict) else type(record).__name__
            raise TextError(f"{name}, line {number}: there is no text under '{field}'. Found: {known}.")
        # An escape such as \ud800 alone is no character; no encoding could write it.
        yield Chunk(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), is_last=True)


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    rest = ""
    for piece in pieces:
        *whole, rest = (rest + piece).split("\n")
        yield from whole
    if rest:
        yield rest


def _open(name: str) -> BinaryIO:
    if name == STANDARD_INPUT:
        return sys.stdin.buffer
    return _OPENERS.get(Path(name).suffix.lower(), open)(name, "rb")


def _characters(name: str, encoding: str, errors: str, normalize_newlines: bool) -> Iterator[str]:
    decoder = _Decoder(name, encoding, errors)
    newlines = io.IncrementalNewlineDecoder(None, translate=True) if normalize_newlines else None
    for piece in _decoded(name, decoder):
        if newlines is not None:
            piece = newlines.decode(piece)
        if piece:
            yield piece
    if newlines is not None and (piece := newlines.decode("", final=True)):
        yield piece


def _decoded(name: str, decoder: "_Decoder") -> Iterator[str]:
    try:
        with _open(name) as file:
            while block := file.read(BLOCK_BYTES):
                yield decoder.decode(block)
            yield decoder.decode(b"", final=True)
    except _UNREADABLE as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise TextError(f"{name} cannot be read: {reason}.") from None


class _Decoder:
    """Decodes blocks of bytes, and says where an invalid one lies."""

    def __init__(self, name: str, encoding: str, errors: str):
        try:
            self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        except LookupError:
            raise TextError(f"There is no encoding '{encoding}'. Try utf-8, utf-16, latin-1 or cp1252.") from None
        self._name, self._encoding, self._is_utf8 = name, encoding, codecs.lookup(encoding).name == "utf-8"
        self._bytes_done = self._lines_done = 0
        self._at_start = True

    def decode(self, block: bytes, *, final: bool = False) -> str:
        skipped = self._skip_mark(block) if self._at_start and self._is_utf8 else 0
        self._at_start = False
        self._bytes_done += skipped
        waiting = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(block[skipped:], final)
        except UnicodeDecodeError as error:
            self._explain(error, self._bytes_done - waiting)
        except UnicodeError as error:  # UTF-16 without its mark, say
            raise TextError(f"{self._name} is not {self._encoding}: {error}.") from None
        self._bytes_done += len(block) - skipped
        self._lines_done += text.count("\n")
        return text

    def _skip_mark(self, block: bytes) -> int:
        if block.startswith(_UTF16_MARKS):
            raise TextError(
                f"{self._name} is UTF-16, not UTF-8: it begins with that encoding's mark. "
                "Pass encoding='utf-16' (--encoding utf-16)."
            )
        if not block.startswith(codecs.BOM_UTF8):
            return 0
        log.info("%s: UTF-8 byte order mark left out", self._name)
        return len(codecs.BOM_UTF8)

    def _explain(self, error: UnicodeDecodeError, base: int) -> None:
        before = error.object[: error.start].decode(self._encoding, "replace").count("\n")
        raise TextError(
            f"{self._name}: byte 0x{error.object[error.start]:02x} at offset {base + error.start} "
            f"(line {self._lines_done + before + 1}) is not valid {self._encoding}. "
            "Pass errors='replace' (--errors replace), or name the encoding (--encoding latin-1)."
        ) from None
