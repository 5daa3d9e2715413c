"""Prepares a text's token store, encodes and decodes: prints megabytes a second, and the peak of anonymous memory."""

import json
import sys
import time
from pathlib import Path

from memory import Watch

from charlm import datasets
from charlm.config import Config
from charlm.corpus import prepare

path, config = Path(sys.argv[1]), Config()
with Watch() as memory:
    begun = time.perf_counter()
    store = prepare(datasets.read_corpus([str(path)], config.reading), config.data)
    prepared = time.perf_counter() - begun

megabytes = path.stat().st_size / 1e6
with path.open(encoding="utf-8") as file:
    text = file.read(20_000_000)
size = len(text.encode()) / 1e6
begun = time.perf_counter()
ids = store.tokenizer.encode(text)
encoded = time.perf_counter()
assert store.tokenizer.decode(ids) == text
decoded = time.perf_counter()
answer = {
    "encode": size / (encoded - begun),
    "decode": size / (decoded - encoded),
    "prepare": megabytes / prepared,
    "memory": memory.megabytes,
}
print(json.dumps(answer))
