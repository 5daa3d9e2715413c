"""`charlm novelty`."""

import argparse
import json

from charlm.cli.arguments import add_options, given_options, with_given
from charlm.cli.runs import add_run, open_run
from charlm.cli.terminal import printable
from charlm.config import ReadingConfig
from charlm.novelty import Copy, Novelty
from charlm.sampling import Sampler

DESCRIPTION = """\
Does the model write, or recite? Draws samples, and tells what of them stands in the text that it was trained on (all
of it, what was split off too): the share of their characters within copies of at least 10, 20 and 50 characters, and
the longest copies.

In prose that is new, copies of 10 characters are common and those of 50 are rare.
"""
_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_run(parser)
    parser.add_argument(
        "text", nargs="*", metavar="TEXT", help="files or corpora to compare with (default: what RUN was trained on)"
    )
    parser.add_argument(
        "--length",
        type=int,
        default=400,
        metavar="N",
        help="ids per sample: characters, or tokens of a byte or bpe model (default: 400)",
    )
    parser.add_argument("--n", type=int, default=100, metavar="N", help="how many samples (default: 100)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the draws (default: 0)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_options(parser, Sampler)
    add_options(parser, ReadingConfig, defaults=False)


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    trained = open_run(options, "novelty")
    samples = trained.sample(n=options.n, length=options.length, seed=options.seed, **given_options(options, Sampler))
    reading = with_given(trained.config.reading, options)
    novelty = trained.novelty(samples, options.text, reading=reading, progress="reading the text")
    if options.json:
        figures = {"samples": len(samples), "copied": novelty.shares}
        figures |= {"copied_by_sample": {least: shares.tolist() for least, shares in novelty.by_sample.items()}}
        print(json.dumps(figures | {"longest": [copy._asdict() for copy in _top(novelty)]}))
        return
    print(f"{len(samples):,} samples, {sum(map(len, samples)):,} characters")
    for least, share in novelty.shares.items():
        most = novelty.by_sample[least].max()
        print(f"within copies of {least} characters or more: {share:.1%}; of the sample with most of them {most:.1%}")
    for number, copy in enumerate(_top(novelty)):
        if number == 0:
            print("the longest copies:")
        print(f"  {copy.length:4} characters, sample {copy.sample + 1}: {printable(repr(copy.text))}")


def _top(novelty: Novelty) -> list[Copy]:
    return sorted((copy for copy in novelty.longest if copy.length), key=lambda copy: -copy.length)[:_SHOWN]
