"""The command line: each command parses, calls one library function, and prints.

Results go to stdout, everything else to stderr. A command's module is imported only when that command is asked
for, so that `--help` answers at once.
"""

import argparse
import contextlib
import difflib
import errno
import importlib
import io
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from charlm import __version__, files
from charlm.errors import CharlmError, ConfigError
from charlm.text import escape_controls

COMMANDS = {
    "train": "train a model on text, or on pairs of texts",
    "sample": "continue a prompt",
    "score": "tell how many bits a text costs under a model",
    "fill": "fill the gaps of a text",
    "correct": "find likely typing errors",
    "embed": "turn lines into vectors",
    "translate": "translate texts",
    "explain": "read the equations of a cell or of attention, and see them measured",
    "inspect": "see what a network does while it reads",
    "novelty": "tell how much of a model's samples is copied from its training text",
    "forecast": "tell what follows a series of numbers",
    "classify": "label texts",
    "evaluate": "compare translations, labels or forecasts with the right ones",
    "info": "tell what a run's bundle holds",
    "corpus": "list and fetch corpora",
}
EXAMPLES = """\
examples:
  charlm train book.txt --minutes 3 -o runs/book     train on a file for three minutes
  charlm sample runs/book --prompt "Once upon"       continue a prompt
  charlm score runs/book chapter.txt                 bits per character of another text
  charlm train python-manual --minutes 1 -o runs/py  no text at hand? CPython's own manual

`charlm COMMAND --help` tells more of each.
"""
DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


class Parser(argparse.ArgumentParser):
    """An `argparse` parser whose errors are one line, and whose flags are not guessed from their beginnings."""

    def __init__(self, **options: Any):
        super().__init__(allow_abbrev=False, **options)
        self._is_mixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Takes options before, between and after the positional arguments."""
        if self._is_mixing or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        self._is_mixing = True  # as older versions of Python call this method again from the next line
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_mixing = False

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_USAGE, f"{self.prog}: {message}. See `{self.prog} --help`.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _prepare_output()
        options = _parse(arguments)
        with _logging_to_stderr():
            options.run(options)
        sys.stdout.flush()
        return DONE
    except KeyboardInterrupt as interruption:
        return _fail(str(interruption) or "interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader of our output has gone: `charlm sample … | head`
        _let_go_of_output()
        return FAILED
    except (CharlmError, OSError, MemoryError) as error:
        if "--debug" in arguments:
            raise
        _let_go_of_output()
        return _fail(_explain(error), WRONG_USAGE if isinstance(error, ConfigError) else FAILED)


def _prepare_output() -> None:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who called
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (until the end)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that cannot show a character is no error


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    options, unknown = _make_parser(arguments).parse_known_args(arguments)
    if unknown:
        raise ConfigError(_unknown_option(unknown[0], options.command))
    return options


def _make_parser(arguments: Sequence[str]) -> Parser:
    parser = Parser(
        prog="charlm",
        description="Character-level language models: train on a text file in minutes, sample at once.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"charlm {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    asked = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name == asked:
            module = importlib.import_module(f"charlm.cli.{name}")
            command.description = module.DESCRIPTION
            module.add_arguments(command)
            command.add_argument("--debug", action="store_true", help="show the traceback of an error")
            command.set_defaults(run=module.run, command=command)
    return parser


_UNWRITABLE = (errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.ENOSYS, errno.ENOLCK)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return escape_controls(super().format(record))


@contextlib.contextmanager
def _logging_to_stderr() -> Iterator[None]:
    logger, handler = logging.getLogger("charlm"), logging.StreamHandler()
    handler.setFormatter(_Formatter())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _let_go_of_output() -> None:
    """Gives up what standard output does not take; else Python tries again in the end, and tells of it at length."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unknown_option(argument: str, command: argparse.ArgumentParser) -> str:
    known = [flag for action in command._actions for flag in action.option_strings if flag.startswith("--")]
    near = difflib.get_close_matches(argument.partition("=")[0], known, n=1)
    if near == [argument.partition("=")[0]]:
        return f"{near[0]} belongs to `{command.prog}`. Put it after that."
    hint = f"Did you mean {near[0]}?" if near else f"See `{command.prog} --help`."
    return f"`{command.prog}` does not know {argument}. {hint}"


def _explain(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return f"There is not enough memory: {error}." if str(error) else "There is not enough memory."
    if not isinstance(error, OSError):
        return str(error)
    where = f": {error.filename}" if error.filename else ""
    remedy = ""
    if error.errno == errno.ENOSPC:
        remedy = ". Free some space; a run that was in training goes on from its last checkpoint with --resume"
    elif error.errno in _UNWRITABLE and isinstance(error.filename, str | bytes):
        path, cache = Path(os.fsdecode(error.filename)), files.cache_folder()
        if path.is_relative_to(cache) or cache.is_relative_to(path):
            remedy = ". What charlm keeps for itself goes there: set CHARLM_CACHE to a folder that can be written to"
    return f"{error.strerror or error}{where}{remedy}."


def _fail(message: str, code: int) -> int:
    with contextlib.suppress(OSError):  # whoever read it, as `2>&1 | tee`, may be gone
        print(f"charlm: {escape_controls(' '.join(message.split()))}", file=sys.stderr, flush=True)
    return code
