"""One table of models, and every contract that each of them keeps."""

import dataclasses

import numpy as np
import pytest
from gradients import assert_gradients_agree
from models import (
    IDS,
    MODELS,
    SIZES,
    SOURCE,
    VOCAB_SIZE,
    batch_of,
    engine_of,
    expected_shapes,
    inputs_of,
    make,
    outputs_of,
)

from charlm.backend import keras, tf
from charlm.errors import BundleError, ConfigError
from charlm.layers.attention import Attention
from charlm.layers.bidirectional import BidirectionalStack
from charlm.layers.kernels import _take_rows
from charlm.layers.recurrent import GRU, LSTM, RecurrentStack, SimpleRNN, Stacked
from charlm.models import vocabulary_model
from charlm.models.vocabulary_model import cross_entropy
from charlm.sampling import log_softmax
from charlm.tokenizer import BOS, EOS, PAD, UNK

DECODERS = [name for name, config in MODELS.items() if config.task in ("language", "translate", "autoencode")]
OTHERS = [name for name in MODELS if name not in DECODERS]


def begin(reader, source=SOURCE):
    """Returns the state in which a model or engine starts to read or write."""
    return reader.encode(source) if hasattr(reader, "encode") else reader.initial_state(len(source))


def own_state(state):
    """Leaves out what a translator's state holds of the source: arrays of three dimensions, and masks."""
    return [part for part in state if len(part.shape) == 2 and part.dtype in (np.float32, tf.float32)]


@pytest.fixture(scope="module")
def made():
    """The models that were asked for so far."""
    return {}


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


@pytest.fixture
def config(name):
    return MODELS[name]


@pytest.fixture
def model(name, made):
    if name not in made:
        made[name] = make(MODELS[name])
    return made[name]


@pytest.fixture
def ids():
    return np.random.default_rng(1).integers(0, VOCAB_SIZE, (3, 11)).astype(np.int32)


def test_numpy_computes_what_tensorflow_does(model, config):
    found = outputs_of(engine_of(model, config), config)
    assert np.abs(found - model(inputs_of(config)).numpy()).max() < 1e-4


def test_every_weight_has_a_name_and_the_shape_that_the_runtime_expects(model, config):
    named, expected = model.named_variables(), expected_shapes(config)
    assert {name: tuple(variable.shape) for name, variable in named.items()} == expected
    assert {id(variable) for variable in named.values()} >= set(map(id, model.trainable_variables))
    assert model.count_params() == sum(int(np.prod(shape)) for shape in expected.values())
    tensors = {name: np.zeros(shape, np.float32) for name, shape in expected.items()}
    first = next(iter(expected))
    wrong = {
        "is missing": {n: t for n, t in tensors.items() if n != first},
        "does not have": tensors | {"x": tensors[first]},
    }
    wrong["must be float32"] = tensors | {first: np.zeros(1, np.float32)}
    for message, some in wrong.items():
        with pytest.raises(BundleError, match=message):
            type(engine_of(model, config))(config, *SIZES[config.task], some)


def test_a_model_is_made_again_from_its_config(model, config):
    again = type(model).from_config(model.get_config())
    again.set_weights(model.get_weights())
    assert np.array_equal(again(inputs_of(config)).numpy(), model(inputs_of(config)).numpy())
    summary = []
    again.summary(print_fn=summary.append)
    assert f"{model.count_params():,}" in "".join(summary)


def test_dropout_is_a_function_of_the_seed(model, config):
    batch, state = batch_of(config), model.initial_state(3)
    one, again, other = (
        float(model.training_loss(batch, state, seed=tf.constant(seed))[0]) for seed in ([0, 1], [0, 1], [0, 2])
    )
    assert one == again
    assert (one == other) == (config.dropout == config.weight_drop == 0)
    inputs = inputs_of(config)
    assert np.array_equal(model(inputs, training=False).numpy(), model(inputs).numpy())


SEVERAL_STACKS = ["general", "bidirectional", "classifier, both ways", "forecaster with a decoder"]


@pytest.mark.parametrize("part", ["dropout", "weight_drop"])
@pytest.mark.parametrize("name", SEVERAL_STACKS)
def test_every_stack_drops_its_share(config, part):
    model = make(dataclasses.replace(config, dropout=0.0, weight_drop=0.0))
    stacks = [layer for layer in model._flatten_layers() if isinstance(layer, Stacked)]
    batch, state = batch_of(config), model.initial_state(3)
    for stack in stacks:
        losses = set()
        for share, seed in ((0.0, 1), (0.5, 1), (0.5, 2)):
            setattr(stack, part, share)
            losses.add(float(model.training_loss(batch, state, seed=tf.constant([0, seed]))[0]))
        setattr(stack, part, 0.0)
        assert len(losses) == 3
    assert len(stacks) >= (1 if config.task == "classify" else 2)


@pytest.mark.parametrize("name", [*SEVERAL_STACKS, "mogrified", "tied", "additive", "classifier", "forecaster"])
def test_all_products_with_weights_are_in_bfloat16(config):
    config = dataclasses.replace(config, dropout=0.0, weight_drop=0.0)
    inputs, rounded = inputs_of(config), make(config, precision="bfloat16")
    exact, found = make(config)(inputs).numpy(), rounded(inputs).numpy()
    assert 0 < np.linalg.norm(found - exact) < 0.03 * np.linalg.norm(exact) and found.dtype == np.float32
    graph = tf.function(lambda: rounded(inputs)).get_concrete_function().graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    assert {node.attr["T"].type for node in nodes if node.op == "MatMul"} == {tf.bfloat16.as_datatype_enum}


@pytest.mark.parametrize("name", OTHERS)
def test_gradients_of_the_loss_agree_with_finite_differences(model, config):
    batch, state = batch_of(config), tuple(map(tf.zeros_like, model.initial_state(3)))
    size = batch["targets"].size

    def loss():
        # With other seeds two time steps of a classifier vie to be the largest, and the loss has a kink there.
        return model.training_loss(batch, state, seed=tf.constant([0, 3]))[0] / size

    assert_gradients_agree(loss, model.trainable_variables)


@pytest.mark.parametrize("name", DECODERS)
def test_numpy_carries_the_state_that_tensorflow_does(model, config, ids):
    engine = engine_of(model, config)
    logits, state = engine.unroll(ids, begin(engine))
    expected, expected_state = model.unroll(ids, begin(model))
    assert np.abs(logits - expected.numpy()).max() < 1e-4
    for part, expected_part in zip(own_state(state), own_state(expected_state), strict=True):
        assert np.abs(part - expected_part.numpy()).max() < 1e-4


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("side", ["numpy", "tensorflow"])
def test_step_agrees_with_unroll(model, config, ids, side):
    reader = model if side == "tensorflow" else engine_of(model, config)
    logits, state = reader.unroll(ids, begin(reader))
    steps, current = [], begin(reader)
    for t in range(ids.shape[1]):
        one, current = reader.unroll(ids[:, t : t + 1], current)
        steps.append(np.asarray(one)[:, 0])
    assert np.abs(np.stack(steps, axis=1) - np.asarray(logits)).max() < 1e-5
    for part, other in zip(own_state(state), own_state(current), strict=True):
        assert np.abs(np.asarray(part) - np.asarray(other)).max() < 1e-5


@pytest.mark.parametrize("name", DECODERS)
def test_the_engines_step_is_its_unroll(model, config, ids):
    engine = engine_of(model, config)
    one, state = engine.step(ids[:, 0], begin(engine))
    many, expected = engine.unroll(ids[:, :1], begin(engine))
    assert np.abs(one - many[:, 0]).max() < 1e-6
    assert all(np.abs(a - b).max() < 1e-6 for a, b in zip(own_state(state), own_state(expected), strict=True))


@pytest.mark.parametrize("name", DECODERS)
def test_rows_do_not_see_each_other(model, config, ids):
    engine = engine_of(model, config)
    together, _ = engine.unroll(ids, begin(engine))
    for row in range(3):
        source = SOURCE[row : row + 1, : (SOURCE[row] != PAD).sum()]  # alone, nothing is filled up
        alone, _ = engine.unroll(ids[row : row + 1], begin(engine, source))
        assert np.abs(together[row] - alone[0]).max() < 1e-5


@pytest.mark.parametrize("name", DECODERS)
def test_the_future_does_not_leak(model, config, ids):
    before = model(inputs_of(config, ids)).numpy()
    for t in range(ids.shape[1]):
        changed = ids.copy()
        changed[:, t] = (changed[:, t] + 1) % VOCAB_SIZE
        after = model(inputs_of(config, changed)).numpy()
        assert np.array_equal(before[:, :t], after[:, :t])
        assert not np.array_equal(before[:, t:], after[:, t:])


@pytest.mark.parametrize("name", DECODERS)
def test_gradients_agree_with_finite_differences(model, ids):
    targets = np.roll(ids, -1, axis=1)
    rng = np.random.default_rng(2)
    carried = tuple(tf.constant(rng.normal(0, 0.3, (3, 8)).astype("f")) for _ in model.initial_state(3))

    def loss():
        logits, after = model.unroll(ids, carried or begin(model))
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
        # The state after counts too, so that its gradient is checked.
        return tf.cast(tf.reduce_mean(nats), tf.float64) + sum(
            tf.reduce_mean(tf.cast(part, tf.float64) ** 2) for part in own_state(after)
        )

    assert_gradients_agree(loss, model.trainable_variables)


@pytest.mark.parametrize("name", ["mixed", "tied", "mogrified", "heads", "no attention", "bidirectional"])
def test_a_model_trains_as_any_keras_model(config, ids):
    model, targets = make(config), ids if config.task == "bidirectional" else np.roll(ids, -1, axis=1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss, jit_compile=False)
    inputs = inputs_of(config, ids)
    losses = model.fit(inputs, targets, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ["lstm", "general", "autoencoder"])
def test_the_loss_is_of_weighted_targets_and_told_of_characters(config):
    share = 0.0 if config.task == "language" else 0.1
    config = dataclasses.replace(config, label_smoothing=share)
    model, batch, targets = make(config), batch_of(config), IDS.copy()
    targets[0, :4] = PAD, UNK, BOS, EOS
    batch |= {"targets": targets, "weights": (~np.isin(targets, (PAD, BOS))).astype("f")}
    logs = log_softmax(model(inputs_of(config, batch["inputs"])).numpy())
    nats = -np.take_along_axis(logs, targets[..., None], 2)[..., 0]
    loss, told, _ = model.training_loss(batch, model.initial_state(3), seed=tf.constant([0, 1]))
    smoothed = (1 - share) * nats - share * logs.mean(-1)
    assert float(loss) == pytest.approx((smoothed * batch["weights"]).sum(), rel=1e-4)
    assert float(told) == pytest.approx(nats[(targets > EOS) | (targets == UNK)].sum(), rel=1e-4)


@pytest.mark.parametrize("name", ["lstm", "bidirectional"])
def test_a_loss_of_pieces_of_the_logits_is_that_of_all(model, config, monkeypatch):
    sizes, results = [], []
    monkeypatch.setattr(vocabulary_model, "cross_entropy", lambda *args: sizes.append(args[0].shape[1]) or price(*args))
    price = cross_entropy
    for piece in (1, 2**24):
        monkeypatch.setattr(vocabulary_model, "_PIECE_BYTES", piece)
        with tf.GradientTape() as tape:
            result = model.training_loss(batch_of(config), model.initial_state(3), seed=tf.constant([0, 1]))
        gradients = tape.gradient(result[0], [variable.value for variable in model.trainable_variables])
        results.append([*result[:2], *map(tf.convert_to_tensor, gradients)])
    assert len(set(sizes)) > 2 and max(sizes) == IDS.shape[1]  # pieces that are not all equal, and one
    for pieced, whole in zip(*results, strict=True):
        assert np.allclose(pieced, whole, rtol=1e-4, atol=1e-5)


LAYERS = {"lstm": (LSTM, keras.layers.LSTM), "gru": (GRU, keras.layers.GRU), "rnn": (SimpleRNN, keras.layers.SimpleRNN)}
MASKS = {"no mask": None, "mask": np.arange(8) < np.array([[8], [4], [1]])}  # two turns of the loop of four steps


@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("units", [6, 512], ids=["narrow", "wide"])  # the products of the wide have more columns
@pytest.mark.parametrize("cell", LAYERS)
def test_our_layers_are_keras(cell, units, mask, backwards):
    options = {"return_sequences": True, "return_state": True, "go_backwards": backwards}
    ours, theirs = (layer(units, **options) for layer in LAYERS[cell])
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(3, 8, 4)).astype("f"))
    ours.build(x.shape), theirs.build(x.shape)
    theirs.set_weights([rng.normal(0, units**-0.5, w.shape) for w in theirs.get_weights()])
    ours.set_weights(theirs.get_weights())
    state = [tf.constant(rng.normal(size=(3, units)).astype("f")) for _ in keras.tree.flatten(theirs.cell.state_size)]
    # What stands where nothing was read yet is no result: Keras gives zeros there, the scan the state it was given.
    read = np.ones((3, 8), bool) if MASKS[mask] is None else MASKS[mask][:, :: -1 if backwards else 1]
    results = []
    for layer in (ours, theirs):
        with tf.GradientTape() as tape:
            tape.watch([x, *state])
            sequence, *after = layer(x, initial_state=state, mask=MASKS[mask])
            outputs = [tf.where(read[..., None], sequence, 0.0), *after]
            loss = sum(tf.reduce_sum(tf.sin(3 * part)) for part in outputs)
        gradients = tape.gradient(loss, [x, *state, *(v.value for v in layer.trainable_variables)])
        results.append([part.numpy() for part in [*outputs, *gradients]])
    for our, their in zip(*results, strict=True):
        assert np.abs(our - their).max() < 1e-5 * max(1, np.abs(their).max())


@pytest.mark.parametrize("kind", [RecurrentStack, BidirectionalStack])
@pytest.mark.parametrize("cell", LAYERS)
def test_padding_does_not_leak(cell, kind):
    stack = kind([cell, cell], 6)
    x = np.random.default_rng(0).normal(size=(2, 7, 3)).astype("f")
    mask = np.arange(7) < np.array([[7], [3]])
    results = []
    for padding in (0.0, np.nan):
        padded = tf.constant(np.where(mask[..., None], x, padding).astype("f"))
        with tf.GradientTape() as tape:
            outputs, state = stack(padded, mask=tf.constant(mask))
            loss = tf.reduce_sum(tf.where(mask[..., None], outputs, 0.0)) + sum(map(tf.reduce_sum, state))
        gradients = tape.gradient(loss, [variable.value for variable in stack.trainable_variables])
        results.append([outputs.numpy(), *(part.numpy() for part in (*state, *gradients))])
    for clean, poisoned in zip(*results, strict=True):
        assert np.array_equal(clean, poisoned)
        assert np.isfinite(poisoned).all()
    short, state = stack(tf.constant(x[1:, :3]))
    assert np.abs(results[0][0][1, :3] - short.numpy()[0]).max() < 1e-6
    assert all(
        np.abs(part[1] - other.numpy()[0]).max() < 1e-6 for part, other in zip(results[0][1:], state, strict=False)
    )


@pytest.mark.parametrize("cell", LAYERS)
def test_rows_of_a_table_are_read_as_if_they_were_gathered(cell, ids):
    stack = RecurrentStack([cell, cell], 5)
    table = tf.constant(np.random.default_rng(0).normal(size=(VOCAB_SIZE, 4)).astype("f"))
    results = []
    for x, rows in ((table, ids), (tf.gather(table, ids), None)):
        stack(x, ids=rows)
        with tf.GradientTape() as tape:
            outputs, state = stack(x, ids=rows)
            loss = tf.reduce_sum(tf.sin(outputs)) + sum(map(tf.reduce_sum, state))
        gradients = tape.gradient(loss, [variable.value for variable in stack.trainable_variables])
        results.append([part.numpy() for part in (outputs, *state, *gradients)])
    for quick, plain in zip(*results, strict=True):
        assert np.abs(quick - plain).max() < 1e-5 * max(1, np.abs(plain).max())


def test_the_gradient_of_a_table_in_bfloat16_is_added_up_in_float32():
    table, ids = tf.ones((2, 3), tf.bfloat16), tf.zeros((8, 125), tf.int32)
    with tf.GradientTape() as tape:
        tape.watch(table)
        read = _take_rows(table, ids)
    gradient = tape.gradient(read, table)  # in bfloat16, 256 + 1 is 256
    assert gradient.dtype == tf.bfloat16 and np.array_equal(tf.cast(gradient, tf.float32), [[1000] * 3, [0] * 3])


@pytest.mark.parametrize("spread", [1.0, 1000.0])
def test_cross_entropy_is_tensorflows(spread):
    rng = np.random.default_rng(0)
    logits = tf.constant(rng.normal(0, spread, (3, 4, 9)).astype("f"))
    targets = tf.constant(rng.integers(9, size=(3, 4)), tf.int32)
    results = []
    for function in (cross_entropy, tf.nn.sparse_softmax_cross_entropy_with_logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            nats = function(targets, logits)
        results.append((nats, tape.gradient(nats, logits)))
    for ours, theirs in zip(*results, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-5, atol=1e-6) and ours.shape == theirs.shape


@pytest.mark.parametrize("kind", [RecurrentStack, BidirectionalStack])
@pytest.mark.parametrize("cell", LAYERS)
def test_bfloat16_products_stay_within_their_rounding(cell, kind):
    rng = np.random.default_rng(0)
    table = tf.constant(rng.normal(size=(VOCAB_SIZE, 32)).astype("f"))
    ids = tf.constant(rng.integers(VOCAB_SIZE, size=(64, 30)), tf.int32)
    mask = np.arange(30) < rng.integers(1, 31, size=(64, 1))
    results = []
    for precision in ("float32", "bfloat16"):
        keras.utils.set_random_seed(0)
        stack = kind([cell, cell], 32, precision=precision)
        stack(table, ids=ids, mask=mask)
        with tf.GradientTape() as tape:
            outputs, state = stack(table, ids=ids, mask=mask)
            loss = tf.reduce_sum(tf.sin(outputs)) + sum(map(tf.reduce_sum, state))
        gradients = tape.gradient(loss, [variable.value for variable in stack.trainable_variables])
        results.append([part.numpy() for part in (outputs, *state, *gradients)])
    for exact, rounded in zip(*results, strict=True):
        assert exact.dtype == rounded.dtype == np.float32
        assert 0 < np.linalg.norm(rounded - exact) < 0.03 * np.linalg.norm(exact)


def test_options_that_the_scan_does_not_have_run_as_keras_wrote_them():
    ours, theirs = (
        layer(4, activation="relu", recurrent_activation="hard_sigmoid", use_bias=False) for layer in LAYERS["lstm"]
    )
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("f")
    ours.build(x.shape), theirs.build(x.shape)
    theirs.set_weights(ours.get_weights())
    assert np.abs(ours(x).numpy() - theirs(x).numpy()).max() < 1e-6


@pytest.mark.parametrize("stack", [RecurrentStack, BidirectionalStack])
def test_a_stack_names_its_cells(stack):
    with pytest.raises(ConfigError, match="`cells` must name one or more of lstm, gru, rnn"):
        stack(["lstm", "elman"], 4)


TRANSLATORS = [name for name in DECODERS if MODELS[name].task != "language"]


@pytest.mark.parametrize("kind", ["additive", "dot", "general", "scaled"])
def test_attention_looks_at_nothing_under_the_mask(kind):
    layer = Attention(kind, 6, heads=2)
    rng = np.random.default_rng(0)
    queries, memory = (tf.constant(rng.normal(size=(2, length, 6)).astype("f")) for length in (3, 5))
    mask = np.arange(5) < np.array([[5], [2]])
    results = []
    for padding in (0.0, np.nan):
        padded = tf.where(mask[..., None], memory, padding)
        with tf.GradientTape() as tape:
            tape.watch(queries)
            outputs, weights = layer(queries, padded, tf.constant(mask))
            loss = tf.reduce_sum(tf.sin(3 * outputs))
        gradients = tape.gradient(loss, [queries, *(variable.value for variable in layer.trainable_variables)])
        results.append([part.numpy() for part in (outputs, weights, *gradients)])
    for clean, poisoned in zip(*results, strict=True):
        assert np.array_equal(clean, poisoned)
        assert np.isfinite(poisoned).all()
    assert np.all(results[0][1][1, :, :, 2:] == 0)


@pytest.mark.parametrize("name", TRANSLATORS)
def test_the_engine_looks_at_nothing_under_the_mask(model, config, ids, monkeypatch):
    """What the encoder gives there is poisoned: a memory times a weight of 0 would still be no number."""
    engine = engine_of(model, config)
    expected, _ = engine.unroll(ids, engine.encode(SOURCE))
    read = engine._encoder.read

    def poisoned(source, mask):
        outputs, state = read(source, mask)
        return np.where(mask[:, :, None], outputs, np.nan), state

    monkeypatch.setattr(engine._encoder, "read", poisoned)
    assert np.array_equal(engine.unroll(ids, engine.encode(SOURCE))[0], expected)


@pytest.mark.parametrize("name", TRANSLATORS)
def test_the_source_reaches_every_output(name):
    model = make(MODELS[name])
    ids = np.full((3, 4), 5, np.int32)
    before = model((SOURCE, ids)).numpy()
    for place in range(3):
        changed = SOURCE.copy()
        changed[0, place] = 10
        after = model((changed, ids)).numpy()
        difference = np.abs(after - before).max(axis=-1)  # (3, 4)
        assert np.all(difference[0] > 1e-6)
        assert np.all(difference[1:] < 1e-6)  # products of another number of rows round otherwise
