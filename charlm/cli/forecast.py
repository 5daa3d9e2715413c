"""`charlm forecast`."""

import argparse
import json
from pathlib import Path

from charlm.cli.arguments import add_options, with_given
from charlm.cli.runs import add_run, open_run
from charlm.config import ReadingConfig
from charlm.plots import plot_forecast
from charlm.series import check_columns, read_series
from charlm.text import escape_controls

DESCRIPTION = """\
Tells what follows a series of numbers, with a model that was trained with --task forecast: for each step and column the
median, and the interval in which four of five values are expected.

FILE is a CSV file with the columns that the model was trained on, the newest row last. A model of --rebuild gives the
last steps themselves, as it remembers them.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_run(parser)
    parser.add_argument("file", metavar="FILE", help="a CSV file, or the name of a generated series")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the last steps and what follows, FILE.png")
    parser.add_argument("--json", action="store_true", help="print one JSON object per step")
    add_options(parser, ReadingConfig, defaults=False)


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    trained = open_run(options, "forecast")
    series = read_series(options.file, with_given(trained.config.reading, options))
    check_columns(series, trained.labels)
    found = trained.forecast(series.values)
    first = 1 - len(found) if trained.config.model.rebuild else 1
    if options.plot:
        plot_forecast(series, found, options.plot, shown=trained.config.training.sequence_length, first=first)
    for step, row in enumerate(found, first):
        columns = dict(zip(series.names, row.tolist(), strict=True))
        if options.json:
            named = {name: dict(zip(("low", "median", "high"), cell, strict=True)) for name, cell in columns.items()}
            print(json.dumps({"step": step, "columns": named}))
            continue
        for name, (low, median, high) in columns.items():
            print(f"{step:+5}  {escape_controls(name)}  {median:.6g}  ({low:.6g} to {high:.6g})")
