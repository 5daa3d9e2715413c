"""Compares how fast checkouts of charlm train: a process of each, which take turns of some seconds.

    .venv/bin/python scripts/benchmarks/checkouts.py OLD NEW --cell lstm --layers 2 --units 128

A machine's speed changes from one minute to the next, and with it what its cores share: compared is each turn with that
of the first checkout beside it. Name a checkout twice to see what the noise is.
"""

import argparse
import multiprocessing
import statistics
import sys
import time
from pathlib import Path

from tqdm import tqdm


def train(folder: Path, case: dict, turns):
    """Trains with the charlm that lies in `folder`: answers each number of seconds with the median time of a step."""
    sys.path.insert(0, str(folder))
    import charlm_worker

    import charlm

    assert Path(charlm.__file__).parent == folder / "charlm"  # and not what is installed
    step = charlm_worker.training_step(case)
    turns.send("ready")
    while True:
        seconds, times = turns.recv(), []
        end = time.perf_counter() + seconds
        while (before := time.perf_counter()) < end:
            step()
            times.append(time.perf_counter() - before)
        turns.send(statistics.median(times))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="a checkout; the first is the measure")
    parser.add_argument("--cell", default="lstm", choices=["lstm", "gru", "rnn"])
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1.5, help="of a turn, at least one step")
    case = vars(parser.parse_args())
    for folder in case["folders"]:
        if not (folder / "charlm" / "trainer.py").is_file():
            parser.error(f"{folder} holds no charlm. Name checkouts.")
    folders, rounds, seconds = (case.pop(name) for name in ("folders", "rounds", "seconds"))
    context, pipes = multiprocessing.get_context("spawn"), []
    for folder in folders:
        pipe, theirs = context.Pipe()
        context.Process(target=train, args=(folder.resolve(), case, theirs), daemon=True).start()
        theirs.close()  # so that `recv` fails where the process ends
        pipe.recv()
        pipes.append(pipe)
    taken = []
    for _ in tqdm(range(rounds), unit="round"):
        taken.append([])
        for pipe in pipes:
            pipe.send(seconds)
            taken[-1].append(pipe.recv())
    for folder, times in zip(folders, zip(*taken, strict=True), strict=True):
        rates = [case["batch"] * case["length"] / time for time in times]
        ratios = sorted(first / time for (first, *_), time in zip(taken, times, strict=True))
        print(
            f"{folder}: {statistics.median(rates):,.0f} characters/s ({min(rates):,.0f} to {max(rates):,.0f}), "
            f"{statistics.median(ratios):.3f} times the first ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )


if __name__ == "__main__":
    main()
