"""The race for the lower loss: charlm with `--minutes` alone, against a PyTorch LSTM with the same time and text."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
BUILT_IN = ("python-manual", "python-stdlib")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=5.0, help="of each run of --quality")
    parser.add_argument("--texts", nargs="+", default=list(BUILT_IN), help="files or names of corpora for --quality")


def run(texts: list[str], minutes: float, precisions: Sequence[str], torch: Path) -> None:
    """Prints both losses of each text, on its last tenth; both pick their weights on the last fiftieth before it."""
    print(f"### Loss after {minutes:g} minutes, all in: nats per character of the last 10%, never trained on\n")
    print("| text | charlm | PyTorch 2×512 |\n| --- | --- | --- |")
    for text in texts:
        with tempfile.TemporaryDirectory() as folder:
            train, held_out = divide(text, Path(folder))
            ours = race_charlm(train, held_out, minutes, Path(folder, "run"))
            command = [torch, HERE / "torch_race.py", train, held_out, str(minutes), *precisions]
            theirs = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        how = f"{theirs['precision']}, {theirs['steps']:,} steps, {theirs['epochs']:.1f} epochs"
        print(f"| {text} | {ours:.4f} | {theirs['nats']:.4f} ({how}) |")
        sys.stdout.flush()


def divide(text: str, folder: Path) -> tuple[Path, Path]:
    """Writes the first nine tenths of a text, and its last, to two files."""
    from charlm import datasets
    from charlm.config import ReadingConfig

    whole = "".join(chunk.text for chunk in datasets.read_corpus([text], ReadingConfig()))
    cut = len(whole) * 9 // 10
    files = folder / "train.txt", folder / "held_out.txt"
    for file, part in zip(files, (whole[:cut], whole[cut:]), strict=True):
        file.write_text(part, encoding="utf-8", newline="")
    return files


def race_charlm(train: Path, held_out: Path, minutes: float, run: Path) -> float:
    """Trains by the command line, and scores the last tenth by it."""
    begun = time.monotonic()
    charlm = [sys.executable, "-m", "charlm"]
    options = ["--split", "98/2", "--minutes", str(minutes), "-o", run]
    subprocess.run([*charlm, "train", train, *options], check=True, stdout=subprocess.DEVNULL)
    print(f"charlm took {time.monotonic() - begun:.0f} s", file=sys.stderr)
    scored = subprocess.run([*charlm, "score", run, held_out, "--json"], check=True, stdout=subprocess.PIPE).stdout
    return json.loads(scored)["nats_per_character"]
