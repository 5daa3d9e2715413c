"""Which engine runs which task."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from charlm.config import ModelConfig
from charlm.errors import BundleError
from charlm.runtime.bidirectional import BidirectionalEngine
from charlm.runtime.classifier import ClassificationEngine
from charlm.runtime.forecaster import ForecastEngine
from charlm.runtime.language_model import LanguageEngine
from charlm.runtime.translator import TranslationEngine
from charlm.tokenizer import SPECIALS, Tokenizer

Engine = LanguageEngine | BidirectionalEngine | TranslationEngine | ClassificationEngine | ForecastEngine

VERBS = {
    "language": ("sample", "score", "correct", "inspect", "novelty"),
    "bidirectional": ("sample", "score", "correct", "inspect", "novelty", "fill", "embed"),
    "translate": ("translate", "evaluate"),
    "autoencode": ("translate", "evaluate", "embed", "encode", "decode"),
    "classify": ("classify", "evaluate"),
    "forecast": ("forecast", "evaluate"),
}  #: what a model of each task can do


def make_engine(
    config: ModelConfig, tokenizer: Tokenizer, source_tokenizer: Tokenizer, tensors: Mapping[str, NDArray[Any]]
) -> Engine:
    """Makes the engine of a bundle.

    Args:
        config: the network.
        tokenizer: of what it writes; of a classifier's labels, or of the names of a series' columns.
        source_tokenizer: of what it reads.
        tensors: the weights by name.

    Raises:
        BundleError: the tensors or the vocabulary are not those of the config.
    """
    entries = tokenizer.vocab_size - len(SPECIALS)
    if (tokenizer.kind == "label") != (config.task in ("classify", "forecast")) or entries < 1:
        raise BundleError(f"A vocabulary of {entries} {tokenizer.kind}s is of no use to the task '{config.task}'.")
    if config.task == "language":
        return LanguageEngine(config, tokenizer.vocab_size, tensors)
    if config.task == "bidirectional":
        return BidirectionalEngine(config, tokenizer.vocab_size, tensors)
    if config.task == "forecast":
        return ForecastEngine(config, entries, tensors)
    kind = ClassificationEngine if config.task == "classify" else TranslationEngine
    return kind(config, tokenizer.vocab_size, source_tokenizer.vocab_size, tensors)
