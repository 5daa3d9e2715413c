"""`charlm train`."""

import argparse
import math
import time
from pathlib import Path
from typing import Any

from charlm.cli.arguments import add_options, given_options
from charlm.config import BUDGETS, SECTIONS, read_toml
from charlm.recipes import DEFAULTS


def _as_flags(settings: dict[str, Any]) -> str:
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in settings.items())


_OWN = "\n".join(f"  {task:14} {_as_flags(settings)}" for task, settings in DEFAULTS.items())
DESCRIPTION = f"""\
Trains a model on text and leaves it in a folder, with its log and checkpoints.

CORPUS is a file, a folder, a glob, `-` for standard input, or the name of a corpus (`charlm corpus list`).
With --task translate it holds tab-separated pairs, a source and its target a line, or is the name of a task; with
--task autoencode, lines that the model learns to rebuild from a vector; with --task classify, a text and its label a
line; with --task forecast it is a CSV file, a row for each step. --task bidirectional learns a text in both
directions at once, and each character from all around it.
--minutes, --epochs or --steps says how long (default: five minutes). --minutes counts the whole command, and what you
leave open of --units, --dropout, --weight-drop and --learning-rate (of a translator, --heads too; of a language model,
--mogrify) is chosen for the time, the text and the machine. With --dropout given, --weight-drop is 0 unless
it is given too.
Ctrl-C saves, and --resume goes on from there with the settings that the run has; a finished one stays as it is.
Settings may come from a TOML file (--config) or a preset; flags win. The defaults told below are those of a language
model; RUN/config.json tells what a run has. Other tasks begin with these:

{_OWN}
"""
SCORING = {
    "language": "state carried",
    "bidirectional": "of the forward model, state carried",
    "translate": "each target after its source",
    "autoencode": "each line from its vector",
    "classify": "each text alone",
    "forecast": "each window alone",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("corpus", nargs="+", metavar="CORPUS", help="file, folder, glob, - or name")
    parser.add_argument("-o", "--output", metavar="RUN", help="the run's folder (default: runs/ and the corpus's name)")
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint, if there is one")
    parser.add_argument(
        "--preset", metavar="P", help="sizes by name: tiny, small, medium (a layer of 64, 128, 256 units), large"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="read settings from a TOML file")
    for section in SECTIONS.values():
        add_options(parser, section)


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    started = time.monotonic()
    settings = read_toml(options.config) if options.config else {}
    preset = settings.pop("preset", None)
    flags = {name: value for section in SECTIONS.values() for name, value in given_options(options, section).items()}
    if flags.keys() & set(BUDGETS):
        settings = {name: value for name, value in settings.items() if name not in BUDGETS}
    settings |= flags

    from charlm.training import train

    trained = train(
        options.corpus,
        options.output,
        preset=options.preset or preset,
        resume=options.resume,
        started=started,
        **settings,
    )
    nats = float(trained.info["validation_nats_per_character"])
    model = trained.config.model
    print(
        f"{trained.folder}: {nats / math.log(2):.3f} bits per {model.loss_unit} ({nats:.4f} nats) on the validation "
        f"split, {SCORING[model.task]}, after step {int(trained.info['step']):,}"
    )
