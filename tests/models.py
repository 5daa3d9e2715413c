"""One table of small models, of every task, and what they are asked."""

import numpy as np

from charlm import scoring
from charlm.backend import keras
from charlm.config import ModelConfig
from charlm.models.bidirectional import BidirectionalModel
from charlm.models.classifier import Classifier
from charlm.models.forecaster import Forecaster
from charlm.models.language_model import LanguageModel
from charlm.models.translator import Translator
from charlm.runtime import bidirectional, classifier, forecaster, language_model, translator
from charlm.tokenizer import EOS, PAD, SPECIALS

MODELS = {
    "lstm": ModelConfig(units=8),
    "gru": ModelConfig(cell="gru", units=8),
    "rnn": ModelConfig(cell="rnn", units=8),
    "deep": ModelConfig(units=8, layers=3),
    "mixed": ModelConfig(cell="lstm,gru,rnn", units=8),
    "narrow embedding": ModelConfig(cell="gru,lstm", units=8, embedding_dim=3),
    "tied": ModelConfig(units=8, layers=2, tie_weights=True),
    "dropout": ModelConfig(units=8, layers=2, dropout=0.5),
    "weight-drop": ModelConfig(units=8, layers=2, cell="gru", weight_drop=0.5),
    "mogrified": ModelConfig(units=8, mogrify=True, weight_drop=0.5),
    "mogrified, mixed": ModelConfig(units=8, cell="gru,rnn", mogrify=True, embedding_dim=3, dropout=0.5),
    "bidirectional": ModelConfig(task="bidirectional", units=8),
    "bidirectional, deep": ModelConfig(task="bidirectional", units=7, cell="gru,lstm,rnn", embedding_dim=3),
    "bidirectional, tied": ModelConfig(
        task="bidirectional", units=8, cell="gru", tie_weights=True, mogrify=True, dropout=0.5, weight_drop=0.2
    ),
    "additive": ModelConfig(task="translate", units=8, layers=2, attention="additive"),
    "dot": ModelConfig(task="translate", units=8, cell="gru", attention="dot"),
    "general": ModelConfig(task="translate", units=8, cell="rnn,lstm", attention="general", tie_weights=True),
    "scaled": ModelConfig(task="translate", units=8, attention="scaled", heads=2, embedding_dim=3),
    "heads": ModelConfig(task="translate", units=8, attention="additive", heads=4, dropout=0.5),
    "no attention": ModelConfig(task="translate", units=8, cell="gru,lstm", attention="none"),
    "autoencoder": ModelConfig(task="autoencode", units=8, cell="lstm,gru"),
    "classifier": ModelConfig(task="classify", units=8),
    "classifier, deep": ModelConfig(task="classify", units=8, cell="gru", layers=2, mogrify=True),
    "classifier, mixed": ModelConfig(
        task="classify", units=8, cell="rnn,lstm", embedding_dim=3, dropout=0.5, weight_drop=0.5
    ),
    "classifier, both ways": ModelConfig(task="classify", units=8, cell="gru,lstm", both_ways=True, dropout=0.5),
    "forecaster": ModelConfig(task="forecast", units=8, horizon=3),
    "forecaster with a decoder": ModelConfig(task="forecast", units=8, cell="gru,lstm", horizon=4, decoder=True),
    "rebuilder": ModelConfig(task="forecast", units=8, cell="gru", horizon=7, rebuild=True),
    "rebuilder with a decoder": ModelConfig(
        task="forecast", units=8, cell="gru", horizon=7, rebuild=True, decoder=True
    ),
    "forecaster, deep": ModelConfig(
        task="forecast", units=8, cell="rnn", layers=2, horizon=2, dropout=0.5, weight_drop=0.5
    ),
}
VOCAB_SIZE, SOURCE_VOCAB_SIZE, LABELS, COLUMNS = 13, 11, 3, 2
KINDS = {
    "language": (LanguageModel, language_model.LanguageEngine, language_model.expected_shapes),
    "bidirectional": (BidirectionalModel, bidirectional.BidirectionalEngine, bidirectional.expected_shapes),
    "translate": (Translator, translator.TranslationEngine, translator.expected_shapes),
    "autoencode": (Translator, translator.TranslationEngine, translator.expected_shapes),
    "classify": (Classifier, classifier.ClassificationEngine, classifier.expected_shapes),
    "forecast": (Forecaster, forecaster.ForecastEngine, forecaster.expected_shapes),
}
SIZES = {
    "language": (VOCAB_SIZE,),
    "bidirectional": (VOCAB_SIZE,),
    "translate": (VOCAB_SIZE, SOURCE_VOCAB_SIZE),
    "autoencode": (VOCAB_SIZE, SOURCE_VOCAB_SIZE),
    "classify": (len(SPECIALS) + LABELS, SOURCE_VOCAB_SIZE),
    "forecast": (COLUMNS,),
}
SCALE = {"mean": [1.0, -2.0], "deviation": [0.5, 3.0], "margin": [0.1, 0.2]}  # of a forecaster's columns

IDS = np.random.default_rng(1).integers(EOS + 1, VOCAB_SIZE, (3, 11)).astype(np.int32)
SOURCE = np.array([[4, 5, 6, 7, EOS], [8, EOS, PAD, PAD, PAD], [9, 10, 4, EOS, PAD]], np.int32)  # of several lengths
VALUES = np.random.default_rng(0).normal(size=(3, 7, COLUMNS)).astype(np.float32)


def make(config, **options):
    """Returns a model whose weights, biases too, are all different."""
    keras.utils.set_random_seed(0)
    kind, scale = KINDS[config.task][0], SCALE if config.task == "forecast" else {}
    model = kind.from_model_config(config, *SIZES[config.task], **scale, **options)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(variable.numpy() + rng.normal(0, 0.2, variable.shape))
    return model


def engine_of(model, config):
    """Returns the NumPy engine with the weights of a model."""
    tensors = {name: variable.numpy() for name, variable in model.named_variables().items()}
    return KINDS[config.task][1](config, *SIZES[config.task], tensors)


def expected_shapes(config):
    return KINDS[config.task][2](config, *SIZES[config.task])


def inputs_of(config, ids=IDS):
    """Returns what a model is called with."""
    return {"classify": SOURCE, "forecast": VALUES, "language": ids, "bidirectional": ids}.get(
        config.task, (SOURCE, ids)
    )


def outputs_of(engine, config, ids=IDS):
    """Returns what the engine makes of that."""
    if config.task in ("classify", "forecast"):
        return engine.read(inputs_of(config))
    if config.task == "bidirectional":
        return np.stack([_cloze(engine, row) for row in ids])
    return engine.unroll(ids, engine.initial_state(len(ids)) if config.task == "language" else engine.encode(SOURCE))[0]


def _cloze(engine, ids):
    logits = np.full((len(ids), engine.vocab_size), np.nan, np.float32)
    for places, found, _ in scoring.predict_cloze(engine, ids):
        logits[places] = found
    return logits


def batch_of(config):
    """Returns what a training step is given."""
    if config.task == "forecast":
        return {"values": VALUES, "targets": np.where(VALUES > 0, 4, -4)[:, : config.horizon].astype(np.float32)}
    if config.task == "classify":
        weights = np.array([[1, 0], [2, 0], [0, 0]], np.float32)
        return {"source": SOURCE, "targets": np.array([[4, PAD], [6, PAD], [PAD, PAD]]), "weights": weights}
    batch = {"inputs": np.roll(IDS, 1, axis=1), "targets": IDS, "weights": np.ones(IDS.shape, np.float32)}
    return batch if config.task in ("language", "bidirectional") else batch | {"source": SOURCE}
