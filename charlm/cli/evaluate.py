"""`charlm evaluate`."""

import argparse
import dataclasses
import itertools
import json
import logging
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlm.cli.arguments import add_options, given_options, with_given
from charlm.cli.runs import add_run, open_run
from charlm.cli.terminal import printable
from charlm.config import Config, ReadingConfig
from charlm.datasets import is_among
from charlm.errors import ConfigError, CorpusError
from charlm.run import Run
from charlm.series import check_columns, digest, prepare_series, read_series
from charlm.splits import read_test_pairs, refuse_split
from charlm.text_translator import Decoding

log = logging.getLogger(__name__)

DESCRIPTION = """\
Translates the sources of tab-separated pairs and compares with their targets. Of a task that charlm generates, and of
what the run was trained on, the test split is taken, without sources that training has too. For an autoencoder PAIRS
holds lines, each its own target. Pairs with an empty side are left out.

Prints exact matches, among all and by the length of the source; the character error rate (edits over characters
wanted); and chrF, BLEU and TER by sacrebleu. Of a classifier, PAIRS holds texts and labels, and it prints the accuracy,
the macro-F1 and the confusion matrix. Of a forecaster, PAIRS is a CSV file or a generated series, and it prints the
mean absolute error, beside that of forecasts without a model, and how often the interval held. A forecaster
that has no test split is judged by the one of validation, by which its intervals were fitted.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_run(parser)
    parser.add_argument("pairs", metavar="PAIRS", help="a file of tab-separated pairs, or a corpus or task by name")
    parser.add_argument("--limit", type=int, metavar="N", help="take only the first N pairs")
    parser.add_argument(
        "--season", type=int, metavar="N", help="steps in a season, for the seasonal-naive forecast (default: found)"
    )
    parser.add_argument(
        "--split", choices=("test", "validation"), help="of a task, or of what the run was trained on (default: test)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_options(parser, Decoding)
    add_options(parser, ReadingConfig, defaults=False)


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    trained = open_run(options, "evaluate")
    if options.limit is not None and options.limit < 1:
        raise ConfigError(f"--limit must be at least 1. Received: {options.limit}.")
    task, decoding = trained.config.model.task, given_options(options, Decoding)
    config = dataclasses.replace(trained.config, reading=with_given(trained.config.reading, options))
    if options.season is not None and (task != "forecast" or config.model.rebuild):
        raise ConfigError("--season is for a series that is forecast. Leave it out.")
    if decoding and task in ("classify", "forecast"):
        flags = ", ".join("--" + name.replace("_", "-") for name in decoding)
        raise ConfigError(f"A model of the task '{task}' writes nothing. Leave out {flags}.")
    if task == "forecast":
        if options.limit is not None:
            raise ConfigError("A series is judged whole. Leave out --limit.")
        values = _read_values(trained, config, options.pairs, options.split)
        figures = trained.judge_series(values, season=options.season)
        print(json.dumps(figures)) if options.json else _print_forecasts(figures)
        return
    pairs = read_test_pairs(options.pairs, config, trained.bundle.about, split=options.split)
    pairs = list(itertools.islice(pairs, options.limit and min(options.limit, sys.maxsize)))
    figures = trained.evaluate(pairs, progress="evaluating", **decoding)
    if options.json:
        print(json.dumps(figures))
        return
    (_print_labels if "confusion" in figures else _print_translations)(figures)


def _read_values(trained: Run, config: Config, name: str, split: str | None) -> NDArray[np.float64]:
    """Returns a series; of one that the run was trained on, a split, or where there is none, that of validation."""
    series = read_series(name, config.reading)
    check_columns(series, trained.labels)
    about = trained.bundle.about
    if digest(series) != about.get("corpus_sha256"):
        if is_among(name, about.get("corpus", ())):
            raise CorpusError(
                f"{name} has changed since the run was trained on it. Give the steps that are new, in a file."
            )
        refuse_split(name, split)
        return series.values
    window = config.training.sequence_length + config.model.follow
    store = prepare_series(series, config.data, window=window)
    split = split or "test"
    split = split if len(store.splits.get(split, ())) else "validation"
    log.info("%s was trained on: its %s split is evaluated.", name, split)
    return store.splits[split]


def _print_forecasts(figures: dict[str, Any]) -> None:
    print(f"windows                      {figures['windows']:,}")
    print(f"mean absolute error          {figures['mae']:.6g} (in standard deviations of the training split)")
    if "naive" in figures:
        for name, label in (("naive", "naive"), ("seasonal_naive", f"seasonal naive ({figures['season']})")):
            share = f"   {figures['mae'] / figures[name]:.3f} of it" if figures[name] else ""
            print(f"  {label:26} {figures[name]:.6g}{share}")
    print(f"within the 80% interval      {figures['coverage']:.1%}")
    if figures["variance_left"] is not None:
        print(f"squared error over variance  {figures['variance_left']:.2%}")


def _print_labels(figures: dict[str, Any]) -> None:
    print(f"texts     {figures['texts']:,}")
    print(f"accuracy  {figures['accuracy']:.2%}")
    print(f"macro-F1  {figures['macro_f1']:.4f}")
    print("confusion (a row for each label that was wanted, a column for each that was found):")
    labels = [printable(label) for label in figures["labels"]]
    width = max(map(len, labels))
    cells = [[f"{count:,}" for count in row] for row in figures["confusion"]]
    widths = [max(map(len, (name, *column))) for name, column in zip(labels, zip(*cells, strict=True), strict=True)]
    for name, row in zip(["", *labels], [labels, *cells], strict=True):
        print(f"  {name:{width}}  " + "  ".join(cell.rjust(wide) for cell, wide in zip(row, widths, strict=True)))


def _print_translations(figures: dict[str, Any]) -> None:
    print(f"pairs                {figures['pairs']:,}")
    print(f"exact match          {figures['exact_match']:.2%}")
    for group in figures["by_length"]:
        lengths = "–".join(map(str, group["characters"]))
        print(f"  {f'of {lengths} characters':18} {group['exact_match']:.2%}   {group['pairs']:,}")
    print(f"character error rate {figures['character_error_rate']:.2%}")
    for name, label in (("chrf", "chrF"), ("bleu", "BLEU"), ("ter", "TER")):
        print(f"{label:20} {figures[name]:.1f}   {figures['signatures'][name]}")
