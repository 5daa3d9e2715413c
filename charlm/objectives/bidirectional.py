"""The next character, the one before, and each from all around it."""

from collections.abc import Iterator

import numpy as np

from charlm import scoring
from charlm.config import Config
from charlm.corpus import Store
from charlm.models.bidirectional import BidirectionalModel
from charlm.objectives.language import LanguageObjective
from charlm.objectives.objective import Glimpse
from charlm.runtime.bidirectional import BidirectionalEngine

JUDGED = 16_384  #: ids of the validation split that the backward model and the head are judged on during training


class BidirectionalObjective:
    """Teaches a model of each direction and the head that joins them; an `Objective`.

    The text is streamed as for a language model, and the forward model's state is carried; the backward model starts
    anew at the end of each row.

    Args:
        store: the corpus.
        config: of the run.
    """

    unit = "character"

    def __init__(self, store: Store, config: Config):
        self._language = LanguageObjective(store, config)
        self.store, self.config = store, config
        self.tokenizers = self._language.tokenizers
        self.steps_per_epoch = self._language.steps_per_epoch
        self.validation_characters = self._language.validation_characters
        self.describe, self.batches = self._language.describe, self._language.batches

    def make_model(self) -> BidirectionalModel:
        """Makes the model."""
        return BidirectionalModel.from_model_config(
            self.config.model, self.store.tokenizer.vocab_size, precision=self.config.training.precision
        )

    def make_engine(self, weights: dict[str, np.ndarray]) -> BidirectionalEngine:
        """Makes the engine that judges these weights."""
        return BidirectionalEngine(self.config.model, self.store.tokenizer.vocab_size, weights)

    def price(self, engine: BidirectionalEngine) -> Iterator[tuple[float, float]]:
        """Yields the forward model's nats of some more of the validation split, and the share that is done."""
        return self._language.price(engine.forward)

    def show(self, engine: BidirectionalEngine) -> Glimpse:
        """Writes a sample, and judges the backward model and the head."""
        ids = self._language.validation_ids[:JUDGED]
        characters = self.store.tokenizer.characters_per_id[ids].sum()
        predictions = {"backward": scoring.predict_backward(engine, ids), "cloze": scoring.predict_cloze(engine, ids)}
        figures = {
            f"valid_{name}_nats_per_character": _add_up(predicted, ids) / characters
            for name, predicted in predictions.items()
        }
        return Glimpse(self._language.show(engine.forward).text, figures)


def _add_up(predictions: scoring.Predictions, ids: np.ndarray) -> float:
    return sum(float(nats.sum()) for _, nats, _ in scoring.charge_all(predictions, ids))
