"""One optimiser step, on every replica: the model, the optimiser and the carried state."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from charlm.backend import keras, seeded, tf
from charlm.config import TrainingConfig
from charlm.streams import Batch

BETA_2 = 0.98  #: of Adam: the squares of some fifty steps, as few runs have many


class Adam(keras.optimizers.Adam):
    """`keras.optimizers.Adam`: the same arguments, variables and results.

    It updates a variable in one operation of TensorFlow's, where Keras's own takes a dozen, each of which writes a new
    array as large as the variable. For float32, without `amsgrad`.
    """

    def update_step(self, gradient, variable, learning_rate):
        place, step = self._get_variable_index(variable), tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[place].value.handle,
            v=self._velocities[place].value.handle,
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


class StepResult(NamedTuple):
    """What a step tells."""

    nats: float  #: of the text's own characters, summed
    gradient_norm: float  #: before clipping


class Trainer:
    """All that changes in training, and the step that changes it.

    A batch is dealt to the replicas by rows. Each computes its gradient, divided by the tokens of the whole batch;
    their sum is clipped by its global norm and applied once.

    Args:
        strategy: where the replicas are.
        make_model: makes the model; called in the strategy's scope.
        config: learning rate, decay, clipping and seed.
        rows: the specs of a batch's rows, where their shapes vary: a step is then traced once for all of them, and a
            resumed run computes as an unbroken one did.
    """

    def __init__(
        self,
        strategy: "tf.distribute.Strategy",
        make_model: Callable[[], "keras.Model"],
        config: TrainingConfig,
        *,
        rows: dict[str, "tf.TensorSpec"] | None = None,
    ):
        self.strategy, self.config = strategy, config
        with seeded(config.seed), strategy.scope():
            self.model = make_model()
            # With weight decay that is AdamW (Loshchilov and Hutter 2019).
            self.optimizer = Adam(config.learning_rate, beta_2=BETA_2, weight_decay=config.weight_decay or None)
            self.optimizer.exclude_from_weight_decay(
                var_list=[
                    variable
                    for variable in self.model.trainable_variables
                    if len(variable.shape) < 2 or variable.name == "bias"  # a GRU's has two rows
                ]
            )
            self.optimizer.build(self.model.trainable_variables)
        self.model.optimizer = self.optimizer  # where Keras's callbacks look for it
        dealt = config.batch_size // strategy.num_replicas_in_sync
        self.state = tuple(
            self._deal(np.tile(part, (strategy.num_replicas_in_sync, 1))) for part in self.model.initial_state(dealt)
        )
        signature = None if rows is None else self._signature(rows)
        self._step = tf.function(self._strategy_step, input_signature=signature)
        self._traced: Callable[..., Any] | None = None

    def step(self, batch: Batch, step: int, learning_rate: float) -> StepResult:
        """Takes one optimiser step.

        Args:
            batch: of a stream, as NumPy arrays.
            step: its number; dropout's masks are made from it.
            learning_rate: of this step.
        """
        rows = {name: self._deal(value) for name, value in batch.rows.items()}
        scalars = (tf.constant(batch.tokens), tf.constant(step, tf.int32), tf.constant(learning_rate, tf.float32))
        if self._traced is None:  # called itself, as a `tf.function` looks for it anew, for a millisecond a step
            self._traced = self._step.get_concrete_function(rows, self.state, *scalars)
        nats, norm, self.state = self._traced(rows, self.state, *scalars)
        return StepResult(float(nats), float(norm))

    def _signature(self, rows):
        dealt = {name: self._deal_spec(spec) for name, spec in rows.items()}
        state = tuple(tf.type_spec_from_value(part) for part in self.state)
        return dealt, state, *(tf.TensorSpec((), kind) for kind in (tf.float32, tf.int32, tf.float32))

    def _deal_spec(self, spec):
        """Returns the spec of what `_deal` makes of an array."""
        count = self.strategy.num_replicas_in_sync
        whole = type(tf.type_spec_from_value(self._deal(np.zeros(count))))
        batch, *others = spec.shape
        part = tf.TensorSpec((batch and batch // count, *others), spec.dtype)
        return part if whole is tf.TensorSpec else whole(*[part] * count)

    def _strategy_step(self, rows, state, tokens, step, learning_rate):
        nats, gradients, state = self.strategy.run(self._replica_step, (rows, state, tokens, step))
        gradients = [self.strategy.reduce("SUM", gradient, axis=None) for gradient in gradients]
        gradients, norm = tf.clip_by_global_norm(gradients, self.config.clip_norm)
        self.optimizer.learning_rate.assign(learning_rate)
        # In this context, outside the replicas, Keras does not reduce the gradients again.
        self.optimizer.apply(gradients, self.model.trainable_variables)
        return self.strategy.reduce("SUM", nats, axis=None), norm, state

    def _replica_step(self, rows, state, tokens, step):
        state = tuple(tf.where(rows["reset"][:, None], tf.zeros_like(part), part) for part in state)
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = tf.random.fold_in(tf.stack([self.config.seed, step]), replica)
        with tf.GradientTape() as tape:
            loss, nats, state = self.model.training_loss(rows, state, seed=seed)
            loss /= tf.maximum(tokens, 1.0)  # a batch may hold nothing but `<bos>`
        variables = [variable.value for variable in self.model.trainable_variables]
        gradients = tape.gradient(loss, variables)
        return nats, [tf.convert_to_tensor(gradient) for gradient in gradients], state

    def _deal(self, value):
        """Splits an array by rows among the replicas."""
        count = self.strategy.num_replicas_in_sync
        rows = len(value) // count
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(value[context.replica_id_in_sync_group * rows :][:rows])
        )

    def _gather(self, value) -> np.ndarray:
        return np.concatenate([part.numpy() for part in self.strategy.experimental_local_results(value)])

    def weights(self) -> dict[str, np.ndarray]:
        """Returns the weights, by the names that they have in a bundle."""
        return {name: variable.numpy() for name, variable in self.model.named_variables().items()}

    def tensors(self) -> dict[str, np.ndarray]:
        """Returns everything that `restore` needs."""
        weights = {f"model/{name}": value for name, value in self.weights().items()}
        optimizer = {f"optimizer/{index}": variable.numpy() for index, variable in enumerate(self.optimizer.variables)}
        carried = {f"carried/{index}": self._gather(part) for index, part in enumerate(self.state)}
        return {**weights, **optimizer, **carried}

    def restore(self, tensors: dict[str, np.ndarray]) -> None:
        """Puts back what `tensors` gave."""
        for name, variable in self.model.named_variables().items():
            variable.assign(tensors[f"model/{name}"])
        for index, variable in enumerate(self.optimizer.variables):
            variable.assign(tensors[f"optimizer/{index}"])
        self.state = tuple(self._deal(tensors[f"carried/{index}"]) for index in range(len(self.state)))
