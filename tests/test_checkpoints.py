import numpy as np
import pytest

from charlm import checkpoints, files

TENSORS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "count": np.array(5, np.int64)}


def names(run):
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def test_the_newest_is_read_and_two_are_kept(tmp_path):
    for step in (1, 20, 300):
        checkpoints.save(tmp_path, step, TENSORS, {"step": step})
    checkpoint = checkpoints.load(tmp_path)
    assert (checkpoint.step, checkpoint.state) == (300, {"step": 300})
    assert all(np.array_equal(checkpoint.tensors[name], TENSORS[name]) for name in TENSORS)
    assert checkpoint.tensors["count"].dtype == np.int64
    assert names(tmp_path) == ["step-000000020", "step-000000300"]


def test_no_checkpoint(tmp_path):
    assert checkpoints.load(tmp_path) is None


@pytest.mark.parametrize("file", ["tensors.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["missing", "cut", "altered"])
def test_a_damaged_one_gives_way_to_the_one_before(tmp_path, file, damage, caplog):
    checkpoints.save(tmp_path, 1, TENSORS, {"step": 1})
    checkpoints.save(tmp_path, 2, TENSORS, {"step": 2})
    path = tmp_path / "checkpoints" / "step-000000002" / file
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(data[:-1] if damage == "cut" else data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])
    assert checkpoints.load(tmp_path).step == 1
    assert "is damaged" in caplog.text
    assert names(tmp_path) == ["step-000000001"]


def test_one_that_cannot_be_read_now_is_kept(tmp_path, monkeypatch):
    checkpoints.save(tmp_path, 1, TENSORS, {"step": 1})

    def fail(path):
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(files, "sha256", fail)
    with pytest.raises(OSError, match="Input/output error"):
        checkpoints.load(tmp_path)
    monkeypatch.undo()
    assert checkpoints.load(tmp_path).step == 1


def test_what_was_half_written_is_removed(tmp_path):
    checkpoints.save(tmp_path, 1, TENSORS, {})
    leftover = tmp_path / "checkpoints" / ".step-000000002.abc.tmp"
    leftover.mkdir()
    (leftover / "tensors.safetensors").write_bytes(b"half")
    assert checkpoints.load(tmp_path).step == 1
    assert names(tmp_path) == ["step-000000001"]


def test_a_failed_write_leaves_the_old_ones(tmp_path, monkeypatch):
    checkpoints.save(tmp_path, 1, TENSORS, {})

    def fail(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "sync", fail)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(tmp_path, 2, TENSORS, {})
    assert names(tmp_path) == ["step-000000001"]
    assert checkpoints.load(tmp_path).step == 1


def test_saving_a_step_again_replaces_it(tmp_path):
    checkpoints.save(tmp_path, 1, TENSORS, {"run": "old"})
    checkpoints.save(tmp_path, 1, TENSORS, {"run": "new"})
    assert checkpoints.load(tmp_path).state == {"run": "new"}
