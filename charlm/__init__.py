"""charlm: recurrent language models on text, trained in minutes and sampled at once.

>>> import charlm
>>> sorted(charlm.__all__) == charlm.__all__
True
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_ROOMS = {
    "BidirectionalModel": "charlm.models.bidirectional",
    "BidirectionalStack": "charlm.layers.bidirectional",
    "CharlmError": "charlm.errors",
    "Chunk": "charlm.text",
    "Classifier": "charlm.models.classifier",
    "Config": "charlm.config",
    "DataConfig": "charlm.config",
    "Forecaster": "charlm.models.forecaster",
    "LanguageModel": "charlm.models.language_model",
    "RecurrentStack": "charlm.layers.recurrent",
    "Run": "charlm.run",
    "Sampler": "charlm.sampling",
    "Tokenizer": "charlm.tokenizer",
    "Translator": "charlm.models.translator",
    "contiguous": "charlm.streams",
    "generate": "charlm.generation",
    "load": "charlm.run",
    "prepare": "charlm.corpus",
    "train": "charlm.training",
    "windows": "charlm.streams",
}

__all__ = sorted([*_ROOMS, "__version__"])  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'charlm' has no attribute '{name}'")
    return getattr(importlib.import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    return __all__
