import json
import struct

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import charlm
from charlm import bundle
from charlm.errors import BundleError


def test_a_bundle_reads_back(copied, trained):
    again = charlm.load(copied)
    assert again.config == trained.config
    ids = np.array([[5, 6, 7]])
    for one, other in zip(
        again.engine.unroll(ids, again.engine.initial_state(1)),
        trained.engine.unroll(ids, trained.engine.initial_state(1)),
        strict=True,
    ):
        assert np.array_equal(one[0], other[0])


def refused(folder, match):
    with pytest.raises(BundleError, match=match) as raised:
        charlm.load(folder)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file(copied, name):
    (copied / name).unlink()
    refused(copied, f"{name} is missing")


def test_a_missing_folder(tmp_path):
    refused(tmp_path / "nowhere", "there is no such folder")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_an_altered_description(copied, name):
    path = copied / name
    path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")
    refused(copied, f"{name} is not what was saved: its sha256 has changed")


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_truncated_tensors(copied, keep):
    path = copied / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    refused(copied, "cut short or altered")


def test_every_altered_byte_is_noticed(copied):
    path = copied / "model.safetensors"
    data = path.read_bytes()
    (header,) = struct.unpack("<Q", data[:8])
    rng = np.random.default_rng(0)
    places = [*rng.integers(0, 8 + header, 150), *rng.integers(8 + header, len(data), 100)]
    for place in map(int, places):
        if data[place : place + 1] == b" ":
            continue  # padding of the header
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(BundleError):
            charlm.load(copied)


def resaved(folder, change):
    """Saves changed tensors with hashes that fit, as a stranger could."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    bundle.write_tensors(folder, tensors, {})


@pytest.mark.parametrize(
    "change, match",
    [
        (lambda t: t.pop("layers.1.kernel"), "The tensor 'layers.1.kernel' is missing"),
        (lambda t: t.update(extra=np.zeros(3, "f")), "holds a tensor 'extra'"),
        (lambda t: t.update({"output.bias": np.zeros(3, "f")}), r"'output.bias' must be float32 \(\d+,\)"),
        (lambda t: t.update({"output.bias": t["output.bias"].astype("f8")}), "must be float32"),
        (lambda t: t["output.bias"].fill(np.nan), "output.bias holds values that are not finite"),
        (lambda t: t["layers.0.kernel"].fill(-3e38), "layers.0.kernel holds values .* beyond 1e.06"),
    ],
)
def test_tensors_that_do_not_fit_the_config(copied, change, match):
    resaved(copied, change)
    refused(copied, match)


def test_another_format(copied):
    tensors = load_file(copied / "model.safetensors")
    save_file(tensors, copied / "model.safetensors", {"format": "99"})
    refused(copied, "has format 99; this version of charlm reads 1")


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("model"),
        lambda c: c["model"].update(units=-1),
        lambda c: c["model"].update(units="8"),
        lambda c: c["model"].update(dropout=10**400),
        lambda c: c["about"].update(corpus=["a\0"]),
        lambda c: c["about"].update(corpus=["\ud800"]),
        lambda c: c["data"].update(validation="\ud800"),
        lambda c: c["model"].update(cell="transformer"),
        lambda c: c["model"].update(surprise=1),
        lambda c: c.update(data=[]),
    ],
)
def test_a_config_that_makes_no_sense(copied, change):
    config = json.loads((copied / "config.json").read_text())
    change(config)
    (copied / "config.json").write_text(json.dumps(config))
    resaved(copied, lambda _: None)
    refused(copied, "cannot be read")


def test_a_hostile_tokenizer(copied):
    for content in ("[]", "{}", "nonsense", '{"model": {"vocab": {"a": {}}}}'):
        (copied / "tokenizer.json").write_text(content)
        resaved(copied, lambda _: None)
        refused(copied, "cannot be read|tokenizer")


@pytest.mark.parametrize("vocabulary", [[1], {"<pad>": "0"}, {"\ud800": 0}, {"<pad>": {}}, 7])
def test_a_hostile_vocabulary(copied, vocabulary):
    specification = json.loads((copied / "tokenizer.json").read_text())
    specification["model"]["vocab"] = vocabulary
    (copied / "tokenizer.json").write_text(json.dumps(specification))
    resaved(copied, lambda _: None)
    refused(copied, "cannot be read|tokenizer")


def test_a_type_that_another_package_adds_is_refused(copied, trained):
    import ml_dtypes
    from safetensors.numpy import save_file

    save_file(
        {name: tensor.astype(ml_dtypes.bfloat16) for name, tensor in trained.tensors.items()}, copied / bundle.MODEL
    )
    refused(copied, "is of bfloat16")


def test_what_a_killed_process_left_is_removed(copied, trained):
    (copied / ".model.safetensors.1.tmp").write_bytes(b"half")
    bundle.write_tensors(copied, trained.tensors, {})
    assert {path.name for path in copied.iterdir()} == {"config.json", "tokenizer.json", "model.safetensors"}


def test_a_failed_write_leaves_the_old_tensors(copied, monkeypatch):
    before = (copied / "model.safetensors").read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("charlm.files.sync", fail)
    with pytest.raises(OSError, match="No space"):
        bundle.write_tensors(copied, {"a": np.zeros(2, "f")}, {})
    assert (copied / "model.safetensors").read_bytes() == before
    assert len(list(copied.iterdir())) == 3
