"""PyTorch's side of the translators' race: torch_translator.py PAIRS.json MINUTES.

A GRU encoder in both directions and a GRU decoder with additive attention that feeds its context back in, a step at a
time, as PyTorch's own tutorial teaches it; in batches of like length, with packed sources, Adam, clipping, dropout and
teacher forcing. After its minutes it translates the validation sources one by one, greedily, as the tutorial does.
"""

import json
import random
import sys
import time
from pathlib import Path

import torch
from torch import nn

UNITS, DROPOUT, RATE, TOKENS = 256, 0.1, 1e-3, 4096
PAD, BOS, EOS = 0, 2, 3

begun = time.monotonic()
pairs_path, minutes = Path(sys.argv[1]), float(sys.argv[2])
deadline = begun + 60 * minutes
data = json.loads(pairs_path.read_text(encoding="utf-8"))
torch.manual_seed(0)
random.seed(0)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(data["source_vocab_size"], UNITS)
        self.dropout = nn.Dropout(DROPOUT)
        self.gru = nn.GRU(UNITS, UNITS // 2, batch_first=True, bidirectional=True)

    def forward(self, source, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(
            self.dropout(self.embedding(source)), lengths, batch_first=True, enforce_sorted=False
        )
        outputs, last = self.gru(packed)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
        return outputs, torch.cat([last[0], last[1]], dim=1)[None]


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.score = nn.Linear(UNITS, UNITS), nn.Linear(UNITS, UNITS), nn.Linear(UNITS, 1)

    def forward(self, query, outputs, mask):
        scores = self.score(torch.tanh(self.query(query) + self.key(outputs))).squeeze(2)
        weights = torch.softmax(scores.masked_fill(~mask, float("-inf")), dim=1)
        return torch.bmm(weights[:, None], outputs)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(data["vocab_size"], UNITS)
        self.dropout = nn.Dropout(DROPOUT)
        self.attention = Attention()
        self.gru = nn.GRU(2 * UNITS, UNITS, batch_first=True)
        self.out = nn.Linear(UNITS, data["vocab_size"])

    def step(self, ids, hidden, outputs, mask):
        context = self.attention(hidden[0][:, None], outputs, mask)
        output, hidden = self.gru(torch.cat([self.dropout(self.embedding(ids)), context], dim=2), hidden)
        return self.out(output), hidden

    def forward(self, inputs, hidden, outputs, mask):
        logits = []
        for t in range(inputs.shape[1]):
            one, hidden = self.step(inputs[:, t : t + 1], hidden, outputs, mask)
            logits.append(one)
        return torch.cat(logits, dim=1)


def batches():
    """Yields batches of like length within a budget of ids, in a random order, for ever."""
    while True:
        order = sorted(data["train"], key=lambda pair: (len(pair[1]) // 4, random.random()))
        groups, group, widest = [], [], 0
        for pair in order:
            widest = max(widest, len(pair[0]) + len(pair[1]) + 2)
            if group and (len(group) + 1) * widest > TOKENS:
                groups.append(group)
                group, widest = [], len(pair[0]) + len(pair[1]) + 2
            group.append(pair)
        random.shuffle(groups)
        yield from groups


def pad(rows):
    return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)


encoder, decoder = Encoder(), Decoder()
weights = [*encoder.parameters(), *decoder.parameters()]
optimizer = torch.optim.Adam(weights, RATE)
steps = 0
for group in batches():
    if time.monotonic() > deadline:
        break
    source, targets = pad([pair[0] + [EOS] for pair in group]), pad([pair[1] + [EOS] for pair in group])
    outputs, hidden = encoder(source, torch.tensor([len(pair[0]) + 1 for pair in group]))
    inputs = torch.cat([torch.full((len(group), 1), BOS), targets[:, :-1]], dim=1)
    logits = decoder(inputs, hidden, outputs, source[:, : outputs.shape[1]] != PAD)
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(weights, 1.0)
    optimizer.step()
    steps += 1

encoder.eval(), decoder.eval()
before, written = time.monotonic(), []
with torch.inference_mode():
    for source in data["validation"]:
        outputs, hidden = encoder(torch.tensor([source + [EOS]]), torch.tensor([len(source) + 1]))
        mask, ids, text = torch.ones(outputs.shape[:2], dtype=torch.bool), torch.tensor([[BOS]]), []
        while len(text) < data["max_length"]:
            logits, hidden = decoder.step(ids, hidden, outputs, mask)
            ids = logits.argmax(dim=2)
            if int(ids) == EOS:
                break
            text.append(int(ids))
        written.append(text)
print(json.dumps({"translations": written, "steps": steps, "seconds": time.monotonic() - before}))
