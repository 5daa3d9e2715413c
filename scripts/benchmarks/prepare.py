"""Prepares a text's token store, encodes and decodes: prints megabytes a second, and the peak of anonymous memory."""

import json
import re
import sys
import threading
import time
from pathlib import Path

from charlm import datasets
from charlm.config import Config
from charlm.corpus import prepare

path = Path(sys.argv[1])
peak, done = 0.0, threading.Event()


def watch() -> None:
    global peak
    file = Path("/proc/self/status")
    while file.exists() and not done.wait(0.02):  # Linux alone has it
        status = file.read_text()
        peak = max(peak, int(re.search(r"RssAnon:\s+(\d+)", status)[1]) / 1e3)


watcher = threading.Thread(target=watch, daemon=True)
watcher.start()
begun = time.perf_counter()
config = Config()
store = prepare(datasets.read_corpus([str(path)], config.reading), config.data)
prepared = time.perf_counter() - begun
done.set()
watcher.join()

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
    "memory": peak,
}
print(json.dumps(answer))
