"""Trains what the recipe takes for five minutes: prints the speed, and the share of the time spent waiting for data."""

import functools
import json
import sys
import time

from charlm import datasets, recipes
from charlm.backend import count_devices, has_bfloat16, measure_products, most_replicas, open_strategy
from charlm.config import Config
from charlm.corpus import prepare
from charlm.models.language_model import LanguageModel
from charlm.streams import Batch, contiguous
from charlm.trainer import Trainer

WARM_UP, STEPS = 50, 400

config = Config()
store = prepare(datasets.read_corpus([sys.argv[1]], config.reading), config.data)
precision = "bfloat16" if has_bfloat16() else "float32"
strategy = open_strategy(most_replicas(config.training.batch_size, count_devices()))
rows = config.training.batch_size // strategy.num_replicas_in_sync
config = recipes.recommend(
    config,
    (),
    ids=store.splits["train"].tokens,
    vocab_size=store.tokenizer.vocab_size,
    seconds=300,
    rate=functools.partial(measure_products, strategy, precision, rows),
)
training = config.training
trainer = Trainer(
    strategy,
    lambda: LanguageModel.from_model_config(config.model, store.tokenizer.vocab_size, precision=precision),
    training,
)
size = {"batch_size": training.batch_size, "length": training.sequence_length}
batches = contiguous(store, "train", **size).as_numpy_iterator()
waited = 0.0
for step in range(WARM_UP + STEPS):
    if step == WARM_UP:
        begun, waited = time.perf_counter(), 0.0
    before = time.perf_counter()
    batch = Batch(*next(batches))
    waited += time.perf_counter() - before
    trainer.step(batch, step, training.learning_rate)
seconds = time.perf_counter() - begun
characters = STEPS * training.batch_size * training.sequence_length
print(json.dumps({"characters_per_second": characters / seconds, "waiting": waited / seconds}))
