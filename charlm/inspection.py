"""Looking inside a network: what its units do while it reads, and which of them follow what a person sees."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlm.errors import ConfigError, TextError
from charlm.generation import cut
from charlm.progress import Progress, open_bar
from charlm.runtime.cells import Array
from charlm.runtime.language_model import LanguageEngine
from charlm.tokenizer import BOS, Ids, Tokenizer

_CHUNK = 1024  #: ids that are looked at in one go

STATES = ("state", "cell")  #: what goes on from step to step; the rest are gates


@dataclass(frozen=True)
class Activity:
    """What one unit does while a text is read."""

    pieces: list[str]  #: of the text, an id each
    values: NDArray[np.float32]  #: `(N,)`, after each piece
    layer: int  #: from 0
    unit: int  #: from 0
    part: str  #: `state`, `cell`, or a gate's name

    @property
    def name(self) -> str:
        """Says which unit it is."""
        return f"layer {self.layer}, unit {self.unit}, {self.part}"


@dataclass(frozen=True)
class Follower:
    """A unit, and how well it follows a feature."""

    layer: int
    unit: int
    part: str
    correlation: float  #: Pearson's, from -1 to 1


def _inside_quotes(text: str) -> NDArray[np.float64]:
    return np.cumsum([char == '"' for char in text]) % 2.0


def _depth_of_parentheses(text: str) -> NDArray[np.float64]:
    depths, depth = np.zeros(len(text)), 0
    for place, char in enumerate(text):
        depth = max(depth + (char == "(") - (char == ")"), 0)
        depths[place] = depth
    return depths


def _is_newline(text: str) -> NDArray[np.float64]:
    return np.array([char == "\n" for char in text], np.float64)


def _position_in_line(text: str) -> NDArray[np.float64]:
    places = np.arange(1, len(text) + 1)
    newlines = np.array([char == "\n" for char in text])
    return (places - np.maximum.accumulate(np.where(newlines, places, 0))).astype(np.float64)


#: What a unit may follow, as numbers that hold after each character.
FEATURES: dict[str, Callable[[str], NDArray[np.float64]]] = {
    "quotes": _inside_quotes,
    "parentheses": _depth_of_parentheses,
    "newline": _is_newline,
    "position": _position_in_line,
}


def watch(
    engine: LanguageEngine, tokenizer: Tokenizer, text: str, *, layer: int = 0, unit: int = 0, part: str = "state"
) -> Activity:
    """Watches one unit while a text is read.

    Args:
        engine: the model.
        tokenizer: its tokenizer.
        text: any text.
        layer, unit: from 0.
        part: `state`; an LSTM's `cell`, `input`, `forget`, `output` or `candidate`; a GRU's `update`, `reset` or
            `candidate`.

    Raises:
        ConfigError: there is no such unit.
        TextError: the text is empty.
    """
    ids = _encode(tokenizer, text)
    values: list[Array] = []
    for layers in _look(engine, ids):
        _check("layer", layer, range(len(layers)))
        _check("unit", unit, range(engine.units))
        _check("part", part, tuple(layers[layer]))
        values.append(layers[layer][part][:, unit])
    return Activity(cut(tokenizer, text, ids), np.concatenate(values), layer, unit, part)


def find_units(
    engine: LanguageEngine, tokenizer: Tokenizer, text: str, feature: str, *, progress: Progress = None
) -> list[Follower]:
    """Ranks the units of every layer by how well their states follow a feature of a text, the best first.

    Args:
        engine: the model.
        tokenizer: its tokenizer.
        text: any text; the longer, the surer.
        feature: one of `FEATURES`.
        progress: shows a progress bar under this name.

    Raises:
        ConfigError: there is no such feature.
        TextError: the text is empty, or the feature never changes in it.
    """
    _check("feature", feature, tuple(FEATURES))
    ids = _encode(tokenizer, text)
    ends = np.cumsum([len(piece) for piece in cut(tokenizer, text, ids)])
    wanted = FEATURES[feature](text)[np.maximum(ends - 1, 0)]
    if np.ptp(wanted) == 0:
        raise TextError(f"The feature '{feature}' is the same everywhere in this text. Give one in which it changes.")
    wanted = (wanted - wanted.mean()) / wanted.std()
    sums: dict[tuple[int, str], NDArray[np.float64]] = {}  # Σ x, Σ x², Σ x y of each unit
    begin = 0
    with open_bar(progress, unit="char", total=len(ids)) as bar:
        for layers in _look(engine, ids):
            end = begin + len(layers[0]["state"])
            for layer, parts in enumerate(layers):
                for part in parts.keys() & set(STATES):
                    values = parts[part].astype(np.float64)
                    more = np.stack([values.sum(0), (values**2).sum(0), wanted[begin:end] @ values])
                    sums[layer, part] = sums.get((layer, part), 0) + more
            bar.update(end - begin)
            begin = end
    followers = [
        Follower(layer, unit, part, correlation)
        for (layer, part), (total, squares, products) in sums.items()
        for unit, correlation in enumerate(_correlate(total, squares, products, len(ids)))
    ]
    return sorted(followers, key=lambda found: (-abs(found.correlation), found.layer, found.unit, found.part))


def _correlate(
    total: NDArray[np.float64], squares: NDArray[np.float64], products: NDArray[np.float64], count: int
) -> Sequence[float]:
    """Returns the correlation with what has mean 0 and deviation 1; 0 where a unit never changes."""
    deviations = np.sqrt(np.maximum(squares / count - (total / count) ** 2, 0))
    return np.where(deviations > 1e-6, products / count / np.maximum(deviations, 1e-6), 0).tolist()


def _look(engine: LanguageEngine, ids: Ids) -> Iterator[list[dict[str, Array]]]:
    """Yields what is in each layer after each id, some ids at a time."""
    _, state = engine.unroll(np.full((1, 1), BOS, np.int32), engine.initial_state(1))
    for begin in range(0, len(ids), _CHUNK):
        layers, state = engine.look(ids[begin : begin + _CHUNK], state)
        yield layers


def _encode(tokenizer: Tokenizer, text: str) -> Ids:
    if not text:
        raise TextError("The text is empty: there is nothing to look at.")
    return tokenizer.encode(text, unknown="replace")


def _check(name: str, value: int | str, allowed: Sequence[int] | Sequence[str]) -> None:
    if value not in allowed:
        options = f"from 0 to {allowed[-1]}" if isinstance(allowed, range) else f"one of {', '.join(map(str, allowed))}"
        raise ConfigError(f"`{name}` must be {options}. Received: {name}={value}.")
