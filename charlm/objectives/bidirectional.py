"""The next character, the one before, and each from all around it."""

from collections.abc import Iterator

import numpy as np

from charlm import scoring
from charlm.models.bidirectional import BidirectionalModel
from charlm.objectives.language import LanguageObjective
from charlm.objectives.objective import Glimpse
from charlm.runtime.bidirectional import BidirectionalEngine

JUDGED = 16_384  #: ids of the validation split that the backward model and the head are judged on during training


class BidirectionalObjective(LanguageObjective):
    """Teaches a model of each direction and the head that joins them; an `Objective`.

    The text is streamed as for a language model, and the forward model's state is carried; the backward model starts
    anew at the end of each row.

    Args:
        store: the corpus.
        config: of the run.
    """

    model_class = BidirectionalModel
    engine_class = BidirectionalEngine

    def price(self, engine: BidirectionalEngine) -> Iterator[tuple[float, float]]:
        """Yields the forward model's nats of some more of the validation split, and the share that is done."""
        return super().price(engine.forward)

    def show(self, engine: BidirectionalEngine) -> Glimpse:
        """Writes a sample, and judges the backward model and the head."""
        ids = self.validation_ids[:JUDGED]
        characters = self.store.tokenizer.characters_per_id[ids].sum()
        predictions = {"backward": scoring.predict_backward(engine, ids), "cloze": scoring.predict_cloze(engine, ids)}
        figures = {
            f"valid_{name}_nats_per_character": _add_up(predicted, ids) / characters
            for name, predicted in predictions.items()
        }
        return Glimpse(super().show(engine.forward).text, figures)


def _add_up(predictions: scoring.Predictions, ids: np.ndarray) -> float:
    return sum(float(nats.sum()) for _, nats, _ in scoring.charge_all(predictions, ids))
