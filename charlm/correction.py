"""Likely typing errors in a text, each with what a model would rather read."""

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlm.errors import ConfigError
from charlm.options import option, validate
from charlm.progress import Progress, open_bar
from charlm.runtime.bidirectional import BidirectionalEngine
from charlm.runtime.language_model import LanguageEngine
from charlm.scoring import Predictions, charge_next, predict, predict_backward, predict_cloze, rows_at_once
from charlm.threads import map_on_cores
from charlm.tokenizer import BOS, EOS, SPECIALS, UNK, Ids, Tokenizer

_SUSPECT = 3.0  #: nats by which another id must be likelier than the one that stands there
_ALTERNATIVES = 3  #: ids that are tried in a place
_BEFORE = 64  #: ids before a place that decide
_ROWS = 256  #: texts compared at a time, at most

Floats = NDArray[np.float64]
Likelier = dict[int, dict[int, float]]  #: of places: ids likelier than the one that stands there, and by how many nats


@dataclass(frozen=True)
class Correcting:
    """Correcting."""

    odds: float = option(100.0, "list errors of these odds or more", minimum=1, metavar="X")
    lookahead: int = option(24, "characters beyond a place that decide too", minimum=1, maximum=128)

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True, order=True)
class Edit:
    """A few ids of a text, and others in their place."""

    start: int
    end: int
    ids: tuple[int, ...]
    kind: str  #: `substituted`, `missing`, `superfluous` or `swapped`


@dataclass(frozen=True)
class Correction:
    """A likely error of a text."""

    start: int  #: characters from the beginning of the text
    line: int  #: from 1
    column: int  #: from 1
    kind: str  #: `substituted`, `missing`, `superfluous` or `swapped`
    found: str  #: what stands there; "" where something is missing
    suggestion: str
    odds: float  #: how many times likelier the text is with it, by the number of ways in which the error comes about


def correct(
    engine: LanguageEngine | BidirectionalEngine,
    tokenizer: Tokenizer,
    text: str,
    options: Correcting,
    *,
    progress: Progress = None,
) -> list[Correction]:
    """Finds likely errors: characters substituted, missing, superfluous (doubled, mostly) or swapped.

    Where another character is far likelier than the one that stands there, the likeliest changes are tried. The text
    around is compared with and without each: read forwards, and by a bidirectional model backwards too, and one
    character in the place of another also as a cloze; the mean of the readings decides. As in a noisy channel
    (Kernighan et al. 1990), the odds count in how many ways an error comes about: a wrong character is one of all
    others, where a missing, doubled or swapped one leaves no choice.

    Args:
        engine: the model; one that reads in both directions sees more.
        tokenizer: its tokenizer, of the kind `char`.
        text: any text.
        options: how sure it must be.
        progress: shows a progress bar under this name.

    Returns:
        Corrections that do not touch each other, in the order of the text.

    Raises:
        ConfigError: the tokenizer is of another kind.
    """
    if tokenizer.kind != "char":
        raise ConfigError(f"Errors are found by characters. Train with --tokenizer char. Received: {tokenizer.kind}.")
    ids = tokenizer.encode(text, unknown="replace")
    best: dict[int, tuple[float, Edit]] = {}
    proposed = _propose(engine, ids)
    edits = sorted(proposed)
    rows = min(rows_at_once(_BEFORE + options.lookahead, tokenizer.vocab_size), _ROWS)
    parts = [edits[begin : begin + rows] for begin in range(0, len(edits), rows)]
    with open_bar(progress, unit="edit", total=len(edits)) as bar:

        def compare(some: Sequence[Edit]) -> Sequence[Floats]:
            return _read(engine, ids, some, options.lookahead)

        read = map_on_cores(compare, parts, report=lambda readings: bar.update(len(readings[0])))
    for some, found in zip(parts, read, strict=True):
        for edit, *readings in zip(some, *found, strict=True):
            likelier = float(np.mean([*readings, *proposed[edit]]))
            gain = likelier - _count_ways(ids, edit, tokenizer.vocab_size - len(SPECIALS))
            if gain > best.get(edit.start, (0.0, edit))[0]:
                best[edit.start] = gain, edit
    chosen = [(gain, edit) for gain, edit in best.values() if gain >= np.log(options.odds)]
    line_starts = [0, *(place + 1 for place, character in enumerate(text) if character == "\n")]
    return [_describe(tokenizer, text, line_starts, edit, gain) for gain, edit in _without_overlaps(chosen)]


def apply(text: str, corrections: Sequence[Correction]) -> str:
    """Returns a text with its corrections."""
    parts, end = [], 0
    for one in sorted(corrections, key=lambda one: one.start):
        parts += [text[end : one.start], one.suggestion]
        end = one.start + len(one.found)
    return "".join([*parts, text[end:]])


def _propose(engine: LanguageEngine | BidirectionalEngine, ids: Ids) -> dict[Edit, tuple[float, ...]]:
    """Proposes changes where other ids are far likelier than those that stand there.

    With each goes by how many nats it is likelier as a cloze, which is known of one id in the place of another.
    """
    if isinstance(engine, LanguageEngine):
        ahead = _find_likelier(predict(engine, ids), ids)
        return dict.fromkeys(_list_edits(ids, ahead, ahead, {}), ())
    ahead = _find_likelier(predict(engine.forward, ids), ids)
    back = _find_likelier(predict_backward(engine, ids), ids)
    cloze = _find_likelier(predict_cloze(engine, ids), ids)
    unseen = {Edit(0, 1, (), "superfluous")}  # as nothing follows the first id where it is read backwards
    edits: dict[Edit, tuple[float, ...]] = dict.fromkeys(_list_edits(ids, cloze, ahead, back) - unseen, ())
    for place, tokens in cloze.items():
        edits |= {_substitute(place, token): (nats,) for token, nats in tokens.items()}
    return edits


def _list_edits(ids: Ids, likelier: Likelier, ahead: Likelier, back: Likelier) -> set[Edit]:
    """Returns the changes that these ids speak for.

    What is wrong with an id is seen from all around it. That one is missing is seen between two ids: read forwards the
    one after the place surprises, backwards the one before it, and either may be quite usual where it stands. That the
    last id is superfluous is never seen, as nothing follows.
    """
    edits = {Edit(place, place, (token,), "missing") for place, tokens in ahead.items() for token in tokens}
    edits |= {Edit(place + 1, place + 1, (token,), "missing") for place, tokens in back.items() for token in tokens}
    told = (likelier.keys() | ahead.keys()) - {len(ids) - 1}
    edits |= {Edit(place, place + 1, (), "superfluous") for place in told}
    for place, tokens in likelier.items():
        edits |= {_substitute(place, token) for token in tokens}
        for first in {max(place - 1, 0), min(place, len(ids) - 2)}:
            if 0 <= first < len(ids) - 1 and ids[first] != ids[first + 1] and UNK not in ids[first : first + 2]:
                edits.add(Edit(first, first + 2, (int(ids[first + 1]), int(ids[first])), "swapped"))
    return edits


def _substitute(place: int, token: int) -> Edit:
    return Edit(place, place + 1, (token,), "substituted")


def _find_likelier(predictions: Predictions, ids: Ids) -> Likelier:
    """Returns the places where an id is far likelier than the one that stands there, each with the likeliest ids."""
    found: Likelier = {}
    for places, logits, _ in predictions:
        usable = logits.copy()
        usable[:, : EOS + 1] = -np.inf
        usable -= logits[np.arange(len(places)), ids[places]][:, None]
        suspect = (usable.max(axis=1) > _SUSPECT) & (ids[places] != UNK)  # what was never seen is no error for that
        for place, row in zip(places[suspect].tolist(), usable[suspect], strict=True):
            best = np.argsort(-row)[:_ALTERNATIVES].tolist()
            found[place] = {token: float(row[token]) for token in best if token != ids[place]}
    return found


def _read(
    engine: LanguageEngine | BidirectionalEngine, ids: Ids, edits: Sequence[Edit], lookahead: int
) -> Sequence[Floats]:
    """Returns by how many nats each edit makes the text around it likelier, in each direction that there is."""
    if isinstance(engine, LanguageEngine):
        return [_gain(engine, ids, edits, lookahead)]
    mirrored = [Edit(len(ids) - edit.end, len(ids) - edit.start, edit.ids[::-1], edit.kind) for edit in edits]
    backward = _gain(engine.backward, ids[::-1], mirrored, lookahead)
    return [_gain(engine.forward, ids, edits, lookahead), backward]


def _count_ways(ids: Ids, edit: Edit, alphabet: int) -> float:
    """Returns the nats of the choice that an error had: any character of the alphabet, or none."""
    doubled = edit.kind == "superfluous" and (ids[max(edit.start - 1, 0) : edit.start + 2] == ids[edit.start]).sum() > 1
    return 0.0 if doubled or edit.kind in ("missing", "swapped") else float(np.log(alphabet))


def _gain(engine: LanguageEngine, ids: Ids, edits: Sequence[Edit], lookahead: int) -> Floats:
    as_it_is = [Edit(edit.start, edit.end, tuple(ids[edit.start : edit.end].tolist()), "none") for edit in edits]
    wanted = sorted({*edits, *as_it_is})  # the edits of a place share what stands there
    nats = dict(zip(wanted, _charge(engine, ids, wanted, lookahead).tolist(), strict=True))
    return np.array([nats[before] - nats[edit] for before, edit in zip(as_it_is, edits, strict=True)])


def _charge(engine: LanguageEngine, ids: Ids, edits: Sequence[Edit], lookahead: int) -> Floats:
    """Returns what each edit and the ids beyond it cost, in nats; the ids before a place are read once."""
    starts = sorted({edit.start for edit in edits})
    read = []
    for length, places in itertools.groupby(starts, key=lambda start: min(start, _BEFORE)):  # shorter at the beginning
        before = np.array([[BOS, *ids[start - length : start]] for start in places], np.int32)
        read.append(engine.unroll(before, engine.initial_state(len(before))))
    logits = np.concatenate([some[:, -1] for some, _ in read])
    state = tuple(map(np.concatenate, zip(*(after for _, after in read), strict=True)))
    rows = np.searchsorted(starts, [edit.start for edit in edits])
    texts = [np.array([*edit.ids, *ids[edit.end : edit.end + lookahead]], np.int32) for edit in edits]
    return charge_next(engine, logits[rows], tuple(part[rows] for part in state), texts)


def _without_overlaps(chosen: list[tuple[float, Edit]]) -> list[tuple[float, Edit]]:
    """Keeps the surest of edits that touch each other; returns them in the order of the text."""
    kept: list[tuple[Edit, float]] = []  # in the order of the text
    for gain, edit in sorted(chosen, key=lambda one: -one[0]):
        place = bisect.bisect(kept, edit.start, key=lambda one: one[0].start)
        is_free = not place or kept[place - 1][0].end < edit.start
        if is_free and (place == len(kept) or edit.end < kept[place][0].start):
            kept.insert(place, (edit, gain))
    return [(gain, edit) for edit, gain in kept]


def _describe(tokenizer: Tokenizer, text: str, line_starts: Sequence[int], edit: Edit, gain: float) -> Correction:
    line = bisect.bisect(line_starts, edit.start)
    return Correction(
        start=edit.start,
        line=line,
        column=edit.start - line_starts[line - 1] + 1,
        kind=edit.kind,
        found=text[edit.start : edit.end],
        suggestion=tokenizer.decode(np.array(edit.ids, np.int32)),
        odds=float(np.exp(min(gain, 700.0))),
    )
