"""The translators' race: charlm with `--minutes` alone, against PyTorch's tutorial with the same time and pairs."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
TOKENIZERS = ("char", "bpe")
PASSES = 5  # of charlm's, each of which is over in a second


def run(
    train: str, validation: str, minutes: float, tokenizers: Sequence[str], torch: Path, *, units: int | None
) -> None:
    """Prints chrF and BLEU of both on the validation file, and how quickly each translates it.

    charlm picks its weights on a fiftieth of the training file: neither side sees the validation file before.
    Its width is the recipe's, where no `units` are given.
    """
    print(f"### Translators after {minutes:g} minutes, all in: chrF / BLEU on {Path(validation).name}, greedy\n")
    print("| tokenizer | charlm | PyTorch | sentences a second: charlm in batches / PyTorch one by one |")
    print("| --- | --- | --- | --- |")
    for tokenizer in tokenizers:
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder, "run")
            options = ["--task", "translate", "--split", "98/2", "--tokenizer", tokenizer, "--minutes", str(minutes)]
            options += ["--units", str(units)] if units else []
            command = [sys.executable, "-m", "charlm", "train", train, *options, "-o", output]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            ours, theirs = judge(output, validation), race_torch(output, validation, Path(folder), minutes, torch)
        print(
            f"| {tokenizer} | {ours['chrf']:.1f} / {ours['bleu']:.1f} | {theirs['chrf']:.1f} / {theirs['bleu']:.1f} | "
            f"{ours['rate']:,.0f} / {theirs['rate']:,.0f} |",
            flush=True,
        )


def judge(run: Path, validation: str) -> dict[str, float]:
    """Judges charlm's translations."""
    import charlm
    from charlm import metrics
    from charlm.splits import read_test_pairs

    trained = charlm.load(run)
    sources, targets = zip(*read_test_pairs(validation, trained.config), strict=True)
    seconds = []
    for _ in range(PASSES):
        before = time.monotonic()
        texts = trained.translate(sources)
        seconds.append(time.monotonic() - before)
    return metrics.judge(sources, texts, targets) | {"rate": len(sources) / statistics.median(seconds)}


def race_torch(run: Path, validation: str, folder: Path, minutes: float, torch: Path) -> dict[str, float]:
    """Trains PyTorch's translator on the same ids, and judges its translations."""
    import charlm
    from charlm import metrics
    from charlm.splits import read_pairs, read_test_pairs

    trained = charlm.load(run)
    names = json.loads((run / "config.json").read_text(encoding="utf-8"))["about"]["corpus"]
    both = (trained.source_tokenizer, trained.tokenizer)
    pairs = read_pairs(names, {"validation": [validation]}, trained.config)["train"]
    longest = trained.config.data.max_length
    train = [
        [one.encode(side, unknown="replace").tolist() for one, side in zip(both, pair, strict=True)] for pair in pairs
    ]
    wanted = list(read_test_pairs(validation, trained.config))
    data = {
        "vocab_size": both[1].vocab_size,
        "source_vocab_size": both[0].vocab_size,
        "max_length": longest,
        "train": [pair for pair in train if max(map(len, pair)) <= longest],
        "validation": [both[0].encode(source, unknown="replace").tolist() for source, _ in wanted],
    }
    file = folder / "pairs.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    command = [torch, HERE / "torch_translator.py", file, str(minutes)]
    answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    texts = [both[1].decode(ids) for ids in answer["translations"]]
    figures = metrics.judge([source for source, _ in wanted], texts, [target for _, target in wanted])
    return figures | {"rate": len(wanted) / answer["seconds"]}
