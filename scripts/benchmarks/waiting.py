"""Trains one layer of 512 units: prints the speed, the time spent waiting for data, and the peak of memory."""

import json
import sys
import time

from memory import Watch

from charlm import datasets
from charlm.backend import count_devices, has_bfloat16, most_replicas, open_strategy
from charlm.config import Config, ModelConfig
from charlm.corpus import prepare
from charlm.models.language_model import LanguageModel
from charlm.streams import Batch, contiguous
from charlm.trainer import Trainer

UNITS = 512  #: as the recipe takes on two cores for two to five minutes
WARM_UP, STEPS = 50, 400

config = Config(model=ModelConfig(units=UNITS))
store = prepare(datasets.read_corpus([sys.argv[1]], config.reading), config.data)
precision, training = "bfloat16" if has_bfloat16() else "float32", config.training
trainer = Trainer(
    open_strategy(most_replicas(training.batch_size, count_devices())),
    lambda: LanguageModel.from_model_config(config.model, store.tokenizer.vocab_size, precision=precision),
    training,
)
size = {"batch_size": training.batch_size, "length": training.sequence_length}
batches = contiguous(store, "train", **size).as_numpy_iterator()
waited = 0.0
with Watch() as memory:
    for step in range(WARM_UP + STEPS):
        if step == WARM_UP:
            begun, waited = time.perf_counter(), 0.0
        before = time.perf_counter()
        batch = Batch(*next(batches))
        waited += time.perf_counter() - before
        trainer.step(batch, step, training.learning_rate)
    seconds = time.perf_counter() - begun
characters = STEPS * training.batch_size * training.sequence_length
answer = {
    "characters_per_second": characters / seconds,
    "waiting": waited / seconds,
    "memory": memory.megabytes,
}
print(json.dumps(answer))
