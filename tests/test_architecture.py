"""The house: data walks one way through it, and the runtime half never enters the training half."""

import ast
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import charlm

PACKAGE = Path(charlm.__file__).parent
FLOORS = [
    ["errors"],
    ["options", "files", "progress", "threads"],
    ["config", "text", "tokenizer"],
    ["sampling", "tasks"],
    ["corpus", "datasets", "bundle", "journal", "runtime"],
    ["pairs", "series", "generation", "scoring", "trained"],
    [
        "batching",
        "correction",
        "explanation",
        "filling",
        "forecasting",
        "inspection",
        "metrics",
        "novelty",
        "splits",
        "surprise",
        "translation",
    ],
    ["classification", "embedding", "text_translator"],
    ["plots"],
    ["run"],
    ["backend"],
    ["streams", "layers"],
    ["models", "gradients"],
    ["objectives"],
    ["trainer", "checkpoints", "recipes"],
    ["session"],
    ["training"],
    ["cli"],
    ["__main__"],
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
RUNTIME_HALF = [room for rooms in FLOORS[: FLOOR["backend"]] for room in rooms]
TRAINING_PACKAGES = {"tensorflow", "keras"}


def modules():
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module == "charlm":
                yield from (f"charlm.{alias.name}" for alias in node.names if alias.name != "__version__")
            else:
                yield node.module


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_lead_downward(path):
    for name in imports(path):
        if name.startswith("charlm."):
            room = name.split(".")[1]
            assert room == room_of(path) or FLOOR[room] < FLOOR[room_of(path)], f"{path} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_one_door_leads_to_tensorflow(path):
    if room_of(path) != "backend":
        assert not TRAINING_PACKAGES & {name.split(".")[0] for name in imports(path)}


def test_the_runtime_half_leaves_tensorflow_alone(trained):
    program = (
        "import sys, charlm\n"
        f"run = charlm.load({str(trained.folder)!r})\n"
        "run.sample('The', length=5), run.score('The cat'), run.info\n"
        + "".join(f"import charlm.{room}\n" for room in RUNTIME_HALF)
        + "assert not {'tensorflow', 'keras', 'charlm.backend'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_import_charlm_is_light():
    program = "import sys, charlm; assert not {'tensorflow', 'keras', 'tokenizers', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_public_names_resolve():
    assert charlm.__all__ == sorted(charlm.__all__)
    for name in charlm.__all__:
        assert getattr(charlm, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        charlm.nonsense  # noqa: B018


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_code_is_as_the_style_asks(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a module says what it is"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_") and node in tree.body:
            assert ast.get_docstring(node), f"{node.name} has no docstring"
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60 + 40 * bool(ast.get_docstring(node)), f"{node.name} is long"
    with tokenize.open(path) as file:
        assert sum(1 for _ in file) <= 400
