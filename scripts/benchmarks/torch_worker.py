"""PyTorch, measured, as its users would write it: `nn.LSTM` or `nn.GRU`, autocast for bfloat16.

Eager: `torch.compile` leaves `nn.LSTM` and `nn.GRU` as they are. In turns on two cores with AVX512-BF16 (bfloat16,
medians of five bursts), a compiled model was 0.99 (lstm 2×128), 0.89 (1×128) and 0.99 (2×256) times as quick, and one
with `Adam(fused=True)` 1.00, 0.94 and 1.00.
"""

import numpy as np
import torch
from torch import nn
from worker import VOCABULARY, burst, serve

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}


class Model(nn.Module):
    def __init__(self, cell, layers, units, vocabulary=VOCABULARY, dropout=0.0):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, units)
        self.rnn = CELLS[cell](units, units, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(units, vocabulary)

    def forward(self, ids, state=None):
        x, state = self.rnn(self.embed(ids), state)
        return self.out(self.drop(x)), state


def detach(state):
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()


def train_step(model, optimizer, inputs, targets, state, precision):
    """Takes a step; returns the loss and the state to go on from."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
        logits, state = model(inputs, state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item(), detach(state)


def open_training(case):
    rows, length = case["batch"], case["length"]
    model = Model(case["cell"], case["layers"], case["units"])
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    ids = torch.from_numpy(np.random.default_rng(0).integers(VOCABULARY, size=(rows, length + 1)))
    state = None

    def step():
        nonlocal state
        _, state = train_step(model, optimizer, ids[:, :-1], ids[:, 1:], state, case["precision"])
        return rows * length

    for _ in range(2):
        step()
    return burst(step)


def open_sampling(case):
    model = Model(case["cell"], case["layers"], case["units"]).eval()

    @torch.inference_mode()
    def step():
        ids, state = torch.zeros(case["streams"], 1, dtype=torch.long), None
        for _ in range(case["length"]):
            logits, state = model(ids, state)
            ids = torch.multinomial(torch.softmax(logits[:, -1], dim=-1), 1)
            ids.tolist()
        return case["streams"] * case["length"]

    step()
    return burst(step)


def open_products(case):
    """Products of large square matrices: operations a second."""
    size, kind = case["size"], getattr(torch, case["precision"])
    a, b = (torch.randn(size, size).to(kind) for _ in range(2))

    @torch.inference_mode()
    def step():
        a @ b
        return 2 * size**3

    step()
    return burst(step)


if __name__ == "__main__":
    serve({"training": open_training, "sampling": open_sampling, "products": open_products})
