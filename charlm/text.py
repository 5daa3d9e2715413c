"""Files to characters: encodings, newlines, compression, folders and JSON Lines, in bounded memory."""

import bz2
import codecs
import contextlib
import glob
import gzip
import io
import itertools
import json
import logging
import lzma
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

from charlm.errors import ConfigError, TextError

BLOCK_BYTES = 1 << 20
STANDARD_INPUT = "-"

_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SNIFF_BYTES = 8192
_MODEL_FILES = {"config.json", "tokenizer.json"}  #: of every run, from its beginning
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
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
    found: dict[str, str] = {}  # by their real paths
    for pattern in patterns:
        if pattern == STANDARD_INPUT:
            found[pattern] = pattern
        elif pattern and Path(pattern).is_dir():
            found |= {os.path.realpath(path): _as_file(path) for path in _folder_files(Path(pattern))}
        elif pattern and Path(pattern).exists():
            found[os.path.realpath(pattern)] = pattern
        elif matches := sorted(match for match in glob.glob(pattern, recursive=True) if Path(match).is_file()):
            found |= {os.path.realpath(match): _as_file(match) for match in matches}
        else:
            raise TextError(
                f"There is no file, folder or corpus '{pattern}'. Check the path, or see `charlm corpus list`."
            )
    return list(found.values())


def _as_file(path: str) -> str:
    """Returns a path that is not taken for standard input."""
    return path if path != STANDARD_INPUT else os.path.join(os.curdir, path)


def walk(folder: Path) -> Iterator[Path]:
    """Yields the files below a folder that are not hidden, in order; links to other folders are not followed.

    Folders that hold a model are left out: a run may lie in the folder that it was trained on.

    Raises:
        OSError: a folder cannot be read.
    """

    def refuse(error: OSError) -> NoReturn:
        raise error

    for root, folders, names in os.walk(folder, onerror=refuse):
        if set(names) >= _MODEL_FILES:
            log.info("%s: left out, as it holds a model", root)
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(root, name) for name in sorted(names) if not name.startswith("."))
        yield from (path for path in paths if path.is_file())


def _folder_files(folder: Path) -> Iterator[str]:
    texts = binaries = 0
    for path in walk(folder):
        if _is_binary(path):
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
        with _open(_as_file(str(path))) as file:
            head = file.read(_SNIFF_BYTES)
    except PermissionError:
        return False  # reading it will say so
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
        field: the file is JSON Lines, and each line's string under this name is a document of its own; plain text where
            it is None or empty.
        normalize_newlines: turn CRLF and CR into LF.

    Yields:
        `Chunk`s; the last one of each document says so.

    Raises:
        ConfigError: there is no such encoding.
        TextError: the file cannot be opened, decompressed, decoded or parsed; the message says where.
    """
    if field:
        records = _records(name, _characters(name, encoding, errors, normalize_newlines=False), field)
        return (Chunk(_with_newlines(text), is_last) for text, is_last in records) if normalize_newlines else records
    return _document(_characters(name, encoding, errors, normalize_newlines))


def _document(pieces: Iterator[str]) -> Iterator[Chunk]:
    before = ""
    for piece in pieces:
        if before:
            yield Chunk(before, is_last=False)
        before = piece
    yield Chunk(before, is_last=True)


def _records(name: str, pieces: Iterator[str], field: str) -> Iterator[Chunk]:
    for number, line in enumerate(split_lines(pieces), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else error
            raise TextError(
                f"{name}, line {number}: not JSON ({reason}). JSON Lines wants one object a line; --field '' reads "
                "plain text."
            ) from None
        text = record.get(field) if isinstance(record, dict) else None
        if not isinstance(text, str):
            known = ", ".join(record) if isinstance(record, dict) else type(record).__name__
            raise TextError(
                f"{name}, line {number}: there is no text under '{field}'. Found: {known}. --field '' reads plain text."
            )
        yield Chunk(_whole_characters(text), is_last=True)


def join_chunks(chunks: Iterable[Chunk]) -> Iterator[str]:
    """Puts chunks together to whole documents.

    >>> list(join_chunks([Chunk("a", False), Chunk("b", True), Chunk("c", True)]))
    ['ab', 'c']
    """
    parts: list[str] = []
    for text, is_last in chunks:
        parts.append(text)
        if is_last:
            yield "".join(parts)
            parts = []


def _with_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _whole_characters(text: str) -> str:
    """Replaces halves of surrogate pairs, which no encoding can write, and joins those that belong together."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def split_lines(pieces: Iterable[str]) -> Iterator[str]:
    """Cuts text that comes in pieces into its lines, without their ends."""
    return itertools.chain.from_iterable(lines_by_piece(pieces))


def lines_by_piece(pieces: Iterable[str]) -> Iterator[list[str]]:
    """Yields the lines that each piece of a text ends, and at last the one that nothing ends."""
    begun: list[str] = []
    for piece in pieces:
        end, *others = piece.split("\n")
        begun.append(end)
        if others:
            yield ["".join(begun), *others[:-1]]
            begun = others[-1:]
    if any(begun):
        yield ["".join(begun)]


def standard_input() -> BinaryIO:
    """Returns standard input; it is the caller's, not to be closed.

    Raises:
        TextError: there is none.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise TextError("There is no standard input to read. Name a file, or pipe a text in.")
    return sys.stdin.buffer


def _open(name: str) -> contextlib.AbstractContextManager[BinaryIO]:
    if name == STANDARD_INPUT:
        return contextlib.nullcontext(standard_input())
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


def _other_unicode(block: bytes) -> str | None:
    """Recognises UTF-32 and UTF-16 by their marks, and UTF-16 without a mark by every other byte being zero."""
    if block.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if block.startswith(_UTF16_MARKS):
        return "utf-16"
    head = block[:_SNIFF_BYTES]
    zeros = [head[offset::2].count(0) > len(head) // 4 for offset in (0, 1)]
    return {(False, True): "utf-16-le", (True, False): "utf-16-be"}.get((zeros[0], zeros[1]))


def escape_controls(text: str) -> str:
    """Escapes what would steer a terminal: control characters but newline and tab, and bidirectional overrides."""
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class _Decoder:
    """Decodes blocks of bytes, and says where an invalid one lies."""

    def __init__(self, name: str, encoding: str, errors: str):
        try:
            if not codecs.lookup(encoding)._is_text_encoding:
                raise LookupError(encoding)
            self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        except (LookupError, ValueError):
            raise ConfigError(f"There is no encoding '{encoding}'. Try utf-8, utf-16, latin-1 or cp1252.") from None
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
        return text if self._is_utf8 else _whole_characters(text)

    def _skip_mark(self, block: bytes) -> int:
        if other := _other_unicode(block):
            raise TextError(
                f"{self._name} is {other.upper()}, not UTF-8, as its first bytes show. "
                f"Pass encoding='{other}' (--encoding {other})."
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
