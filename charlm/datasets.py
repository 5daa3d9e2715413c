"""Corpora by name: built in, or fetched from `corpora/catalogue.toml`."""

import contextlib
import hashlib
import importlib
import logging
import os
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charlm import files
from charlm.config import ReadingConfig
from charlm.errors import CorpusError, DownloadError, TextError
from charlm.tasks.series import SERIES
from charlm.text import STANDARD_INPUT, Chunk, find_files, join_chunks, read_text, split_lines, walk

log = logging.getLogger(__name__)

Pair = tuple[str, str]

MARKOV_CHARACTERS = 1_000_000
_TIMEOUT_SECONDS = 60
_BLOCK_BYTES = 1 << 16


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
                f"{entry.name}: the file at {entry.address} has changed (sha256 {digest}). "
                "It was not kept. Use a file of your own."
            )
    return entry.path


def _download(entry: Entry, target: Path) -> tuple[int, str]:
    import http.client  # these take a while, and are seldom needed
    import urllib.error
    import urllib.request

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
            f"{entry.name} cannot be fetched from {entry.address}: {reason}. "
            "Check the network, or download it by hand and name the file."
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
        folder = f" The folder is ./{made}." if Path(made).is_dir() else ""
        raise CorpusError(
            f"'{made}' is generated for --task {learnt_by(made)}. "
            f"Give it alone, to `charlm train`, without --validation, --test or another --task.{folder}"
        )
    sources: dict[str, str] = {}  # each file once, whatever its name
    for name in names:
        sources |= {os.path.realpath(source): source for source in ([name] if _is_known(name) else find_files([name]))}
    return list(sources.values())


def lasting_name(name: str) -> str:
    """Returns a corpus by a name that holds from any folder: a path is made absolute."""
    return name if name in ("", STANDARD_INPUT) or _has_name(name) else os.path.abspath(name)


def tell_hidden(names: Sequence[str]) -> None:
    """Tells of folders that are not meant, as charlm knows a corpus by that name."""
    for name in names:
        if _has_name(name) and Path(name).is_dir():
            log.info("'%s' is the corpus that charlm knows by this name. The folder is ./%s.", name, name)


def _has_name(name: str) -> bool:
    return is_task(name) or is_series(name) or _is_known(name)


def _is_known(name: str) -> bool:
    return not Path(name).is_file() and (name in BUILT_IN or name in read_catalogue())


def is_among(name: str, corpus: Sequence[str]) -> bool:
    """Tells whether a corpus is among others, as a file of a folder is; standard input never is: it is read once."""
    return name != STANDARD_INPUT and os.path.realpath(name) in map(os.path.realpath, _spread(corpus))


def _spread(corpus: Sequence[str]) -> Iterator[str]:
    """Yields corpora, and the files of those that are folders or globs, as far as they are still there."""
    for name in corpus:
        yield name
        if _is_known(name):
            continue
        if Path(name).is_dir():
            yield from map(str, walk(Path(name)))
        else:
            with contextlib.suppress(TextError):
                yield from find_files([name])


def refuse_lost(corpus: Sequence[str]) -> None:
    """Refuses to read again what a run says that it was trained on, where it can be no text.

    Raises:
        CorpusError: it is standard input, which is gone, or a device, which a bundle from elsewhere may name.
    """
    for name in corpus:
        if name == STANDARD_INPUT:
            raise CorpusError("The run was trained on standard input, which is gone. Name another text or run.")
        if Path(name).exists() and not (Path(name).is_file() or Path(name).is_dir()):
            raise CorpusError(
                f"The run says that it was trained on {name}, which is no text file. Name another text or run."
            )


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


def read_documents(source: str, config: ReadingConfig) -> Iterator[str]:
    """Reads the documents of one of the sources that `find_sources` gave."""
    return join_chunks(read_source(source, config))


def read_lines(source: str, config: ReadingConfig) -> Iterator[str]:
    """Reads the lines of one of the sources that `find_sources` gave."""
    documents = read_documents(source, config)
    return (line.rstrip("\r") for document in documents for line in split_lines([document]))


def usual_settings(names: Sequence[str]) -> dict[str, Any]:
    """Returns what a corpus of the catalogue, or a generated task, is usually learnt with, where `names` is just it."""
    if len(names) != 1:
        return {}
    if is_task(names[0]):
        return dict(getattr(_task(names[0]), "SETTINGS", {}))
    entry = read_catalogue().get(names[0]) if _is_known(names[0]) else None
    return {"split": entry.split} if entry else {}
