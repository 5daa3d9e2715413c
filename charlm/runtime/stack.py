"""Recurrent layers one upon the other, in NumPy: in one direction, and in both."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlm.runtime.cells import CELL_CLASSES, Array, Cell, State
from charlm.tokenizer import Ids

PARTS = ("kernel", "recurrent_kernel", "bias")
MOGRIFIER_PARTS = ("mogrifier.kernel", "mogrifier.bias")
DIRECTIONS = ("forward", "backward")

Shapes = dict[str, tuple[int, ...]]


def layer_shapes(prefix: str, cell: str, width: int, units: int) -> Shapes:
    """Returns the name and shape of each tensor of a layer that reads rows of `width`."""
    columns = CELL_CLASSES[cell].gates * units
    shapes = ((width, columns), (units, columns), (*CELL_CLASSES[cell].bias_rows, columns))
    return {f"{prefix}.{part}": shape for part, shape in zip(PARTS, shapes, strict=True)}


def stack_shapes(prefix: str, cells: Sequence[str], width: int, units: int, *, mogrify: bool = False) -> Shapes:
    """Returns the name and shape of each tensor of a `Stack`."""
    mogrifier = zip(MOGRIFIER_PARTS, ((width, units), (units,)), strict=True)
    shapes: Shapes = {f"{prefix}.{part}": shape for part, shape in mogrifier if mogrify}
    for index, cell in enumerate(cells):
        shapes |= layer_shapes(f"{prefix}.{index}", cell, width if index == 0 else units, units)
    return shapes


def bidirectional_shapes(prefix: str, cells: Sequence[str], width: int, units: int) -> Shapes:
    """Returns the name and shape of each tensor of a `BidirectionalStack`."""
    shapes: Shapes = {}
    for index, cell in enumerate(cells):
        for direction in DIRECTIONS:
            name = f"{prefix}.{index}.{direction}"
            shapes |= layer_shapes(name, cell, width if index == 0 else units, units // 2)
    return shapes


def make_layer(prefix: str, cell: str, tensors: Mapping[str, NDArray[Any]]) -> Cell:
    """Makes a layer of its tensors."""
    return CELL_CLASSES[cell](*(tensors[f"{prefix}.{part}"] for part in PARTS))


def zeros(layer: Cell, rows: int, units: int) -> State:
    """Returns a layer's first state."""
    return tuple(np.zeros((rows, units), np.float32) for _ in range(layer.num_states))


class Stack:
    """Reads ids from the left to the right.

    The first layer's products with its inputs are taken once, for every id of the vocabulary, and looked up; to `read`
    whole texts, for those that occur. So is what a mogrifier scales that layer's `h` by, before each step, if there is
    one: `2σ(x R + b)` of the input (Melis et al. 2020).

    Args:
        prefix: what the names of its tensors begin with.
        cells: each layer's cell.
        units: width of each layer, `H`.
        embedding: `(V, D)`.
        tensors: the weights by name, as in a bundle.
    """

    def __init__(
        self, prefix: str, cells: Sequence[str], units: int, embedding: Array, tensors: Mapping[str, NDArray[Any]]
    ):
        self.units, self.embedding = units, embedding
        self.layers = [make_layer(f"{prefix}.{index}", cell, tensors) for index, cell in enumerate(cells)]
        self._mogrifier = [tensors[f"{prefix}.{part}"] for part in MOGRIFIER_PARTS if f"{prefix}.{part}" in tensors]
        self._higher = [(layer, layer.kernel, layer.input_bias) for layer in self.layers[1:]]

    @functools.cached_property
    def _table(self) -> Array:
        """What the first layer makes of every id, `(V, G)`."""
        return project(self.layers[0], self.embedding)

    @functools.cached_property
    def _scales(self) -> Array | None:
        """What every id scales the first layer's `h` by, `(V, H)`; None without mogrifier."""
        return self._mogrify(self.embedding)

    def _mogrify(self, x: Array) -> Array | None:
        """Returns what inputs `(…, D)` scale the first layer's `h` by, `(…, H)`; None without mogrifier."""
        if not self._mogrifier:
            return None
        kernel, bias = self._mogrifier
        return 1 + np.tanh((x @ kernel + bias) * np.float32(0.5))  # 2σ

    def initial_state(self, batch_size: int) -> State:
        """Returns zeros: for each layer its state, `(B, H)` each."""
        return tuple(part for layer in self.layers for part in zeros(layer, batch_size, self.units))

    def hidden(self, state: State) -> Array:
        """Returns the last layer's `h`, `(B, H)`, of a state."""
        return state[-self.layers[-1].num_states]

    def step(self, ids: NDArray[np.integer], state: State) -> tuple[Array, State]:
        """Reads one id a row, `(B,)`; returns the last layer's outputs `(B, H)`, and the state after."""
        first = self.layers[0]
        before = state[: first.num_states]
        if self._scales is not None:
            before = _scale(before, self._scales.take(ids, axis=0))
        new = first.step(self._table.take(ids, axis=0), before)
        h = new[0]
        for layer, kernel, bias in self._higher:
            x = np.dot(h, kernel)
            x += bias
            after = layer.step(x, state[len(new) : len(new) + layer.num_states])
            h = after[0]
            new += after
        return h, new

    def unroll(self, ids: Ids, state: State) -> tuple[list[Array], State]:
        """Reads ids `(B, T)`; returns each layer's outputs `(T, B, H)`, and the state after."""
        return self._unroll(self._table, self._scales, ids.T, state)

    def _unroll(
        self, table: Array, scales: Array | None, places: NDArray[np.integer], state: State
    ) -> tuple[list[Array], State]:
        """Does the work of `unroll`, from the rows of two tables, in places `(T, B)`: `_table` and `_scales`."""
        new: State = ()
        outputs: list[Array] = []
        for layer in self.layers:
            x = project(layer, outputs[-1]) if outputs else table[places]
            scale = None if outputs or scales is None else scales[places]
            h, after = run_layer(layer, x, state[len(new) : len(new) + layer.num_states], scales=scale)
            outputs.append(h)
            new += after
        return outputs, new

    def read(self, ids: Ids, mask: NDArray[np.bool_]) -> tuple[Array, State]:
        """Reads ids `(B, S)` from the beginning; returns the last layer's outputs `(B, S, H)`, and the state after.

        The mask is not needed: what is not to be read stands on the right, and has no part in the outputs before it. In
        the state after it has.
        """
        occurring, places = _occurring(ids)
        x = self.embedding[occurring]
        table, scales = project(self.layers[0], x), self._mogrify(x)
        outputs, state = self._unroll(table, scales, places, self.initial_state(len(ids)))
        return outputs[-1].transpose(1, 0, 2), state

    def look(self, ids: Ids, state: State) -> tuple[list[dict[str, Array]], State]:
        """Reads ids `(T,)`; returns for each layer what is in it, `(T, H)` each by name, and the state after.

        The names are `state`, an LSTM's `cell`, and those of its gates.
        """
        x: Array = self._table[ids][:, None]  # (T, 1, G)
        new: State = ()
        inside: list[dict[str, Array]] = []
        for layer in self.layers:
            if inside:
                x = project(layer, inside[-1]["state"])[:, None]
            part = state[len(new) : len(new) + layer.num_states]
            scales = None if inside or self._scales is None else self._scales[ids]
            moments = []
            for t in range(len(x)):
                part = part if scales is None else _scale(part, scales[t])
                gates = layer.look(x[t], part)
                part = layer.step(x[t], part)
                moments.append(dict(zip(("state", "cell"), part, strict=False)) | gates)
            inside.append({name: np.concatenate([moment[name] for moment in moments]) for name in moments[0]})
            new += part
        return inside, new


class BidirectionalStack:
    """Reads whole sequences in both directions; the arguments are those of `Stack`.

    The first layer's products with its inputs are taken once for each id that occurs.
    """

    def __init__(
        self, prefix: str, cells: Sequence[str], units: int, embedding: Array, tensors: Mapping[str, NDArray[Any]]
    ):
        self.units, self.embedding = units, embedding
        self.pairs = [
            [make_layer(f"{prefix}.{index}.{direction}", cell, tensors) for direction in DIRECTIONS]
            for index, cell in enumerate(cells)
        ]

    def read(self, ids: Ids, mask: NDArray[np.bool_]) -> tuple[Array, State]:
        """Reads ids `(B, S)` where the mask is set; returns outputs `(B, S, H)`, and the state after.

        The state is, for each layer, `h` (and `c`), `(B, H)`, the forward direction's half first.
        """
        occurring, places = _occurring(ids)
        x: Array = self.embedding[occurring]
        held = mask.T[:, :, None]
        state: State = ()
        for index, (ahead, back) in enumerate(self.pairs):
            to_ahead, to_back = (project(layer, x) for layer in (ahead, back))
            if index == 0:
                to_ahead, to_back = to_ahead[places], to_back[places]  # (S, B, G)
            begin = zeros(ahead, len(ids), self.units // 2)
            forward, after = run_layer(ahead, to_ahead, begin, held)
            backward, before = run_layer(back, to_back[::-1], begin, held[::-1])
            x = np.concatenate([forward, backward[::-1]], axis=2)  # (S, B, H)
            state += tuple(np.concatenate(halves, axis=1) for halves in zip(after, before, strict=True))
        return x.transpose(1, 0, 2), state


def project(layer: Cell, x: Array) -> Array:
    """Returns a layer's projections `(…, G)` of its inputs `(…, D)`."""
    x = x @ layer.kernel
    x += layer.input_bias
    return x


def _occurring(ids: Ids) -> tuple[Ids, NDArray[np.int64]]:
    """Returns each id that occurs once, and the place of each of ids `(B, T)` among these, `(T, B)`."""
    occurring, places = np.unique(ids.T, return_inverse=True)
    return occurring, places.reshape(ids.T.shape)  # NumPy 1 gives them flat


def _scale(state: State, scale: Array) -> State:
    """Scales the `h` of a layer's state, `(B, H)`."""
    return state[0] * scale, *state[1:]


def run_layer(
    layer: Cell, x: Array, state: State, mask: NDArray[np.bool_] | None = None, scales: Array | None = None
) -> tuple[Array, State]:
    """Runs a layer over projected inputs `(T, B, G)`; where the mask `(T, B, 1)` is not set, the state stands still.

    Where there are `scales` `(T, B, H)`, they multiply `h` before each step.

    Returns:
        Outputs `(T, B, H)`, and the state after.
    """
    h = np.empty((*x.shape[:2], state[0].shape[1]), np.float32)
    for t in range(len(x)):
        after = layer.step(x[t], state if scales is None else _scale(state, scales[t]))
        if mask is not None:
            after = tuple(np.where(mask[t], new, old) for new, old in zip(after, state, strict=True))
        state = after
        h[t] = state[0]
    return h, state
