"""Stock Keras, measured, as its users would write it: `keras.layers`, and a `tf.function` around a step.

Without XLA: with `jit_compile=True`, in turns, two float32 layers were 0.81 (LSTM of 128), 1.18 (256), 0.97 (512) and
0.73 (GRU of 512) times as quick (medians of three bursts), and XLA computes bfloat16 products as float32.
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
from worker import VOCABULARY, burst, serve

CELLS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


class Model(keras.Model):
    def __init__(self, cell, layers, units):
        super().__init__()
        self.embed = keras.layers.Embedding(VOCABULARY, units)
        self.stack = [CELLS[cell](units, return_sequences=True, return_state=True) for _ in range(layers)]
        self.out = keras.layers.Dense(VOCABULARY, dtype="float32")

    def call(self, ids, states):
        x, after = self.embed(ids), []
        for layer, state in zip(self.stack, states, strict=True):
            x, *state = layer(x, initial_state=state)
            after.append(state)
        return self.out(x), after

    def initial_state(self, rows):
        return [keras.tree.flatten(layer.get_initial_state(rows)) for layer in self.stack]


def open_training(case):
    keras.config.set_dtype_policy({"float32": "float32", "bfloat16": "mixed_bfloat16"}[case["precision"]])
    rows, length = case["batch"], case["length"]
    model = Model(case["cell"], case["layers"], case["units"])
    optimizer = keras.optimizers.Adam(1e-3, global_clipnorm=1.0)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    ids = tf.constant(np.random.default_rng(0).integers(VOCABULARY, size=(rows, length + 1)), tf.int32)

    @tf.function
    def train_step(inputs, targets, states):
        with tf.GradientTape() as tape:
            logits, states = model(inputs, states)
            loss = loss_of(targets, logits)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss, states

    states = model.initial_state(rows)
    model(ids[:, :-1], states)
    optimizer.build(model.trainable_variables)

    def step():
        nonlocal states
        loss, states = train_step(ids[:, :-1], ids[:, 1:], states)
        float(loss)
        return rows * length

    for _ in range(2):
        step()
    return burst(step)


def open_sampling(case):
    keras.config.set_dtype_policy("float32")
    model = Model(case["cell"], case["layers"], case["units"])
    states = model.initial_state(case["streams"])
    ids = tf.zeros((case["streams"], 1), tf.int32)

    @tf.function
    def next_ids(ids, states):
        logits, states = model(ids, states)
        return tf.random.categorical(logits[:, -1], 1, dtype=tf.int32), states

    def step():
        nonlocal ids, states
        for _ in range(case["length"]):
            ids, states = next_ids(ids, states)
            ids.numpy()
        return case["streams"] * case["length"]

    step()
    return burst(step)


if __name__ == "__main__":
    serve({"training": open_training, "sampling": open_sampling})
