"""What the other heads are worth.

Prints the accuracy of a classifier on the task `languages`; that of others which see a hundred lines of each language,
from scratch and from a language model that has read the lines without their labels; and the time and the memory in
which `novelty` compares a thousand samples with 100 MB. Of the forecaster, the errors on the generated series beside
those of naive forecasts, and what is left of a series that is rebuilt from a state of a fifth of its window.
"""

import argparse
import collections
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import charlm
from charlm.config import ReadingConfig
from charlm.datasets import read_corpus, task_pairs
from charlm.novelty import find_copies
from charlm.series import prepare_series, read_series
from charlm.tasks.series import SEASON

SEEDS = range(3)
EXAMPLES = 100  #: of each label
STEPS = 300
WINDOW = 160  #: steps of a series that is rebuilt
SAMPLES, LENGTH = 1_000, 400
MEGABYTES = 100


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0, help="of training, of the classifier and of the model")
    measures = {"label": label, "transfer": transfer, "forecast": foretell}
    names = [*measures, "novelty"]
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="what to measure")
    options = parser.parse_args()
    if "novelty" in options.only:
        compare()  # first: what it prints is the memory of the process
    with tempfile.TemporaryDirectory() as folder:
        for name in (one for one in measures if one in options.only):
            measures[name](Path(folder), options.minutes)


def label(folder: Path, minutes: float) -> None:
    """Prints the accuracy after training on all lines."""
    run = charlm.train("languages", folder / "all", minutes=minutes)
    figures = run.evaluate(list(task_pairs("languages", "test")))
    print(f"languages, {minutes:g} min: accuracy {figures['accuracy']:.1%}, macro-F1 {figures['macro_f1']:.3f} (test)")


def transfer(folder: Path, minutes: float) -> None:
    """Prints the accuracy after training on a few lines, from scratch and from a language model."""
    pairs, test = list(task_pairs("languages", "train")), list(task_pairs("languages", "test"))
    (folder / "lines.txt").write_text("".join(f"{line}\n" for line, _ in pairs))
    model = charlm.train(folder / "lines.txt", folder / "model", minutes=minutes)
    network = {name: getattr(model.config.model, name) for name in ("cell", "layers", "units", "embedding_dim")}
    _write(folder / "validation.tsv", list(task_pairs("languages", "validation")))
    for seed in SEEDS:
        _write(folder / f"{seed}.tsv", _draw(pairs, seed))
        settings = {
            "task": "classify",
            "validation": str(folder / "validation.tsv"),
            "steps": STEPS,
            "seed": seed,
            "learning_rate": 1e-3,
            "dropout": 0.2,
        }
        for name, begin in (("scratch", network), ("model", {"start": str(model.folder)})):
            run = charlm.train(folder / f"{seed}.tsv", folder / f"{name}{seed}", **settings, **begin)
            figures = run.evaluate(test)
            print(f"{EXAMPLES} lines of each, seed {seed}, from {name}: accuracy {figures['accuracy']:.1%} (test)")


def foretell(folder: Path, minutes: float) -> None:
    """Prints how well series are forecast and rebuilt."""
    settings = {"minutes": minutes, "split": "80/10/10", "units": 64}
    for name, more in (
        ("sines", {"horizon": 12}),
        ("sines", {"horizon": 12, "decoder": True}),
        ("logistic-map", {"horizon": 1}),
        ("sines", {"rebuild": True, "cell": "gru", "units": WINDOW // 5, "sequence_length": WINDOW}),
    ):
        run = charlm.train(name, folder / f"{name}{len(list(folder.iterdir()))}", **settings | more)
        values = prepare_series(read_series(name, ReadingConfig()), run.config.data, window=1).splits["test"]
        figures = run.judge_series(values, season=SEASON)
        if "rebuild" in more:
            left = f"{figures['variance_left']:.2%} of the variance left"
            print(f"{name}, {WINDOW} steps from {WINDOW // 5} numbers, {minutes:g} min: {left} (test)")
            continue
        options = ", ".join(f"{option} {value}" for option, value in more.items())
        share, seasonal = figures["mae"] / figures["naive"], figures["mae"] / figures["seasonal_naive"]
        print(
            f"{name}, {options}, {minutes:g} min: mean absolute error {figures['mae']:.4f}, {share:.2f} of naive's and "
            f"{seasonal:.2f} of seasonal-naive's ({SEASON}); the interval of 80% held {figures['coverage']:.1%} (test)"
        )


def _draw(pairs: list[tuple[str, str]], seed: int) -> list[tuple[str, str]]:
    """Returns so many pairs of each label."""
    drawn: dict[str, list[tuple[str, str]]] = collections.defaultdict(list)
    for pair in random.Random(seed).sample(pairs, len(pairs)):
        drawn[pair[1]].append(pair)
    return [pair for label in sorted(drawn) for pair in drawn[label][:EXAMPLES]]


def _write(file: Path, pairs: list[tuple[str, str]]) -> None:
    file.write_text("".join(f"{line}\t{label}\n" for line, label in pairs))


def compare() -> None:
    """Prints what comparing many samples with a large text takes."""
    text = "".join(chunk.text for chunk in read_corpus(["python-stdlib"], ReadingConfig()))
    draw = random.Random(0)
    samples = [
        text[place : place + LENGTH // 2] + "".join(draw.choices("etaoin srdlu", k=LENGTH // 2))
        for place in (draw.randrange(len(text)) for _ in range(SAMPLES))
    ]
    pieces = [text[begin : begin + (1 << 20)] for begin in range(0, len(text), 1 << 20)]
    many = (pieces[number % len(pieces)] for number in range(MEGABYTES * 1_000_000 // (1 << 20)))
    begun = time.monotonic()
    novelty = find_copies(samples, many)
    seconds = time.monotonic() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(
        f"novelty: {SAMPLES:,} samples of {LENGTH} characters against {MEGABYTES} MB in {seconds:.0f} s, "
        f"at most {peak / 1e9:.2f} GB in all; half of each sample was copied: {novelty.shares[50]:.1%} found"
    )


if __name__ == "__main__":
    main()
