"""What all tests share: a cache of their own, and a small trained run."""

import json

import hypothesis
import numpy as np
import pytest

from charlm.backend import tf

hypothesis.settings.register_profile("whatever the machine", deadline=None)
hypothesis.settings.load_profile("whatever the machine")

# Enough devices for every number of replicas that a test asks for; it must be settled before TensorFlow starts.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration() for _ in range(4)]
)
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(2)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Keeps the user's cache out of the tests, and a proxy out of the way to a server of their own."""
    patch = pytest.MonkeyPatch()
    patch.setenv("CHARLM_CACHE", str(tmp_path_factory.mktemp("cache")))
    for name in ("no_proxy", "NO_PROXY"):
        patch.setenv(name, "127.0.0.1")
    # As many replicas, and the same precision, on every machine: else its losses would be others.
    patch.setattr("charlm.training.count_devices", lambda: 2)
    patch.setattr("charlm.training.has_bfloat16", lambda: False)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def text():
    """A little English of our own, with a few characters beyond ASCII."""
    sentence = "The café by the sea serves fresh bread; the baker’s cat sleeps in the warm window all day long.\n"
    rng = np.random.default_rng(0)
    words = sentence.split()
    return "".join(" ".join(rng.permutation(words)) + "\n" for _ in range(60))


@pytest.fixture(scope="session")
def text_file(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "café.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def settings():
    """Enough training to have a run, in a second."""
    return {
        "cell": "lstm,gru",
        "units": 16,
        "mogrify": True,
        "batch_size": 4,
        "sequence_length": 16,
        "steps": 60,
        "evaluate_every": 30,
        "dropout": 0.1,
        "split": "80/20",
    }


@pytest.fixture(scope="session")
def trained(text_file, settings, tmp_path_factory):
    """A trained run; tests must not change its folder."""
    import charlm

    return charlm.train(text_file, tmp_path_factory.mktemp("runs") / "small", **settings)


@pytest.fixture(scope="session")
def pairs():
    """Short strings of a few letters, and the same backwards."""
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdé"), size=length)) for length in rng.integers(1, 9, 300)]
    return [(word, word[::-1].upper()) for word in words]


@pytest.fixture(scope="session")
def pairs_file(pairs, tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def translation_settings():
    """Enough training to have a translator, in a few seconds."""
    return {
        "task": "translate",
        "cell": "lstm,gru",
        "units": 16,
        "batch_size": 8,
        "sequence_length": 32,
        "steps": 60,
        "evaluate_every": 30,
        "dropout": 0.1,
        "split": "80/20",
        "max_length": 12,
    }


@pytest.fixture(scope="session")
def translator(pairs_file, translation_settings, tmp_path_factory):
    """A trained translator; tests must not change its folder."""
    import charlm

    return charlm.train(pairs_file, tmp_path_factory.mktemp("runs") / "translator", **translation_settings)


@pytest.fixture
def copied(trained, tmp_path):
    """A copy of the trained run's bundle that a test may damage."""
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_bytes((trained.folder / name).read_bytes())
    return tmp_path


def read_log(folder):
    """Returns the lines of a run's log."""
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
