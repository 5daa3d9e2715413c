"""What reading from both sides is worth: directions.py RUN TEXT.

RUN holds a bidirectional model, TEXT is a text that it has not seen. Prints how often the head names a hidden
character, how often `fill` names a hidden word and how often the forward model alone does, how well `correct` finds
errors that this program has put in, with both models and with the forward one alone (which weighs what follows a
place too, or the next character alone), and how often the line nearest to another, among code, prose (of TEXT) and
dates, is of the same kind, for RUN and for a model that is trained here on such lines. At last, what a leak looks like:
a plain bidirectional stack that learns to predict the next character of TEXT.
"""

import argparse
import itertools
import random
import re
import string
import tempfile
from pathlib import Path

import numpy as np
from rapidfuzz.distance import OSA

import charlm
from charlm.config import ReadingConfig
from charlm.correction import Correcting, Correction, correct
from charlm.datasets import read_corpus, task_pairs
from charlm.filling import Gaps, Side, fill
from charlm.scoring import predict, predict_cloze

WORDS, CONTEXT = 200, 200
MARK = "\ue000"  # no text has it
CHARACTERS_A_TYPO = 50
ODDS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000)
WINDOW = 12
LINES = 1_000
SHORTEST = 15  #: characters of a line
MOST_LINES, MOST_DATES = 15_000, 6_000  #: of a kind, to learn from
TURN = 10  #: lines of a kind that stand together
CHUNKS = 100  #: of the standard library, to judge by, and as many to learn from
WINDOW_OF_LEAK, EPOCHS = 64, 8


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("text", type=Path, metavar="TEXT")
    parser.add_argument("--characters", type=int, default=20_000, help="of TEXT that are read (default: 20,000)")
    measures = {"characters": hide_characters, "words": hide_words, "typos": misspell}
    names = [*measures, "lines", "leak"]
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="what to measure")
    parser.add_argument("--minutes", type=float, default=5.0, help="of training on lines (default: 5)")
    parser.add_argument("--prose", type=Path, metavar="FILE", help="to learn lines of prose from (default: TEXT)")
    options = parser.parse_args()
    run, text = charlm.load(options.run), options.text.read_text(encoding="utf-8")
    for name in (one for one in measures if one in options.only):
        measures[name](run, text[: options.characters])
    if "lines" in options.only:
        separate(run, text, options.minutes, (options.prose or options.text).read_text(encoding="utf-8"))
    if "leak" in options.only:
        leak(run, text)


def hide_characters(run: charlm.Run, text: str) -> None:
    """Prints how often a single hidden character is named."""
    ids = run.tokenizer.encode(text, unknown="replace")
    for name, predictions in (("both", predict_cloze(run.engine, ids)), ("forward", predict(run.engine.forward, ids))):
        right = sum(int((logits.argmax(axis=1) == ids[places]).sum()) for places, logits, _ in predictions)
        print(f"hidden characters, {name}: {right / len(ids):.1%} of {len(ids):,} right", flush=True)


def hide_words(run: charlm.Run, text: str) -> None:
    """Prints how often a hidden word of known length is named."""
    rng = random.Random(0)
    text = re.sub(r"[{}]", "", "".join(char for char in text if run.tokenizer.encode(char, unknown="skip").size))
    words = [found for found in _words(text) if 3 <= found[1] - found[0] <= 6]
    chosen = rng.sample(words, min(WORDS, len(words)))
    right = {"both": 0, "forward": 0}
    for start, end in chosen:
        before, after = text[max(start - CONTEXT, 0) : start], text[end : end + CONTEXT]
        (best,) = fill(run.engine, run.tokenizer, f"{before}{MARK * (end - start)}{after}", Gaps(n=1, mark=MARK))
        right["both"] += best.gaps[0] == text[start:end]
        ids = run.tokenizer.encode(before)
        before_it = Side.read(run.engine.forward, ids)
        alone = before_it.search(run.tokenizer.characters_per_id, (end - start,) * 2, Gaps().beam)
        right["forward"] += run.tokenizer.decode(np.array(alone[0], np.int32)) == text[start:end]
    for name, count in right.items():
        print(f"hidden words of 3 to 6 letters, {name}: {count / len(chosen):.1%} of {len(chosen)} right", flush=True)


def _words(text: str) -> list[tuple[int, int]]:
    edges = [0, *(place for place in range(1, len(text)) if text[place].isalpha() != text[place - 1].isalpha())]
    return [(start, end) for start, end in zip(edges, edges[1:], strict=False) if text[start].isalpha()]


def misspell(run: charlm.Run, text: str) -> None:
    """Prints how precisely errors are found, how many of them, and how many by others that are as precise."""
    wrong, places, count = put_typos_in(text)
    judged = {}
    for name, engine, options in (
        ("both", run.engine, {}),
        ("forward, with what follows", run.engine.forward, {}),
        ("forward, as it reads", run.engine.forward, {"lookahead": 1}),
    ):
        corrections = correct(engine, run.tokenizer, wrong, Correcting(odds=ODDS[0], **options))
        corrections.sort(key=lambda one: -one.odds)
        judged[name] = (
            np.array([one.odds for one in corrections]),
            np.array([_helps(text, wrong, places, one) for one in corrections]),
        )
        for odds in ODDS:
            precision, found = _judge(*judged[name], odds)
            print(f"typos, {name}, odds {odds:>7,}: precision {precision:.1%}, recall {found / count:.1%} of {count}")
    for odds in ODDS:
        precision, found = _judge(*judged["both"], odds)
        others = {name: _most_found(good, precision) for name, (_, good) in judged.items() if name != "both"}
        told = "; ".join(
            f"{name} {most / count:.1%}, {found / max(most, 1):.2f} times" for name, most in others.items()
        )
        print(f"typos, recall at precision {precision:.1%}: both {found / count:.1%}; {told}", flush=True)


def _judge(all_odds: np.ndarray, good: np.ndarray, odds: float) -> tuple[float, int]:
    """Returns the precision of the corrections of these odds or more, and how many of them are good."""
    taken = good[all_odds >= odds]
    return float(taken.sum() / max(len(taken), 1)), int(taken.sum())


def _most_found(good: np.ndarray, precision: float) -> int:
    """Returns how many of the surest corrections are good, as many taken as keep this precision."""
    found = good.cumsum()
    return int(found[found >= precision * np.arange(1, len(good) + 1)].max(initial=0))


def put_typos_in(text: str) -> tuple[str, list[int], int]:
    """Returns a text with typing errors, each of its characters' place in the first text, and how many errors."""
    rng = random.Random(0)
    probability = len(text) / CHARACTERS_A_TYPO / max(sum(map(str.isalpha, text)), 1)
    pieces, places, count, place = [], [], 0, 0
    while place < len(text):
        taken, written = 1, text[place]
        if text[place].isalpha() and rng.random() < probability:
            kind = rng.choice(("substituted", "missing", "doubled", "swapped"))
            following = text[place + 1 : place + 2]
            if kind == "substituted":
                written = rng.choice([char for char in string.ascii_lowercase if char != text[place].lower()])
            elif kind == "missing":
                written = ""
            elif kind == "doubled":
                written = 2 * text[place]
            elif following.isalpha() and following != text[place]:
                taken, written = 2, following + text[place]
            count += written != text[place : place + taken]
        pieces.append(written)
        places += [min(place + offset, place + taken - 1) for offset in range(len(written))]
        place += taken
    return "".join(pieces), places, count


def _helps(text: str, wrong: str, places: list[int], one: Correction) -> bool:
    """Tells whether a correction brings the text around it nearer to what it was."""
    first, last = max(one.start - WINDOW, 0), min(one.start + len(one.found) + WINDOW, len(wrong) - 1)
    was = text[places[first] : places[last]]
    changed = wrong[first : one.start] + one.suggestion + wrong[one.start + len(one.found) : last]
    return OSA.distance(changed, was) < OSA.distance(wrong[first:last], was)


def separate(run: charlm.Run, prose: str, minutes: float, training_prose: str) -> None:
    """Prints how often the nearest line, by the cosine of their vectors, is of a line's own kind.

    Once with the vectors of the run, and once with those of a model that has learnt such lines, the judged ones left
    out, for so many minutes.
    """
    rng = random.Random(0)
    chunks = (chunk.text for chunk in read_corpus(["python-stdlib"], ReadingConfig()))
    code, further_code = ("".join(itertools.islice(chunks, CHUNKS)) for _ in range(2))
    kinds = [_lines(code), _lines(prose), [source for source, _ in task_pairs("dates", "test")]]
    chosen = [rng.sample(lines, LINES // 3 + (kind < LINES % 3)) for kind, lines in enumerate(kinds)]
    _judge_lines("this model", run, chosen)
    dates = (source for source, _ in task_pairs("dates", "train"))
    others = [further_code.split("\n"), training_prose.split("\n"), list(itertools.islice(dates, MOST_DATES))]
    judged = {line for lines in chosen for line in lines}
    others = [[line for line in lines if line.strip() not in judged][:MOST_LINES] for lines in others]
    turns = [lines[start : start + TURN] for lines in others for start in range(0, len(lines), TURN)]
    rng.shuffle(turns)
    with tempfile.TemporaryDirectory() as folder:
        mixed = Path(folder, "mixed.txt")
        mixed.write_text("".join(f"{line}\n" for turn in turns for line in turn), encoding="utf-8")
        model = charlm.train(mixed, Path(folder, "run"), task="bidirectional", minutes=minutes)
        _judge_lines(f"a model of {sum(map(len, others)):,} such lines, {minutes:g} min", model, chosen)


def _judge_lines(name: str, run: charlm.Run, chosen: list[list[str]]) -> None:
    vectors = run.embed([line for lines in chosen for line in lines])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    kind = np.repeat(range(len(chosen)), list(map(len, chosen)))
    near = vectors @ vectors.T
    np.fill_diagonal(near, -np.inf)
    right = kind[near.argmax(axis=1)] == kind
    kinds = ", ".join(f"{of} {right[kind == i].mean():.1%}" for i, of in enumerate(("code", "prose", "dates")))
    print(f"{name}: the nearest line is of its kind for {right.mean():.1%} of {len(right):,} ({kinds})", flush=True)


def leak(run: charlm.Run, text: str) -> None:
    """Prints what a plain bidirectional stack charges for characters that it has read, and for those it has not."""
    from charlm.backend import keras

    keras.utils.set_random_seed(0)
    ids = run.tokenizer.encode(text, unknown="replace")
    rows = ids[: len(ids) // (WINDOW_OF_LEAK + 1) * (WINDOW_OF_LEAK + 1)].reshape(-1, WINDOW_OF_LEAK + 1)
    held_out = len(rows) // 10
    both_ways = keras.layers.Bidirectional(keras.layers.LSTM(64, return_sequences=True))
    output = keras.layers.Dense(run.tokenizer.vocab_size)
    model = keras.Sequential([keras.layers.Embedding(run.tokenizer.vocab_size, 64), both_ways, output])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss=loss)
    train, test = rows[:-held_out], rows[-held_out:]
    model.fit(train[:, :-1], train[:, 1:], epochs=EPOCHS, batch_size=32, verbose=0)
    seen = model.evaluate(test[:, :-1], test[:, 1:], verbose=0)
    half = WINDOW_OF_LEAK // 2
    logits = model.predict(test[:, :half], verbose=0)[:, -1]
    print(f"a plain bidirectional stack, whole windows of held-out text: {seen:.3f} nats per character")
    print(f"the same stack, where the text ends before the character: {float(loss(test[:, half], logits)):.3f} nats")


def _lines(text: str) -> list[str]:
    return sorted({line.strip() for line in text.split("\n") if len(line.strip()) >= SHORTEST})


if __name__ == "__main__":
    main()
