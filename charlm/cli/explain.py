"""`charlm explain`."""

import argparse
import time

import numpy as np

from charlm.datasets import refuse_lost
from charlm.errors import ConfigError
from charlm.explanation import CELL_EQUATIONS, SUBJECTS, count, explain, shapes
from charlm.metrics import exact_by_length
from charlm.run import Run, load
from charlm.runtime.cells import CELL_CLASSES
from charlm.runtime.stack import zeros
from charlm.splits import read_test_pairs

DESCRIPTION = """\
Explains a recurrent cell, or attention: its equations exactly as charlm computes them, its weights for given sizes,
when it pays, and the measurement that shows it, made on this machine.

For a cell, that is how far back a gradient reaches, in new layers of all three cells and in the language models named
as RUN, and how quick a step is. For attention, it is the exact matches by the length of the source, of translators
named as RUN: train one with attention and one with --attention none.
"""
_SECONDS = 0.3  #: of a measurement
_JUDGED = 200  #: pairs
_WIDEST = 1 << 13


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("subject", choices=SUBJECTS, help="what to explain")
    parser.add_argument("folders", nargs="*", metavar="RUN", help="trained runs to measure too")
    parser.add_argument("--units", type=int, default=128, metavar="N", help="width of a layer (default: 128)")
    parser.add_argument("--inputs", type=int, metavar="N", help="width of its inputs (default: --units)")


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    inputs = options.units if options.inputs is None else options.inputs
    for name, value in {"units": options.units, "inputs": inputs}.items():
        if not 1 <= value <= _WIDEST:
            raise ConfigError(f"`{name}` must be from 1 to {_WIDEST:,}. Received: {name}={value}.")
    if options.subject == "attention" and options.inputs is not None:
        raise ConfigError("Attention is as wide as the layers. Leave out --inputs.")
    task = "translate" if options.subject == "attention" else "language"
    runs = [load(folder) for folder in options.folders]
    for trained in runs:
        if trained.config.model.task != task:
            raise trained.refusal([task])
    print(explain(options.subject, options.units, inputs))
    if options.subject == "attention":
        for trained in runs:
            _show_accuracy(trained)
        return
    print("\nOne step of one row, on one core or more, as `charlm sample` takes it in a layer above the first:")
    for cell in CELL_EQUATIONS:
        weights = count(shapes(cell, options.units, inputs))
        print(f"  {cell:5} {weights:>12,} weights  {_step_microseconds(cell, options.units, inputs):8.1f} µs")
    _show_gradients(options.units, runs)


def _step_microseconds(cell: str, units: int, inputs: int) -> float:
    rng = np.random.default_rng(0)
    tensors = [rng.normal(0, 0.05, shape).astype(np.float32) for shape in shapes(cell, units, inputs).values()]
    layer = CELL_CLASSES[cell](*tensors)
    x, state = rng.normal(size=(1, inputs)).astype(np.float32), zeros(layer, 1, units)
    best, begun = float("inf"), time.perf_counter()
    while (before := time.perf_counter()) - begun < _SECONDS:
        state = layer.step(x @ layer.kernel + layer.input_bias, state)
        best = min(best, time.perf_counter() - before)
    return best * 1e6


def _show_gradients(units: int, runs: list[Run]) -> None:
    from charlm.gradients import DISTANCES, ROWS, fresh_norms, trained_norms

    print("\nThe gradient's norm, of an output by an input so many steps before:")
    print(f"  {'':24} " + " ".join(f"{distance:>8}" for distance in DISTANCES))
    rows = {f"{cell}, new": fresh_norms(cell, units) for cell in CELL_EQUATIONS}
    for trained in runs:
        texts = trained.sample(n=ROWS, length=2 * max(DISTANCES), stop=[])
        ids = [trained.tokenizer.encode(text, unknown="replace")[: max(DISTANCES) + 1] for text in texts]
        ids = [row for row in ids if len(row) > max(DISTANCES)]
        if not ids:
            raise ConfigError(f"{trained.folder} writes texts that end too soon. Name another run.")
        model = trained.config.model
        rows[f"{model.cell}, {trained.folder}"] = trained_norms(model, trained.tensors, np.stack(ids))
    for name, norms in rows.items():
        print(f"  {name:24} " + " ".join(f"{norms[distance]:8.1e}" for distance in DISTANCES))


def _show_accuracy(trained: Run) -> None:
    about = trained.bundle.about
    corpus = about.get("corpus", [])
    refuse_lost(corpus)
    pairs = list(read_test_pairs(corpus[0], trained.config, about))[:_JUDGED] if corpus else []
    if not pairs:
        raise ConfigError(f"{trained.folder} has no test split. Name a run that has one.")
    sources, targets = zip(*pairs, strict=True)
    found = trained.translate(sources, progress="translating")
    print(f"\n{trained.folder}, attention {trained.config.model.attention}, exact matches by characters of the source:")
    for group in exact_by_length(sources, found, targets):
        lengths = "–".join(map(str, group["characters"]))
        print(f"  {lengths:>8}  {group['exact_match']:7.2%}   of {group['pairs']:,}")
