"""Measures charlm, stock Keras and PyTorch in turn on the same shapes, and prints tables.

Each case is made ready in every program; then the programs take turns, several rounds, and the medians are compared.
The share of the peak counts 3 · 2 · (products of the forward pass) operations a character, without the first layer's
input projection, which charlm takes of the vocabulary. The peak is that of products of large square matrices, measured
in the same run: NumPy's or PyTorch's, whichever is quicker; in bfloat16, which NumPy has not, PyTorch's.
"""

import argparse
import compileall
import itertools
import json
import math
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import race
import translation_race
from tqdm import tqdm
from worker import VOCABULARY

HERE = Path(__file__).parent
TORCH = HERE.parents[1] / ".cache" / "peers" / "bin" / "python"
GATES = {"lstm": 4, "gru": 3}
PRECISIONS = ("float32", "bfloat16")
RACES = {"training", "sampling", "scoring"}  # which start the other programs
COMPARISONS = [  # charlm in a precision, or its best, with another program in its own; Keras comes in float32
    ("float32", "PyTorch", "float32"),
    ("float32", "Keras", "float32"),
    ("best", "PyTorch", "best"),
    ("best", "Keras", "float32"),
    ("best", "Keras", "best"),
]
SECTIONS = ("training", "sampling", "scoring", "start", "text", "data")


class Program:
    """A measured program, asleep between requests; what it says of itself is shown if it ends."""

    def __init__(self, name: str, python: str | Path, script: str, environment: dict[str, str]):
        self.name = name
        self.errors = tempfile.TemporaryFile("w+", errors="backslashreplace")
        self.process = subprocess.Popen(
            [python, HERE / script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            cwd=HERE.parents[1],
            env=environment,
        )

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            self.errors.seek(0)
            sys.exit(f"{self.errors.read()}{self.name} ended during {request}")
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def take_turns(programs: list[Program], kind: str, case: dict, rounds: int) -> dict[str, float]:
    """Measures a case in every program, in turn; returns the median rates."""
    for program in programs:
        program.ask(open=kind, **case)
    rates = {program.name: [] for program in programs}
    for _ in range(rounds):
        for program in programs:
            rates[program.name].append(program.ask(run=True)["rate"])
    return {name: statistics.median(values) for name, values in rates.items()}


def geometric_mean(values) -> float:
    return math.exp(statistics.fmean(map(math.log, values)))


def table(head: list[str], rows: list[list[str]]) -> None:
    print("|", " | ".join(head), "|")
    print("|", " | ".join(["---"] * len(head)), "|")
    for row in rows:
        print("|", " | ".join(row), "|")
    print(flush=True)


def measure_peak(programs: list[Program], precision: str) -> float:
    """Returns the operations a second of large matrix products, of the program that is quickest at them."""
    charlm, torch, _ = programs
    able = [charlm, torch] if precision == "float32" else [torch]
    return max(take_turns(able, "products", {"size": 2048, "precision": precision}, 5).values())


def measure_training(programs: list[Program], args) -> None:
    kinds = args.precisions
    peaks = {kind: measure_peak(programs, kind) for kind in kinds}
    compared = COMPARISONS if len(kinds) > 1 else [each for each in COMPARISONS if "best" not in each]
    ratios: dict[tuple[str, str, str], list[float]] = {each: [] for each in compared}
    rows = []
    for cell, units, layers in tqdm(list(itertools.product(args.cells, args.units, args.layers)), unit="case"):
        case = {"cell": cell, "units": units, "layers": layers, "batch": 64, "length": 100}
        rates = {kind: take_turns(programs, "training", case | {"precision": kind}, args.rounds) for kind in kinds}
        operations = 3 * 2 * (GATES[cell] * units**2 * (2 * layers - 1) + units * VOCABULARY)
        best = {program.name: max(rates[kind][program.name] for kind in kinds) for program in programs}
        speeds = rates | {"best": best}
        for (ours, name, theirs), values in ratios.items():
            values.append(speeds[ours]["charlm"] / speeds[theirs][name])
        numbers = [" / ".join(f"{rates[kind][program.name]:,.0f}" for kind in kinds) for program in programs]
        shares = " / ".join(f"{rates[kind]['charlm'] * operations / peaks[kind]:.0%}" for kind in kinds)
        beside = [f"{values[-1]:.2f}" for values in ratios.values()]
        rows.append([f"{cell} {layers}×{units}", *numbers, *beside, shares])
    print(f"### Training: characters a second, {' / '.join(kinds)} (64 rows of 100 characters, 65 symbols)\n")
    names = [program.name for program in programs]
    heads = [f"{ours} ÷ {name}'s {theirs}" for ours, name, theirs in ratios]
    table(["model", *names, *heads, "share of the peak"], rows)
    print(f"Peak: {' / '.join(f'{peaks[kind] / 1e9:,.0f}' for kind in kinds)} Gflop/s.")
    for head, values in zip(heads, ratios.values(), strict=True):
        print(f"{head}: {geometric_mean(values):.2f} in the geometric mean, {min(values):.2f} to {max(values):.2f}.")
    print()


def measure_sampling(programs: list[Program], args) -> None:
    rows = []
    cases = list(itertools.product([1, 64], args.cells, args.units, args.layers))
    for streams, cell, units, layers in tqdm(cases, unit="case", desc="sampling"):
        case = {
            "cell": cell,
            "units": units,
            "layers": layers,
            "streams": streams,
            "length": 200 if streams > 1 else 300,
        }
        rates = take_turns(programs, "sampling", case, args.rounds)
        ratio = [f"{rates['charlm'] / rates[name]:.1f}" for name in ("PyTorch", "Keras")]
        numbers = [f"{rates[program.name]:,.0f}" for program in programs]
        rows.append([f"{cell} {layers}×{units}", str(streams), *numbers, " / ".join(ratio)])
    print("### Sampling: characters a second, float32\n")
    table(["model", "streams", *(program.name for program in programs), "charlm ÷ PyTorch / Keras"], rows)


def measure_scoring(programs: list[Program], args) -> None:
    charlm, peak = programs[0], measure_peak(programs, "float32")
    rows = []
    for units in args.units:
        case = {"cell": "lstm", "units": units, "layers": 2, "characters": 1_000_000}
        rate = take_turns([charlm], "scoring", case, args.rounds)["charlm"]
        operations = 2 * (4 * 3 * units * units + units * VOCABULARY)
        rows.append([f"lstm 2×{units}", f"{rate:,.0f}", f"{rate * operations / peak:.0%}"])
    print("### Scoring: characters a second, float32, 1,000,000 characters\n")
    table(["model", "charlm", "share of the peak"], rows)


def measure_start(programs: list[Program], args) -> None:
    del programs
    compileall.compile_dir(HERE.parents[1] / "charlm", quiet=1)  # as pip does; Python may be told not to, in a checkout
    with tempfile.TemporaryDirectory() as folder:
        run = f"{folder}/run"
        train = "train python-manual --units 256 --steps 5 --split 98/1/1 -o".split()
        subprocess.run([sys.executable, "-m", "charlm", *train, run], check=True, stdout=subprocess.PIPE)
        seconds = {
            "`charlm --help`": median_seconds(["--help"], args.rounds),
            "`charlm sample`, first character": median_seconds(["sample", run], args.rounds, first=True),
            "`charlm info`": median_seconds(["info", run], args.rounds),
        }
    print("### Start: seconds, median\n")
    table(["command", "seconds"], [[name, f"{value:.2f}"] for name, value in seconds.items()])


def median_seconds(arguments: list[str], rounds: int, *, first: bool = False) -> float:
    """Returns the seconds until a command ends, or until its first character."""
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        command = [Path(sys.executable).with_name("charlm"), *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            read = process.stdout.read(1 if first else -1)
            taken.append(time.perf_counter() - begun)
            process.kill()
        if not read:
            sys.exit(f"{' '.join(map(str, command))} wrote nothing.")
    return statistics.median(taken)


def measure_text(programs: list[Program], args) -> None:
    del programs
    names = ("encode", "decode", "prepare", "memory")
    answers = [run_on_text("prepare.py", megabytes) for megabytes in args.megabytes]
    rows = [
        [f"{size:,}", *(f"{answer[name]:,.0f}" for name in names)]
        for size, answer in zip(args.megabytes, answers, strict=True)
    ]
    print("### Text: `char`, megabytes a second; anonymous memory in megabytes\n")
    table(["megabytes", *names], rows)


def measure_data(programs: list[Program], args) -> None:
    del programs
    answers = [run_on_text("waiting.py", megabytes) for megabytes in args.megabytes]
    rows = [
        [f"{size:,}", f"{answer['characters_per_second']:,.0f}", f"{answer['waiting']:.2%}", f"{answer['memory']:,.0f}"]
        for size, answer in zip(args.megabytes, answers, strict=True)
    ]
    print("### Data: training one layer of 512 units; anonymous memory in megabytes\n")
    table(["megabytes of text", "characters a second", "of it waiting for data", "memory"], rows)


def run_on_text(script: str, megabytes: int) -> dict[str, float]:
    """Runs a script on so much of CPython's manual, again and again, with an empty cache; returns what it printed."""
    from pydoc_data.topics import topics

    block = "\n".join(topics.values()).encode()
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text.txt")
        with text.open("wb") as file:
            left = megabytes * 1_000_000
            while left > 0:
                left -= file.write(block[:left])
        environment = os.environ | {"CHARLM_CACHE": folder}
        done = subprocess.run(
            [sys.executable, HERE / script, text], check=True, stdout=subprocess.PIPE, env=environment
        )
    return json.loads(done.stdout)


def describe_machine() -> str:
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    ask = "from importlib.metadata import version; print(version('torch'))"
    torch = subprocess.run([TORCH, "-c", ask], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    versions = (
        f"TensorFlow {version('tensorflow')}, Keras {version('keras')}, NumPy {version('numpy')}, PyTorch {torch}"
    )
    machine = f"{names[0] if names else platform.processor()}, {cores} core(s), Python {platform.python_version()}"
    return f"{machine}, {versions}"


def main() -> None:
    environment = dict(os.environ)  # the programs': without what charlm sets for TensorFlow when it is imported
    from charlm.backend import has_bfloat16

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, help="sections to measure")
    parser.add_argument("--cells", nargs="+", choices=GATES, default=list(GATES))
    parser.add_argument("--units", nargs="+", type=int, default=[128, 256, 512])
    parser.add_argument("--layers", nargs="+", type=int, default=[1, 2])
    parser.add_argument(
        "--bfloat16",
        action=argparse.BooleanOptionalAction,
        default=has_bfloat16(),
        help="training in it too; by default where the processor has it, as PyTorch takes for ever elsewhere",
    )
    parser.add_argument("--rounds", type=int, default=5, help="turns that each program gets a case")
    parser.add_argument(
        "--megabytes",
        nargs="+",
        type=int,
        default=[1, 1000],
        help="sizes of text; several times that is written to the temporary folder",
    )
    parser.add_argument("--quick", action="store_true", help="two layers of 256 and 512 LSTM units, three rounds")
    parser.add_argument("--quality", action="store_true", help="the race for the lower loss instead")
    parser.add_argument("--translation", nargs=2, metavar=("TRAIN", "VALIDATION"), help="race on two files of pairs")
    parser.add_argument(
        "--tokenizers",
        nargs="+",
        choices=translation_race.TOKENIZERS,
        default=translation_race.TOKENIZERS,
        help="of --translation",
    )
    parser.add_argument("--width", type=int, help="units of charlm's --translation (PyTorch's: 256; else the recipe's)")
    race.add_arguments(parser)
    args = parser.parse_args()
    args.precisions = PRECISIONS if args.bfloat16 else PRECISIONS[:1]
    if args.quick:
        args.cells, args.units, args.layers, args.rounds, args.megabytes = ["lstm"], [256, 512], [2], 3, [1]
    print(f"{describe_machine()}\n")
    if args.quality:
        race.run(args.texts, args.minutes, args.precisions, TORCH)
        return
    if args.translation:
        translation_race.run(*args.translation, args.minutes, args.tokenizers, TORCH, units=args.width)
        return
    workers = [
        ("charlm", sys.executable, "charlm_worker.py"),
        ("PyTorch", TORCH, "torch_worker.py"),
        ("Keras", sys.executable, "keras_worker.py"),
    ]
    programs = [Program(*worker, environment) for worker in workers] if RACES & set(args.only) else []
    measures = dict(
        zip(
            SECTIONS,
            (measure_training, measure_sampling, measure_scoring, measure_start, measure_text, measure_data),
            strict=True,
        )
    )
    for section in args.only:
        measures[section](programs, args)
    for program in programs:
        program.close()


if __name__ == "__main__":
    main()
