"""Kills a training run with SIGKILL at random moments, resumes it each time, and compares it with an unbroken one.

Every other kill waits until a checkpoint is being written. At the end the losses in `log.jsonl` and the tensors of
the last checkpoint and of the bundle must be equal bit for bit: scripts/torture [--kills N] [--seed N].
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from tqdm import tqdm

LOSSES = ("step", "epoch", "train_nats_per_character", "valid_nats_per_character", "learning_rate")
RATE = "characters_per_second"
STEPS_PER_KILL, EVERY, ROWS, LENGTH = 40, 7, 8, 32
SETTINGS = (
    f"--evaluate-every {EVERY} --batch-size {ROWS} --sequence-length {LENGTH} --units 48 --layers 2 --cell lstm,gru "
    "--dropout 0.2 --weight-drop 0.2 --split 90/5/5 --patience 1000"
).split()


def start(folder: Path, steps: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "charlm", "train", "python-manual", "-o", str(folder), "--resume", *SETTINGS]
    command += ["--steps", str(steps)]
    with folder.with_name(f"{folder.name}.log").open("ab") as log:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)


def is_writing(folder: Path) -> bool:
    return any((folder / "checkpoints").glob(".*.tmp"))


def newest_step(folder: Path) -> int:
    return max((int(path.name[5:]) for path in (folder / "checkpoints").glob("step-*")), default=0)


def checkpoint_seconds(folder: Path) -> float:
    """Returns how long the steps between two checkpoints take, by the log."""
    try:
        return EVERY * ROWS * LENGTH / json.loads((folder / "log.jsonl").read_text().splitlines()[-1])[RATE]
    except (FileNotFoundError, IndexError):
        return 0.1


def kill_once(folder: Path, steps: int, rng: random.Random, *, amid_a_write: bool) -> str:
    """Starts the run, kills it, and returns what it was doing; `finished` if it came to its end first."""
    begun = newest_step(folder)
    process = start(folder, steps)
    # Soon after this session's first checkpoint, so that each makes headway and all kills fit into the run.
    patience = rng.uniform(0.0, 2 * checkpoint_seconds(folder))
    while process.poll() is None and newest_step(folder) <= begun:
        time.sleep(0.001)
    deadline = time.monotonic() + patience
    while process.poll() is None and (not is_writing(folder) if amid_a_write else time.monotonic() < deadline):
        time.sleep(0.0002)
    if process.poll() is not None:
        return "finished"
    process.send_signal(signal.SIGKILL)
    process.wait()
    return "writing" if is_writing(folder) else "training"


def losses(folder: Path) -> list[list[float]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [[line[name] for name in LOSSES] for line in lines]


def differences(one: Path, other: Path, steps: int) -> list[str]:
    found = [] if losses(one) == losses(other) else ["log.jsonl"]
    for name in ("model.safetensors", f"checkpoints/step-{steps:09d}/tensors.safetensors"):
        ours, theirs = load_file(one / name), load_file(other / name)
        found += [f"{name}: {key}" for key in ours.keys() ^ theirs.keys()]
        found += [f"{name}: {key}" for key in ours.keys() & theirs if not np.array_equal(ours[key], theirs[key])]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="how many kills (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    options = parser.parse_args()
    rng, steps = random.Random(options.seed), STEPS_PER_KILL * options.kills
    folder = Path(tempfile.mkdtemp(prefix="charlm-torture-"))
    kills = {"training": 0, "writing": 0}
    for number in tqdm(range(options.kills), unit="kill"):
        doing = kill_once(folder / "killed", steps, rng, amid_a_write=number % 2 == 1)
        if doing == "finished":
            print(f"the run came to its end after {number} of {options.kills} kills")
            break
        kills[doing] += 1
    for name in ("killed", "unbroken"):
        if start(folder / name, steps).wait():
            print(f"the {name} run failed: see {folder}")
            return 1
    found = differences(folder / "unbroken", folder / "killed", steps)
    print(
        f"{sum(kills.values())} kills, {kills['writing']} of them while a checkpoint was written, over {steps} steps: "
        + (f"DIFFERENT in {', '.join(found)}: see {folder}" if found else "losses and weights equal bit for bit")
    )
    if not found:
        shutil.rmtree(folder)
    return 1 if found or sum(kills.values()) < options.kills else 0


if __name__ == "__main__":
    sys.exit(main())
