"""Compares how fast checkouts of charlm train: their steps take turns in one process.

    .venv/bin/python scripts/benchmarks/checkouts.py OLD NEW --cell lstm --layers 2 --units 128

On a noisy machine two processes of the same code may differ by a tenth; what takes turns step by step differs by some
hundredths, most of them in favour of the trainer that was made first. So several processes make them in another order
each, and the ratios are averaged.
"""

import argparse
import itertools
import multiprocessing
import statistics
import sys
import time
from pathlib import Path

from tqdm import tqdm


def measure(folders: list[Path], case: dict, seconds: float) -> dict[Path, float]:
    """Returns the median time of a step, in seconds, with the charlm of each of the folders."""
    steps = {folder: open_step(folder, case) for folder in folders}
    times: dict[Path, list[float]] = {folder: [] for folder in folders}
    begun = time.perf_counter()
    for turn in itertools.count():
        if time.perf_counter() - begun > seconds:
            return {folder: statistics.median(taken) for folder, taken in times.items()}
        for folder in folders if turn % 2 else reversed(folders):
            before = time.perf_counter()
            steps[folder]()
            times[folder].append(time.perf_counter() - before)


def open_step(folder: Path, case: dict):
    """Makes a trainer of the charlm that lies in `folder`, beside those of other folders."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("charlm", "charlm_worker")]:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    try:
        import charlm_worker

        import charlm

        assert Path(charlm.__file__).parent == folder / "charlm"  # and not what is installed
        return charlm_worker.training_step(case)
    finally:
        sys.path.remove(str(folder))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="a checkout; the first is the measure")
    parser.add_argument("--cell", default="lstm", choices=["lstm", "gru", "rnn"])
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=12, help="of each process")
    case = vars(parser.parse_args())
    for folder in case["folders"]:
        if not (folder / "charlm" / "trainer.py").is_file():
            parser.error(f"{folder} holds no charlm. Name checkouts.")
    folders, seconds = [folder.resolve() for folder in case.pop("folders")], case.pop("seconds")
    orders = list(itertools.islice(itertools.cycle(itertools.permutations(folders)), case.pop("processes")))
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        asked = [pool.apply_async(measure, (list(order), case, seconds)) for order in orders]
        taken = [answer.get() for answer in tqdm(asked, unit="process")]
    for folder in folders:
        rate = case["batch"] * case["length"] / statistics.median(times[folder] for times in taken)
        ratios = [times[folders[0]] / times[folder] for times in taken]
        ratio = f"{statistics.geometric_mean(ratios):.3f} times the first ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"{folder}: {rate:,.0f} characters/s, {ratio}")


if __name__ == "__main__":
    main()
