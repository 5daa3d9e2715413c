"""The equations of the cells and of attention, as the code computes them, and what they cost.

An equation is a line of Python over NumPy's names: a test runs these lines and compares with the engine.
"""

import math

from charlm.config import ATTENTIONS
from charlm.runtime.attention import attention_shapes
from charlm.runtime.stack import Shapes, layer_shapes

#: In order. `x (B, D)` is the input, `h` (and `c`) the state before and after, `(B, H)`; `split` cuts the last axis.
CELL_EQUATIONS = {
    "lstm": (
        "i, f, g, o = split(x @ kernel + h @ recurrent_kernel + bias, 4)",
        "i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)",
        "c = f * c + i * g",
        "h = o * tanh(c)",
    ),
    "gru": (
        "x_z, x_r, x_h = split(x @ kernel + bias[0], 3)",
        "p_z, p_r, p_h = split(h @ recurrent_kernel + bias[1], 3)",
        "z, r = sigmoid(x_z + p_z), sigmoid(x_r + p_r)",
        "g = tanh(x_h + r * p_h)",
        "h = z * h + (1 - z) * g",
    ),
    "rnn": ("h = tanh(x @ kernel + h @ recurrent_kernel + bias)",),
}

#: `h (H,)` is the decoder's output, `memory (S, H)` the encoder's; one head. The last three lines are the same for all.
SCORE_EQUATIONS = {
    "additive": "scores = tanh(h @ query_kernel + memory @ key_kernel) @ vector",
    "dot": "scores = memory @ h",
    "general": "scores = (memory @ key_kernel) @ h",
    "scaled": "scores = memory @ h / sqrt(len(h))",
}
ATTENTION_EQUATIONS = (
    "weights = softmax(scores)",
    "context = weights @ memory",
    "output = tanh(concatenate([context, h]) @ kernel + bias)",
)

_WORDS = {
    "lstm": """\
Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.
i, f and o are gates, between 0 and 1; g is what might be written. The cell c is only multiplied by f and added to:
where f is near 1, what was written long ago stays, and so does the gradient that leads back to it.
It pays where much must be kept for long: it learns most a step, and has the most weights of the three.""",
    "gru": """\
Cho et al. 2014, with the reset gate after the product, as in cuDNN.
One gate z both keeps the old state and lets in the new: three products where the LSTM has four, and no second state.
It pays where weights or time are scarce, and where the state itself is wanted as a short vector of the text.""",
    "rnn": """\
Elman 1990.
The whole state goes through the product and tanh at every step, so a gradient shrinks (or grows) with the distance.
It pays for short memories and for looking at: a quarter of an LSTM's weights and products.""",
    "attention": """\
Bahdanau et al. 2015 (additive), Luong et al. 2015 (dot, general), Vaswani et al. 2017 (scaled, several heads).
Without it (--attention none), context is the encoder's last state at every step: all of a source must pass through
that, and its size does not grow with the source.
It pays as soon as sources are long: compare the accuracy by length of a run with it and of one without.""",
}
SUBJECTS = (*CELL_EQUATIONS, "attention")


def shapes(cell: str, units: int, inputs: int) -> Shapes:
    """Returns the name and shape of each weight of a cell.

    >>> shapes("gru", 4, 3)
    {'kernel': (3, 12), 'recurrent_kernel': (4, 12), 'bias': (2, 12)}
    """
    return {name.removeprefix("."): shape for name, shape in layer_shapes("", cell, inputs, units).items()}


def count(found: Shapes) -> int:
    """Returns how many numbers there are in tensors of these shapes.

    >>> count({"kernel": (3, 12), "bias": (12,)})
    48
    """
    return sum(map(math.prod, found.values()))


def explain(subject: str, units: int, inputs: int) -> str:
    """Returns what a cell or attention is, its equations, and its weights for given sizes."""
    if subject == "attention":
        scores = [f"  {equation:66} ({kind})" for kind, equation in SCORE_EQUATIONS.items()]
        lines = [_WORDS[subject], "", *scores, *(f"  {equation}" for equation in ATTENTION_EQUATIONS), ""]
        for kind in ATTENTIONS:
            own = attention_shapes(kind, units)
            lines.append(f"  {kind}: {_list(own)}: {count(own):,} weights for {units} units")
        return "\n".join(lines)
    own = shapes(subject, units, inputs)
    lines = [_WORDS[subject], "", *(f"  {equation}" for equation in CELL_EQUATIONS[subject]), ""]
    lines.append(f"  {_list(own)}: {count(own):,} weights for {inputs} inputs and {units} units")
    return "\n".join(lines)


def _list(found: Shapes) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in found.items())
