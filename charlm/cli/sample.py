"""`charlm sample`."""

import argparse
import json

from charlm.cli.arguments import add_options, given_options
from charlm.cli.runs import add_run, open_run
from charlm.cli.terminal import printable
from charlm.sampling import Sampler
from charlm.tokenizer import UNKNOWN

DESCRIPTION = """\
Continues a prompt, character by character as they are drawn. The same seed gives the same text.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_run(parser)
    parser.add_argument("--prompt", default="", metavar="S", help="how the text begins")
    parser.add_argument(
        "--length",
        type=int,
        default=500,
        metavar="N",
        help="ids to draw: characters, or tokens of a byte or bpe model (default: 500)",
    )
    parser.add_argument("--stop", action="append", default=[], metavar="S", help="end at this string; may be repeated")
    parser.add_argument("--n", type=int, default=1, metavar="N", help="how many texts (default: 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the draws (default: 0)")
    parser.add_argument(
        "--unknown",
        choices=UNKNOWN,
        default="error",
        help="what to do with characters of the prompt that the model does not know (default: error)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per text")
    add_options(parser, Sampler)


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    trained = open_run(options, "sample")
    settings = {name: getattr(options, name) for name in ("length", "seed", "stop", "unknown")}
    settings |= given_options(options, Sampler)
    if options.n == 1 and not options.json:
        pieces = trained.stream(options.prompt, **settings)
        print(printable(options.prompt), end="")
        for _, piece in pieces:
            print(printable(piece), end="", flush=True)
        print()
        return
    texts = trained.sample(options.prompt, n=options.n, progress="sampling", **settings)
    for row, text in enumerate(texts):
        if options.json:
            print(json.dumps({"index": row, "seed": options.seed, "prompt": options.prompt, "text": text}))
        else:
            print(f"--- {row + 1} of {options.n} ---\n{printable(text)}")
