"""The forecaster in Keras: the recurrent stack on numbers, and quantiles of what follows."""

from collections.abc import Sequence

from charlm.backend import keras, tf
from charlm.config import ModelConfig
from charlm.layers.kernels import product
from charlm.layers.recurrent import RecurrentStack
from charlm.models.vocabulary_model import name_stack
from charlm.runtime.forecaster import QUANTILES


@keras.saving.register_keras_serializable("charlm")
class Forecaster(keras.Model):
    """Reads windows of a series `(B, S, C)`, of mean 0 and deviation 1, and gives quantiles `(B, K, C, Q)`.

    Without a decoder, the last state gives all the steps at once: those that follow, or those of the window itself.
    With one, it is the first state of other layers, which know how far they have come and nothing else. They rebuild a
    window from its end to its beginning (Srivastava et al. 2015): what was read last is what the state holds best.

    Args:
        columns: `C`.
        horizon: steps that follow, `K`; with `rebuild`, as many as are read.
        cells: each layer's cell: `lstm`, `gru` or `rnn`.
        units: width of each layer, `H`.
        decoder: whether there is one.
        rebuild: give what was read instead of what follows.
        dropout: share of the values zeroed between the layers and after the last.
        weight_drop: share of the recurrent kernels' weights zeroed in a call.
        precision: `float32`, or `bfloat16` for the matrix products with weights.
        mean, deviation: of the series as it was, `(C,)`; kept beside the weights.
        margin: by which the intervals are to be widened, `(C,)`, in deviations; the same.

    >>> model = Forecaster(2, horizon=3, cells=["gru"], units=4)
    >>> tuple(model(tf.zeros((5, 7, 2))).shape)
    (5, 3, 2, 3)
    """

    def __init__(
        self,
        columns: int,
        *,
        horizon: int = 1,
        cells: Sequence[str] = ("lstm",),
        units: int = 64,
        decoder: bool = False,
        rebuild: bool = False,
        dropout: float = 0.0,
        weight_drop: float = 0.0,
        precision: str = "float32",
        mean: Sequence[float] = (),
        deviation: Sequence[float] = (),
        margin: Sequence[float] = (),
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.columns, self.horizon, self.rebuild = columns, horizon, rebuild
        self.options = {"cells": list(cells), "units": units, "precision": precision}
        self.options |= {"dropout": dropout, "weight_drop": weight_drop}
        self.stack = RecurrentStack(**self.options, name="stack")
        self.decoder = RecurrentStack(**self.options, name="decoder") if decoder else None
        self.scale = {"mean": list(mean) or [0.0] * columns, "deviation": list(deviation) or [1.0] * columns}
        self.scale["margin"] = list(margin) or [0.0] * columns
        self.build(None)

    @classmethod
    def from_model_config(
        cls, config: ModelConfig, columns: int, *, precision: str = "float32", **scale: Sequence[float]
    ) -> "Forecaster":
        """Makes the model that a run's config describes."""
        named = ("horizon", "cells", "units", "decoder", "rebuild", "dropout", "weight_drop")
        return cls(columns, **{name: getattr(config, name) for name in named}, precision=precision, **scale)

    def build(self, input_shape):
        if self.built:
            return
        self.stack.build((None, None, self.columns))
        values = self.columns * len(QUANTILES) * (1 if self.decoder else self.horizon)
        if self.decoder:
            self.decoder.build((None, None, 1))
        self.output_kernel = self.add_weight(
            shape=(self.stack.units, values), initializer="glorot_uniform", name="output_kernel"
        )
        self.output_bias = self.add_weight(shape=(values,), initializer="zeros", name="output_bias")
        self.scales = {
            name: self.add_weight(
                shape=(self.columns,),
                initializer=lambda *_, numbers=numbers, **__: tf.constant(numbers, tf.float32),
                trainable=False,
                name=name,
            )
            for name, numbers in self.scale.items()
        }
        self.built = True

    def call(self, values, training=None, seed=None):
        seeds = [None, None] if seed is None else [tf.random.fold_in(seed, which) for which in range(2)]
        hidden, state = self.stack(values, training=training, seed=seeds[0])
        if self.decoder:
            progress = tf.range(1, self.horizon + 1, dtype=tf.float32) / self.horizon
            progress = tf.tile(progress[None, :, None], (tf.shape(values)[0], 1, 1))
            hidden, _ = self.decoder(progress, state=state, training=training, seed=seeds[1])
            hidden = hidden[:, ::-1] if self.rebuild else hidden
        else:
            hidden = hidden[:, -1]
        quantiles = product(hidden, self.output_kernel, self.stack.precision) + self.output_bias
        return tf.reshape(quantiles, (-1, self.horizon, self.columns, len(QUANTILES)))

    def initial_state(self, batch_size):
        """Returns nothing: windows are read one by one."""
        return ()

    def training_loss(self, batch, state, *, seed):
        """Computes what a training step needs of a batch of a stream.

        The loss of a quantile is Koenker and Bassett's (1978), as what an asymmetric Laplace density charges (Koenker
        and Machado 1999): in nats.

        Args:
            batch: a dictionary of `values` `(B, S, C)` and `targets` `(B, K, C)`.
            state: of `initial_state`.
            seed: int32 `(2,)`, makes the dropout masks.

        Returns:
            The summed loss of the targets, twice, and the state.
        """
        quantiles = self(batch["values"], training=True, seed=seed)
        shares = tf.constant(QUANTILES)
        over = batch["targets"][..., None] - quantiles
        nats = tf.maximum(shares * over, (shares - 1) * over) - tf.math.log(shares * (1 - shares))
        total = tf.reduce_sum(tf.reduce_mean(nats, -1))
        return total, total, state

    def named_variables(self) -> dict[str, "keras.Variable"]:
        """Returns the weights by the names that they have in a bundle."""
        named = {f"scale.{name}": variable for name, variable in self.scales.items()}
        for prefix, stack in (("layers", self.stack), ("decoder", self.decoder)):
            named |= name_stack(prefix, stack) if stack else {}
        return named | {"output.kernel": self.output_kernel, "output.bias": self.output_bias}

    def get_config(self):
        own = {name: getattr(self, name) for name in ("columns", "horizon", "rebuild")}
        return {**super().get_config(), **own, "decoder": self.decoder is not None, **self.options, **self.scale}
