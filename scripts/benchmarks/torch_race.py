"""PyTorch's side of the race: torch_race.py TRAIN HELD_OUT MINUTES PRECISION….

A 2×512 LSTM with AdamW, a cosine, dropout 0.2 and carried state, in the fastest precision. As charlm does, it keeps the
weights that were best in one of ten validations, on the last fiftieth of the training text, or as much of it as takes
little time. Their loss on the held-out text is measured after the minutes are over.
"""

import copy
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch_worker import Model, train_step

ROWS, LENGTH, RATE, VALIDATIONS = 64, 100, 2e-3, 10
WARM_UP, SCORED = 1024, 2048  # characters of a row of a validation
VALIDATED = 100_000  # characters, at most, during training
UNKNOWN_NATS = 21 * math.log(2)  # what a character outside the vocabulary costs, beside the unknown id

begun = time.monotonic()
train_path, held_out_path, minutes = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
deadline = begun + 60 * minutes


def read(path):
    return np.frombuffer(path.read_bytes().decode("utf-8").encode("utf-32-le"), np.uint32)


symbols, ids = np.unique(read(train_path), return_inverse=True)
text = read(held_out_path)
places = np.minimum(np.searchsorted(symbols, text), len(symbols) - 1)
held_out = torch.from_numpy(np.where(symbols[places] == text, places, len(symbols)))
vocabulary = len(symbols) + 1
cut = len(ids) * 98 // 100
validation = torch.from_numpy(ids[cut:][:VALIDATED])
length = cut // ROWS
rows = torch.from_numpy(ids[: ROWS * length].reshape(ROWS, length))


@torch.inference_mode()
def validate(model, held_out):
    """Returns the loss of a text, in rows that are warmed up on the characters before them."""
    model.eval()
    total = 0.0
    starts = list(range(0, len(held_out) - 1, SCORED))
    for some in (starts[i : i + ROWS] for i in range(0, len(starts), ROWS)):
        begins = torch.tensor([max(start - WARM_UP, 0) for start in some])
        span = torch.arange(WARM_UP + SCORED + 1)
        index = begins[:, None] + span
        inside = held_out[index.clamp(max=len(held_out) - 1)]
        logits, _ = model(inside[:, :-1])
        losses = nn.functional.cross_entropy(logits.flatten(0, 1), inside[:, 1:].flatten(), reduction="none")
        targets, first = index[:, 1:], torch.tensor(some)[:, None]
        counted = (targets > first) & (targets <= first + SCORED) & (targets < len(held_out))
        total += float((losses.view_as(targets) * counted).sum())
    unknown = int((held_out == len(symbols)).sum())
    model.train()
    return (total + unknown * UNKNOWN_NATS) / (len(held_out) - 1)


def measure(precision):
    """Returns the seconds of a step."""
    model = Model("lstm", 2, 512, vocabulary, 0.2)
    optimizer = torch.optim.AdamW(model.parameters(), RATE)
    seconds = []
    for _ in range(3):
        before = time.monotonic()
        train_step(model, optimizer, rows[:, :LENGTH], rows[:, 1 : LENGTH + 1], None, precision)
        seconds.append(time.monotonic() - before)
    return min(seconds)


precision = min(sys.argv[4:], key=measure)
torch.manual_seed(0)
model = Model("lstm", 2, 512, vocabulary, 0.2)
optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.01)
before = time.monotonic()
best, weights = validate(model, validation), copy.deepcopy(model.state_dict())
validation_seconds = time.monotonic() - before
validations = max(min(VALIDATIONS, int(0.15 * 60 * minutes / validation_seconds)), 1)
started, ready = time.monotonic(), deadline - validation_seconds
state, place, steps, due = None, 0, 0, 1
while time.monotonic() < ready:
    done = (time.monotonic() - started) / (ready - started)
    for group in optimizer.param_groups:
        group["lr"] = RATE * min((steps + 1) / 50, 1.0) * (0.05 + 0.95 * (1 + math.cos(math.pi * min(done, 1.0))) / 2)
    if place + LENGTH + 1 > length:
        state, place = None, 0
    inputs, targets = rows[:, place : place + LENGTH], rows[:, place + 1 : place + LENGTH + 1]
    _, state = train_step(model, optimizer, inputs, targets, state, precision)
    place, steps = place + LENGTH, steps + 1
    if done >= due / validations:
        due += 1
        if (nats := validate(model, validation)) < best:
            best, weights = nats, copy.deepcopy(model.state_dict())
if validate(model, validation) > best:
    model.load_state_dict(weights)
seconds = time.monotonic() - begun
print(
    json.dumps(
        {
            "nats": validate(model, held_out),
            "precision": precision,
            "epochs": steps * LENGTH / length,
            "steps": steps,
            "seconds": seconds,
        }
    )
)
