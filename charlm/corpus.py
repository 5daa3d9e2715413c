"""Text to a memory-mapped store of ids, split for training, validation and test, in bounded memory.

The text is read once. It is written to a spool as it comes, in UTF-8, while its characters are counted and
hashed; only then are the splits and the vocabulary known, and the spool is encoded. The store lies in the
cache under a key made from the text's hash and the settings, so a second run finds it.
"""

import dataclasses
import hashlib
import itertools
import json
import math
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from charlm import files
from charlm.config import SPLITS, DataConfig
from charlm.errors import CorpusError
from charlm.progress import open_bar
from charlm.text import Chunk
from charlm.tokenizer import BOS, EOS, Tokenizer

BPE_TRAINING_CHARACTERS = 1 << 25

_VERSION = 2
_DOCUMENT_END = b"\xff"  # a byte that UTF-8 never has
_BLOCK_BYTES = 1 << 20
_CODE_POINTS = 0x110000
_NEVER = np.iinfo(np.int64).max


@dataclasses.dataclass(frozen=True)
class SplitInfo:
    """What a split holds."""

    tokens: int  #: ids, document marks included
    characters: int  #: of the text itself
    documents: int  #: that end in this split


class Store:
    """A corpus as ids on disk, one file a split.

    Between two documents stands `<eos><bos>`; a split that ends with a document ends with `<eos>`. No split
    begins with `<bos>`: whoever starts reading, anywhere, puts it there.

    Args:
        folder: a folder that `prepare` made.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        description = json.loads((folder / "store.json").read_text(encoding="utf-8"))
        self.sha256: str = description["sha256"]
        self.splits = {name: SplitInfo(**info) for name, info in description["splits"].items()}
        self.tokenizer = Tokenizer.load(folder / "tokenizer.json")
        self.dtype = np.min_scalar_type(self.tokenizer.vocab_size - 1)

    @property
    def training_ids(self) -> int:
        """How many ids there are to train on."""
        return self.splits["train"].tokens

    def tokens(self, split: str) -> NDArray[Any]:
        """Returns a split's ids, `(N,)`, memory-mapped, of the smallest unsigned type that fits."""
        if not self.splits[split].tokens:
            return np.zeros(0, self.dtype)
        return np.memmap(self.folder / f"{split}.bin", self.dtype, mode="r", shape=(self.splits[split].tokens,))

    def is_whole(self) -> bool:
        """Tells whether each file has the size that the description says."""
        sizes = {name: info.tokens * self.dtype.itemsize for name, info in self.splits.items()}
        return all((self.folder / f"{name}.bin").stat().st_size == size for name, size in sizes.items())


def prepare(
    corpus: Iterable[Chunk], config: DataConfig, *, held_out: Mapping[str, Iterable[Chunk]] | None = None
) -> Store:
    """Makes the token store of a corpus, or finds it in the cache.

    The vocabulary comes from the training split alone.

    Args:
        corpus: the text.
        config: how to split and to tokenize it.
        held_out: the texts of `validation` and `test`, where they are of their own; then all of `corpus` is
            training text.

    Returns:
        The store.

    Raises:
        CorpusError: the corpus, or one of its splits that is needed, has no characters.
    """
    stores = files.cache_folder() / "stores"
    with files.scratch_folder(stores) as scratch:
        spools = {
            name: _Spool(scratch / name, chunks, by_document=config.split_by == "documents")
            for name, chunks in {"train": corpus, **(held_out or {})}.items()
        }
        plan = _plan(spools["train"], config, alone=not held_out)
        key = _key(spools, config, plan)
        with files.locked(stores / f"{key}.lock"):
            store = _find(stores / key)
            if store is None:
                for leftover in stores.glob(f".{key}.*.tmp"):
                    shutil.rmtree(leftover)
                with files.replacing_folder(stores / key) as temporary:
                    _write(temporary, key, spools, plan, config)
        store = store or Store(stores / key)
    for name in ("train", "validation"):
        if not store.splits[name].characters:
            remedy = "" if held_out else f", or another split (now {config.split}, by {config.split_by})"
            raise CorpusError(f"The {name} split holds no characters. Use a longer text{remedy}.")
    return store


def _find(folder: Path) -> Store | None:
    try:
        store = Store(folder)
        return store if store.is_whole() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


class _Spool:
    """A text on disk in UTF-8, with what was learnt while it was written.

    `first_seen[code point]` is the place of a character's first sight: in characters, or in documents.
    """

    def __init__(self, path: Path, chunks: Iterable[Chunk], *, by_document: bool):
        self.path, self.by_document = path, by_document
        self.characters = self.documents = 0
        self.first_seen = np.full(_CODE_POINTS, _NEVER, np.int64)
        digest = hashlib.sha256()
        with path.open("wb") as file, open_bar("reading", unit="char") as bar:
            for text, is_last in chunks:
                self._see(text)
                data = text.encode() + _DOCUMENT_END * is_last
                digest.update(data)
                file.write(data)
                self.characters += len(text)
                self.documents += is_last
                bar.update(len(text))
        self.sha256 = digest.hexdigest()

    def _see(self, text: str) -> None:
        code_points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        places = np.flatnonzero(self.first_seen[code_points] == _NEVER)
        new, first = np.unique(code_points[places], return_index=True)
        self.first_seen[new] = self.documents if self.by_document else self.characters + places[first]

    @property
    def total(self) -> int:
        """The length, in characters or documents."""
        return self.documents if self.by_document else self.characters

    def chunks(self) -> Iterator[Chunk]:
        """Reads the text back."""
        with self.path.open("rb") as file:
            rest = b""
            while block := file.read(_BLOCK_BYTES):
                *whole, rest = (rest + block).split(_DOCUMENT_END)
                for document in whole:
                    yield Chunk(document.decode(), is_last=True)
                cut = _cut_place(rest)
                if cut:
                    yield Chunk(rest[:cut].decode(), is_last=False)
                rest = rest[cut:]
            if rest:
                yield Chunk(rest.decode(), is_last=False)


def _cut_place(data: bytes) -> int:
    """Returns where a document's bytes may be cut: after its last line, or before its last character."""
    if newline := data.rfind(b"\n") + 1:
        return newline
    place = len(data) - 1
    while place > 0 and data[place] & 0xC0 == 0x80:
        place -= 1
    return max(place, 0)


def _plan(spool: _Spool, config: DataConfig, *, alone: bool) -> list[tuple[str, int]]:
    """Returns the splits of the corpus with the place, in characters or documents, where each ends."""
    if not spool.characters:
        raise CorpusError("The corpus holds no characters. Name a file with text in it.")
    if not alone:
        return [("train", spool.total)]
    return [(name, end) for name, (_, end) in config.split_places(spool.total).items()]


def _key(spools: dict[str, _Spool], config: DataConfig, plan: list[tuple[str, int]]) -> str:
    parts = [_VERSION, {name: spool.sha256 for name, spool in spools.items()}, plan]
    settings = [config.split_by, config.tokenizer, config.vocab_size if config.tokenizer == "bpe" else None]
    return hashlib.sha256(json.dumps([*parts, *settings]).encode()).hexdigest()


def _deal(spool: _Spool, plan: list[tuple[str, int]]) -> Iterator[tuple[str, Chunk]]:
    """Yields the chunks of a spool with the split that each belongs to, cutting those that straddle two."""
    place, ends = 0, itertools.chain(plan, [(plan[-1][0], sys.maxsize)])  # a last document may have no end
    name, end = next(ends)
    for text, is_last in spool.chunks():
        if spool.by_document:
            while place >= end:
                name, end = next(ends)
            place += is_last
        else:
            while place + len(text) > end:
                yield name, Chunk(text[: end - place], is_last=False)
                text, place = text[end - place :], end
                name, end = next(ends)
            place += len(text)
        yield name, Chunk(text, is_last)


def _write(
    folder: Path, sha256: str, spools: dict[str, _Spool], plan: list[tuple[str, int]], config: DataConfig
) -> None:
    tokenizer = _make_tokenizer(spools["train"], plan, config)
    files.write_text(folder / "tokenizer.json", tokenizer.to_json())
    writers = {name: _Writer(folder / f"{name}.bin", tokenizer) for name in SPLITS}
    with open_bar("encoding", unit="char", total=sum(spool.characters for spool in spools.values())) as bar:
        for name, spool in spools.items():
            for split, chunk in _deal(spool, plan if name == "train" else [(name, spool.total)]):
                writers[split].add(chunk)
                bar.update(len(chunk.text))
    splits = {name: dataclasses.asdict(writer.close()) for name, writer in writers.items()}
    files.write_text(folder / "store.json", json.dumps({"sha256": sha256, "splits": splits}))


def _make_tokenizer(spool: _Spool, plan: list[tuple[str, int]], config: DataConfig) -> Tokenizer:
    if config.tokenizer == "byte":
        return Tokenizer.bytes()
    if config.tokenizer == "char":
        return Tokenizer.characters(map(chr, np.flatnonzero(spool.first_seen < plan[0][1]).tolist()))
    stride = math.ceil(spool.characters / BPE_TRAINING_CHARACTERS)
    texts = (
        chunk.text
        for index, (split, chunk) in enumerate(_deal(spool, plan))
        if split == "train" and index % stride == 0
    )
    return Tokenizer.train_bpe(texts, config.vocab_size)


class _Writer:
    """Appends documents to a split's file."""

    def __init__(self, path: Path, tokenizer: Tokenizer):
        self._tokenizer = tokenizer
        self._dtype = np.min_scalar_type(tokenizer.vocab_size - 1)
        self._file: BinaryIO = path.open("wb")
        self._at_document_start = False
        self._tokens = self._characters = self._documents = 0

    def add(self, chunk: Chunk) -> None:
        if self._at_document_start and (chunk.text or chunk.is_last):
            self._append(np.array([BOS]))
            self._at_document_start = False
        self._append(self._tokenizer.encode(chunk.text, unknown="replace"))
        if chunk.is_last:
            self._append(np.array([EOS]))
            self._at_document_start = True
        self._characters += len(chunk.text)
        self._documents += chunk.is_last

    def _append(self, ids: NDArray[Any]) -> None:
        self._file.write(ids.astype(self._dtype).data)
        self._tokens += len(ids)

    def close(self) -> SplitInfo:
        self._file.close()
        return SplitInfo(self._tokens, self._characters, self._documents)
