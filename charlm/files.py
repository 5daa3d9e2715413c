"""Files that are whole or absent: written aside, flushed to the disk, then renamed."""

import contextlib
import hashlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_YOUNG_SECONDS = 60  # a scratch folder that is younger may not have its lock yet


def cache_folder() -> Path:
    """Returns the folder for what can be made again: `$CHARLM_CACHE`, or `charlm` in the user's cache."""
    if chosen := os.environ.get("CHARLM_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "charlm"


def sync(path: Path) -> None:
    """Flushes a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Gives a path to write to; at the end it takes the place of `path` in one rename.

    When the block raises, `path` is left as it was and nothing else is left behind. A link stays one, and a file keeps
    its permissions. What is no file, as a device or a pipe, is written to as it is.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        sync(temporary)
        if path.exists():
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Gives an empty folder to fill; at the end it is renamed to `path`, replacing what is there.

    When the block raises, `path` is left as it was and nothing else is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    temporary.mkdir()  # which others may read, as the umask says; not so `mkdtemp`'s
    aside = temporary.with_suffix(".old.tmp")
    try:
        yield temporary
        for file in temporary.iterdir():
            sync(file)
        sync(temporary)
        if path.exists():
            os.rename(path, aside)
        os.rename(temporary, path)
        sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Holds the lock that a file stands for, against other processes; it ends with the process, however that ends.

    Raises:
        BlockingIOError: another process holds it, and `wait` is False.
        OSError: its file system has no locks.
    """
    import fcntl  # which Windows has not, where models can be used all the same

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None
        yield


@contextlib.contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Gives a folder that is gone afterwards; those that killed processes left in `parent` are removed first."""
    parent.mkdir(parents=True, exist_ok=True)
    for old in parent.glob(".scratch-*"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > _YOUNG_SECONDS:
                with locked(old / "lock", wait=False):
                    shutil.rmtree(old)
    folder = Path(tempfile.mkdtemp(prefix=".scratch-", dir=parent))
    try:
        with locked(folder / "lock"):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Replaces a file's content by `text` in one rename."""
    with replacing_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256(path: Path) -> str:
    """Returns the hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
