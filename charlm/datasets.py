"""Corpora by name: built in, or fetched from `corpora/catalogue.toml`."""

import contextlib
import hashlib
import http.client
import importlib
import logging
import os
import random
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from charlm import files
from charlm.config import SPLITS, Config, DataConfig, ReadingConfig
from charlm.errors import CorpusError, DownloadError
from charlm.tasks.series import SERIES
from charlm.text import STANDARD_INPUT, Chunk, find_files, join_chunks, read_text, split_lines

log = logging.getLogger(__name__)

Pair = tuple[str, str]
Item = TypeVar("Item")

MARKOV_CHARACTERS = 1_000_000
_TIMEOUT_SECONDS = 60
_BLOCK_BYTES = 1 << 16
_PIECES = 20  #: of a long line that an autoencoder reads begin within the length of one
_LONGEST_PART = 10  #: characters of a piece in another that is made of parts


def _python_manual() -> Iterator[Chunk]:
    from pydoc_data.topics import topics

    return (Chunk(topics[name], is_last=True) for name in sorted(topics))


def _python_stdlib() -> Iterator[Chunk]:
    import sysconfig

    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        if "site-packages" in path.parts or "dist-packages" in path.parts:
            continue
        with contextlib.suppress(UnicodeDecodeError):  # a few of CPython's own tests are broken on purpose
            yield Chunk(path.read_bytes().decode(), is_last=True)


def _markov() -> Iterator[Chunk]:
    from charlm.tasks.markov import MarkovSource

    yield Chunk(MarkovSource().sample(MARKOV_CHARACTERS), is_last=True)


@dataclass(frozen=True)
class BuiltIn:
    """A corpus that needs no download."""

    read: Callable[[], Iterator[Chunk]]
    summary: str
    licence: str


TASKS = ("dates", "english-french", "languages", "numbers", "reverse")  #: generated pairs of `charlm.tasks`

BUILT_IN = {
    "python-manual": BuiltIn(
        _python_manual, "CPython's own help topics, English prose; changes with Python's version", "PSF-2.0"
    ),
    "python-stdlib": BuiltIn(_python_stdlib, "the sources of CPython's standard library", "PSF-2.0"),
    "markov": BuiltIn(_markov, "a synthetic source of known entropy: a Markov chain over eight letters", "MIT"),
}


@dataclass(frozen=True)
class Entry:
    """A plain-text corpus of the catalogue."""

    name: str
    address: str
    bytes: int
    sha256: str
    licence: str
    split: str
    summary: str

    @property
    def path(self) -> Path:
        """Where the file lies once it is fetched."""
        return files.cache_folder() / "corpora" / f"{self.name}.txt"


def corpora_folder() -> Path:
    """Returns the folder of the catalogue: in the wheel beside the modules, in a checkout beside the package."""
    inside = Path(__file__).parent / "corpora"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "corpora"


def read_catalogue(path: Path | None = None) -> dict[str, Entry]:
    """Reads the catalogue of corpora that can be fetched."""
    content = tomllib.loads((path or corpora_folder() / "catalogue.toml").read_text(encoding="utf-8"))
    return {name: Entry(name=name, **entry) for name, entry in content.items()}


def fetch(entry: Entry) -> Path:
    """Downloads a corpus into the cache, unless it lies there, and verifies its size and sha256.

    Args:
        entry: an entry of the catalogue.

    Returns:
        The path of the file.

    Raises:
        DownloadError: the server cannot be reached, or its bytes are not those of the catalogue.
    """
    if entry.path.is_file() and files.sha256(entry.path) == entry.sha256:
        return entry.path
    with files.replacing_file(entry.path) as temporary:
        received, digest = _download(entry, temporary)
        if received != entry.bytes:
            raise DownloadError(
                f"{entry.name}: {received:,} bytes came from {entry.address}, "
                f"{entry.bytes:,} were expected. Try again later."
            )
        if digest != entry.sha256:
            raise DownloadError(
                f"{entry.name}: the file at {entry.address} has changed (sha256 {digest}). It was not kept."
            )
    return entry.path


def _download(entry: Entry, target: Path) -> tuple[int, str]:
    from tqdm import tqdm

    received, digest = 0, hashlib.sha256()
    bar: Any = tqdm(desc=entry.name, total=entry.bytes, unit="B", unit_scale=True, disable=None)
    try:
        with (
            urllib.request.urlopen(entry.address, timeout=_TIMEOUT_SECONDS) as response,
            target.open("wb") as file,
            bar,
        ):
            while received <= entry.bytes and (block := response.read(_BLOCK_BYTES)):
                file.write(block)
                digest.update(block)
                received += len(block)
                bar.update(len(block))
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or repr(error)
        raise DownloadError(
            f"{entry.name} cannot be fetched from {entry.address}: {reason}. Check the network, or download it by hand."
        ) from None
    return received, digest.hexdigest()


def find_sources(names: Sequence[str]) -> list[str]:
    """Resolves corpora to names that charlm knows and to files; a file goes before a name.

    Raises:
        CorpusError, TextError: something named is not there.
    """
    if not names:
        raise CorpusError("There is no corpus. Name a file, a folder, or one of `charlm corpus list`.")
    if made := next((name for name in names if is_task(name) or is_series(name)), None):
        raise CorpusError(
            f"'{made}' is generated for --task {learnt_by(made)}. "
            "Give it alone, to `charlm train`, without --validation and --test."
        )
    sources: dict[str, str] = {}  # each file once, whatever its name
    for name in names:
        sources |= {os.path.realpath(source): source for source in ([name] if _is_known(name) else find_files([name]))}
    return list(sources.values())


def _is_known(name: str) -> bool:
    return not Path(name).is_file() and (name in BUILT_IN or name in read_catalogue())


def read_source(source: str, config: ReadingConfig) -> Iterator[Chunk]:
    """Reads one of the sources that `find_sources` gave."""
    if _is_known(source) and source in BUILT_IN:
        return BUILT_IN[source].read()
    return read_text(
        str(fetch(read_catalogue()[source])) if _is_known(source) else source,
        encoding=config.encoding,
        errors=config.errors,
        field=config.field,
        normalize_newlines=config.normalize_newlines,
    )


def read_corpus(names: Sequence[str], config: ReadingConfig) -> Iterator[Chunk]:
    """Reads corpora one after the other, each a path, folder, glob, `-` or name; what is not there is told at once.

    Raises:
        CorpusError, TextError: something named is not there or cannot be read.
    """
    sources = find_sources(names)
    return (chunk for source in sources for chunk in read_source(source, config))


def is_task(name: str) -> bool:
    """Tells whether a name is that of a generated task of pairs, and no file's."""
    return name in TASKS and not Path(name).is_file()


def is_series(name: str) -> bool:
    """Tells whether a name is that of a generated series of numbers, and no file's."""
    return name in SERIES and not Path(name).is_file()


def learnt_by(name: str) -> str:
    """Returns the `--task` that learns a corpus, where nothing else is said."""
    if is_task(name):
        return getattr(_task(name), "TASK", "translate")
    return "forecast" if is_series(name) else "language"


def task_pairs(name: str, split: str) -> Iterator[Pair]:
    """Generates the pairs of a task's split: the same ones every time."""
    return _task(name).pairs(split)


def task_summary(name: str) -> str:
    """Returns a line about a task."""
    return _task(name).SUMMARY


def _task(name: str) -> Any:
    return importlib.import_module(f"charlm.tasks.{name.replace('-', '_')}")


def read_pairs(
    names: Sequence[str], held_out: Mapping[str, Sequence[str]], config: Config
) -> dict[str, Iterable[Pair]]:
    """Reads pairs of texts by split: tab-separated files, or a task by name.

    For an autoencoder a pair is a line and the same line; one of more than `max_length` characters (of `byte` and `bpe`
    bytes) is cut into pieces of as many. Those to train on begin at every few characters, so that what is learnt does
    not depend on where; and there are half as many that are made of small parts of others, which no knowledge of the
    language helps to rebuild.

    Args:
        names: corpora, or one task.
        held_out: the corpora of `validation` and `test`, where they are of their own.
        config: of the run.

    Raises:
        CorpusError, TextError: something named is not there or cannot be read.
    """
    if len(names) == 1 and is_task(names[0]) and not held_out and config.model.task == learnt_by(names[0]):
        return {split: task_pairs(names[0], split) for split in SPLITS}
    names = without_held_out(names, held_out)  # what is not there is told at once
    if config.model.task == "autoencode":
        splits = _split(names, held_out, _read_lines, config)
        length = config.data.max_length
        pieces = list(_cut(splits.pop("train"), config.data, max(length // _PIECES, 1)))
        held_out_pieces = {split: _twice(_cut(lines, config.data, length)) for split, lines in splits.items()}
        mixed = (next(_cut([text], config.data, length)) for text in _mix(pieces[::2]))
        return {"train": _twice([*pieces, *mixed]), **held_out_pieces}
    return _split(names, held_out, _read_tabs, config)


def read_test_pairs(name: str, config: Config, corpus: Sequence[str] = (), *, split: str = "test") -> Iterable[Pair]:
    """Reads the pairs of a file, or of a split of a task, as a run read those that it was trained on.

    Of a file or corpus that the run was trained on, it is that split, without the sources that training has too.
    Pairs with an empty side are left out.

    Args:
        name: of a file, corpus or task.
        config: of the run.
        corpus: what the run was trained on.
        split: `test` or `validation`.

    Raises:
        CorpusError: the run was trained on it, and kept no such split.
    """
    if is_task(name):
        return filter(all, task_pairs(name, split))
    if is_among(name, corpus):
        splits = read_pairs(corpus, held_out_names(config), config)
        if split not in splits:
            raise CorpusError(f"All of {name} was trained on: there is no {split} split. Give another file.")
        log.info("%s was trained on: its %s split is judged.", name, split)
        seen = {source for source, _ in splits["train"]}
        return (pair for pair in splits[split] if all(pair) and pair[0] not in seen)
    if config.model.task == "autoencode":
        return _twice(_cut(_read_lines([name], config.reading), config.data, config.data.max_length))
    return filter(all, _read_tabs([name], config.reading))


def is_among(name: str, corpus: Sequence[str]) -> bool:
    """Tells whether a corpus is one of those named, by whatever path; standard input never is, as it is read once."""
    return name != STANDARD_INPUT and os.path.realpath(name) in map(os.path.realpath, corpus)


def held_out_names(config: Config) -> dict[str, list[str]]:
    """Returns the corpora of `validation` and `test` that a config names."""
    names = {"validation": config.data.validation, "test": config.data.test}
    return {split: [name] for split, name in names.items() if name is not None}


def without_held_out(names: Sequence[str], held_out: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns the sources of a corpus but those that are held out, as a file of a folder may be.

    Raises:
        CorpusError, TextError: something named is not there, or nothing is left.
    """
    sources = find_sources(names)
    kept_apart = {os.path.realpath(source) for files in held_out.values() for source in find_sources(files)}
    left = [source for source in sources if os.path.realpath(source) not in kept_apart]
    if not left:
        raise CorpusError("All of the corpus is held out: there is nothing to train on. Name another validation text.")
    if len(left) < len(sources):
        log.info("%d file(s) of the corpus are held out: they are not trained on.", len(sources) - len(left))
    return left


def _split(
    names: Sequence[str],
    held_out: Mapping[str, Sequence[str]],
    read: Callable[[Sequence[str], ReadingConfig], Iterator[Item]],
    config: Config,
) -> dict[str, Iterable[Item]]:
    """Reads what there is by split: from files of its own, or from a share of all."""
    if held_out:
        return {split: read(files, config.reading) for split, files in {"train": names, **held_out}.items()}
    whole = list(read(names, config.reading))
    if config.model.task == "classify":  # lines may stand label by label
        random.Random(0).shuffle(whole)
    return {split: whole[start:end] for split, (start, end) in config.data.split_places(len(whole)).items()}


def _read_tabs(names: Sequence[str], config: ReadingConfig) -> Iterator[Pair]:
    for source in find_sources(names):
        for number, line in enumerate(_lines(source, config), 1):
            first, *others = line.split("\t")
            if len(others) == 1:
                yield first, others[0]
            elif line:
                raise CorpusError(
                    f"{source}, line {number}: {len(others)} tabs, where one belongs between a source and its target. "
                    "Give tab-separated pairs, or texts and labels; plain text is learnt without --task."
                )


def _read_lines(names: Sequence[str], config: ReadingConfig) -> Iterator[str]:
    return (line for source in find_sources(names) for line in _lines(source, config) if line)


def _cut(lines: Iterable[str], config: DataConfig, stride: int) -> Iterator[str]:
    """Cuts lines into pieces of at most `max_length` ids, whatever they hold, without a character that a cut parts."""
    for line in lines:
        whole = line if config.tokenizer == "char" else line.encode()  # an id of the others stands for a byte or more
        last = max(len(whole) - config.max_length, 0)
        for start in (*range(0, last, stride), last):
            piece = whole[start : start + config.max_length]
            yield piece if isinstance(piece, str) else piece.decode(errors="ignore")


def _mix(pieces: Sequence[str]) -> Iterator[str]:
    """Yields for each piece one of the same length that is made of parts of others; the same ones every time."""
    draw = random.Random(0).random
    for piece in pieces:
        mixed = ""
        while len(mixed) < len(piece):
            other = pieces[int(draw() * len(pieces))]
            start = int(draw() * len(other))
            mixed += other[start : start + 1 + int(draw() * _LONGEST_PART)]
        yield mixed[: len(piece)]


def _twice(texts: Iterable[str]) -> Iterator[Pair]:
    return ((text, text) for text in texts)


def _lines(source: str, config: ReadingConfig) -> Iterator[str]:
    documents = join_chunks(read_source(source, config))
    return (line.rstrip("\r") for document in documents for line in split_lines([document]))


def usual_settings(names: Sequence[str]) -> dict[str, Any]:
    """Returns what a corpus of the catalogue, or a generated task, is usually learnt with, where `names` is just it."""
    if len(names) != 1:
        return {}
    if is_task(names[0]):
        return dict(getattr(_task(names[0]), "SETTINGS", {}))
    entry = read_catalogue().get(names[0]) if _is_known(names[0]) else None
    return {"split": entry.split} if entry else {}
