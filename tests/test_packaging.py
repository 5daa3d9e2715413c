"""The wheel: pure Python, with the corpora in it, and at home in any folder."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import charlm

ROOT = Path(charlm.__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_is_pure_and_has_the_corpora(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.name.endswith("-py3-none-any.whl")
    assert "charlm/corpora/catalogue.toml" in names
    assert all(re.match(r"charlm/|charlm-[0-9.]+\.dist-info/", name) for name in names)


def test_the_wheel_works_from_any_folder(wheel, text_file, tmp_path):
    install = "-m pip install --quiet --no-deps --no-index --disable-pip-version-check --target".split()
    subprocess.run([sys.executable, *install, str(tmp_path / "site"), str(wheel)], check=True)
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}

    def run(*command):
        return subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout

    where = run(sys.executable, "-c", "import charlm; print(charlm.__file__)")
    assert where.startswith(str(tmp_path))
    assert "tiny-shakespeare" in run(str(tmp_path / "site" / "bin" / "charlm"), "corpus", "list")
    options = "--units 8 --batch-size 4 --sequence-length 16 --steps 2 -o run".split()
    run(sys.executable, "-m", "charlm", "train", str(text_file), *options)
    assert run(sys.executable, "-m", "charlm", "sample", "run", "--prompt", "The").startswith("The")


def test_the_version_is_said_once():
    assert charlm.__version__ not in (ROOT / "pyproject.toml").read_text()
    assert f"## {charlm.__version__}" in (ROOT / "CHANGELOG.md").read_text()
