"""`Run` and `load`: a bundle, ready to use, without TensorFlow."""

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from charlm import correction, embedding, filling, inspection, metrics, novelty, scoring
from charlm.classification import classify, judge_labels
from charlm.config import ReadingConfig
from charlm.correction import Correcting, Correction
from charlm.datasets import read_corpus, refuse_lost
from charlm.errors import ConfigError, CorpusError
from charlm.filling import Filling
from charlm.forecasting import forecast_next, judge_forecasts
from charlm.generation import generate, stream_texts
from charlm.inspection import Activity, Follower
from charlm.novelty import Novelty
from charlm.options import make, unknown_name
from charlm.progress import Progress, open_bar
from charlm.runtime.bidirectional import BidirectionalEngine
from charlm.runtime.classifier import ClassificationEngine
from charlm.runtime.forecaster import ForecastEngine
from charlm.runtime.language_model import LanguageEngine
from charlm.runtime.translator import TranslationEngine
from charlm.sampling import Sampler
from charlm.scoring import Score
from charlm.surprise import READINGS, Surprise, read
from charlm.text_translator import Alignment, TextTranslator, Translation
from charlm.trained import Trained

_ROWS = 1000  #: texts drawn side by side, at most


class Run(Trained):
    """A trained model, ready to use.

    What its model cannot do raises a `ConfigError` that says which task can. Where a method takes `progress`, it shows
    a progress bar under that name.

    Args:
        folder: a run's folder, or any folder with a bundle.

    Raises:
        BundleError: the bundle is missing, incomplete or altered.
    """

    @overload
    def sample(self, prompt: str = "", *, n: None = None, **options: Any) -> str: ...
    @overload
    def sample(self, prompt: str = "", *, n: int, **options: Any) -> list[str]: ...
    def sample(
        self, prompt: str = "", *, n: int | None = None, length: int = 500, progress: Progress = None, **options: Any
    ) -> str | list[str]:
        """Writes on after a prompt.

        Args:
            prompt: how the text begins.
            n: how many texts; each begins with the prompt.
            length, **options: those of `stream`.

        Returns:
            The text, prompt included; with `n`, a list of texts.
        """
        rows = 1 if n is None else n
        pieces = self.stream(prompt, n=rows, length=length, **options)
        texts = [[prompt] for _ in range(rows)]
        with open_bar(progress, unit="char", total=rows * length) as bar:
            for row, piece in pieces:
                texts[row].append(piece)
                bar.update(len(piece))
        return "".join(texts[0]) if n is None else ["".join(pieces) for pieces in texts]

    def stream(
        self,
        prompt: str = "",
        *,
        length: int = 500,
        n: int = 1,
        seed: int = 0,
        stop: str | Sequence[str] = (),
        unknown: str = "error",
        **controls: Any,
    ) -> Iterator[tuple[int, str]]:
        """Writes on after a prompt, piece by piece.

        Args:
            prompt: how the text begins.
            length: how many ids to draw: characters, or tokens of a `byte` or `bpe` model.
            n: how many texts, drawn side by side, a thousand at a time.
            seed: the same seed gives the same text; text `i` does not depend on `n`.
            stop: a string, or several, at which a text ends; they are left out.
            unknown: what a character of the prompt outside the vocabulary does: `error`, `skip` or `replace`.
            **controls: the fields of `Sampler`: `temperature`, `top_k`, `top_p`, `min_p`, `repetition_penalty`.

        Yields:
            The number of the text, from 0, and its next piece, the prompt left out.

        Raises:
            ConfigError: an option is out of range.
            UnknownCharacterError: the prompt has a character that the model does not know.
        """
        for name, value, least in (("length", length, 0), ("n", n, 1), ("seed", seed, 0)):
            if value < least:
                raise ConfigError(f"`{name}` must be at least {least}. Received: {name}={value}.")
        stop = _listed(stop)
        sampler, engine = make(Sampler, controls), self._language_engine
        prompt_ids = self.tokenizer.encode(prompt, unknown=unknown)
        at_once = min(_ROWS, scoring.rows_at_once(1, engine.vocab_size))

        def draw(first: int) -> Iterator[tuple[int, str]]:
            rows = min(at_once, n - first)
            drawn = generate(engine, prompt_ids, sampler=sampler, length=length, seed=seed, rows=rows, first=first)
            for row, piece in stream_texts(self.tokenizer, drawn, rows=rows, stop=stop):
                yield first + row, piece

        return itertools.chain.from_iterable(map(draw, range(0, n, at_once)))

    def score(self, text: str, *, progress: Progress = None) -> Score:
        """Tells what a text costs under the model.

        Args:
            text: any text; a character outside the vocabulary costs `<unk>` plus 21 bits.
        """
        return scoring.score(self._language_engine, self.tokenizer, text, progress=progress)

    def scores(self, texts: str | Iterable[str], *, progress: Progress = None) -> dict[str, Score]:
        """Tells what documents cost, read one after the other as those of a corpus, in every way that the bundle can:
        `forward`; of a bidirectional one `backward` and `cloze` too.

        Args:
            texts: the documents, or a single one.
        """
        return scoring.score_documents(self._reading_engine, self.tokenizer, _listed(texts), progress=progress)

    def surprise(self, text: str | Sequence[str], *, reading: str = "forward", alternatives: int = 0) -> Surprise:
        """Tells what each character of a text costs, and what was expected in its place.

        Args:
            text: any text; or several documents, read as `scores` reads them.
            reading: `forward`; with a bidirectional bundle `backward` or `cloze` too.
            alternatives: how many of the likeliest ids are kept for each.

        Raises:
            ConfigError: the bundle does not have that reading, or is no language model's.
        """
        if reading not in READINGS:
            raise ConfigError(f"`reading` must be one of {', '.join(READINGS)}. Received: reading={reading!r}.")
        both = isinstance(self.engine, BidirectionalEngine) or reading != "forward"
        engine = self.engine_of(BidirectionalEngine, "bidirectional") if both else self._language_engine
        texts = _listed(text)
        return read(engine, self.tokenizer, texts, reading=reading, alternatives=alternatives)

    def watch(self, text: str, *, layer: int = 0, unit: int = 0, part: str = "state") -> Activity:
        """Watches one unit while a text is read; the arguments are those of `inspection.watch`."""
        return inspection.watch(self._language_engine, self.tokenizer, text, layer=layer, unit=unit, part=part)

    def find_units(self, text: str, feature: str, *, progress: Progress = None) -> list[Follower]:
        """Ranks the units by how well they follow a feature of a text; the arguments are `inspection.find_units`'s."""
        return inspection.find_units(self._language_engine, self.tokenizer, text, feature, progress=progress)

    def fill(self, text: str, **options: Any) -> list[Filling]:
        """Fills the gaps of a text, as `"The ___ fox"` or `"The {…} fox"`.

        Args:
            text: a mark for each hidden character; `{…}` for some, `{8}` for eight at most.
            **options: the fields of `Gaps`: `mark`, `max_length`, `beam`, `n`, `temperature`, `seed`, `unknown`.

        Returns:
            At most `n` answers, the likeliest first, or as they were drawn.

        Raises:
            ConfigError: a gap may be too long, or nothing was found that fills it.
            UnknownCharacterError: the text has a character that the model does not know.
        """
        engine = self.engine_of(BidirectionalEngine, "bidirectional")
        return filling.fill(engine, self.tokenizer, text, make(filling.Gaps, options))

    def correct(self, text: str, *, progress: Progress = None, **options: Any) -> list[Correction]:
        """Finds likely errors: characters substituted, missing, superfluous or swapped.

        Args:
            text: any text.
            **options: the fields of `Correcting`: `odds`, `lookahead`.

        Raises:
            ConfigError: the bundle's tokenizer is not of the kind `char`, or its model reads no text.
        """
        found = make(Correcting, options)
        return correction.correct(self._reading_engine, self.tokenizer, text, found, progress=progress)

    def embed(self, texts: str | Sequence[str], *, progress: Progress = None) -> NDArray[np.float32]:
        """Returns a vector for each text: the mean of those of its characters, `(N, 2H)`; of an autoencoder, that of
        `encode`, `(N, D)`.

        Args:
            texts: any texts, or a single one; a character that the model does not know is read as `<unk>`.
        """
        if isinstance(self.engine, TranslationEngine):
            return self._translator_of("autoencode").embed(_listed(texts), progress=progress)
        ids = [self.tokenizer.encode(text, unknown="replace") for text in _listed(texts)]
        return embedding.embed(self.engine_of(BidirectionalEngine, "bidirectional"), ids, progress=progress)

    def embed_characters(self, text: str) -> NDArray[np.float32]:
        """Returns a vector for each character of a text, or for each id of a `byte` or `bpe` model, `(T, 2H)`."""
        ids = self.tokenizer.encode(text, unknown="replace")
        return embedding.embed_ids(self.engine_of(BidirectionalEngine, "bidirectional"), ids)

    def novelty(
        self,
        samples: str | Sequence[str],
        corpus: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
        *,
        reading: ReadingConfig | None = None,
        progress: Progress = None,
    ) -> Novelty:
        """Tells what of some samples stands in a text.

        Args:
            samples: texts, as `sample` writes them, or a single one.
            corpus: files or corpora by name, or a single one; where there are none, all of the run's, what was split
                off of it too.
            reading: how they are read; as by the run where it is None.

        Raises:
            ConfigError: the samples are all empty.
            CorpusError, TextError: the text is not there any more.
        """
        own = self.bundle.about.get("corpus", [])
        if not corpus:
            refuse_lost(own)
        names = [os.fspath(name) for name in _listed(corpus)]
        chunks = read_corpus(names or own, reading or self.config.reading)
        return novelty.find_copies(_listed(samples), (chunk.text for chunk in chunks), progress=progress)

    @overload
    def translate(self, source: str, **options: Any) -> str: ...
    @overload
    def translate(self, source: Sequence[str], **options: Any) -> list[str]: ...
    def translate(self, source: str | Sequence[str], **options: Any) -> str | list[str]:
        """Translates a text, or several.

        Args:
            source: a text, or several.
            **options: those of `translations`.

        Returns:
            The best translation of each: a string for a string, a list for several.
        """
        sources = [source] if isinstance(source, str) else list(source)
        texts = [found[0].text for found in self.translations(sources, **options)]
        return texts[0] if isinstance(source, str) else texts

    def translations(self, sources: str | Sequence[str], **options: Any) -> list[list[Translation]]:
        """Translates texts; with a `beam` above 1 each has several translations, and they have scores.

        An empty source has an empty translation. A character that the model does not know is read as `<unk>`, and a
        source of more than `max_length` ids is left untranslated: both are warned of.

        Args:
            sources: the texts, or a single one.
            **options: the fields of `Decoding`, as `beam` or `temperature`; `progress` shows a progress bar under this
                name; `first` is the number of the first text, from which its draws follow.

        Returns:
            For each source its translations, the best first: `beam` at most.

        Raises:
            ConfigError: an option is out of range.
        """
        return self._translator_of("translate").translate(_listed(sources), **options)

    def align(self, source: str, target: str | None = None) -> Alignment:
        """Tells where the model looked in the source for each id of its translation.

        Args:
            source: a text.
            target: its translation; the model's own where it is None.

        Raises:
            ConfigError: the model has no attention.
        """
        return self._translator_of("translate").align(source, target)

    def encode(self, text: str) -> NDArray[np.float32]:
        """Returns the vector that an autoencoder makes of a text, `(D,)`."""
        return self._translator_of("autoencode").embed([text])[0]

    def decode(self, vector: NDArray[np.float32]) -> str:
        """Returns the text that an autoencoder makes of a vector of `encode`."""
        return self._translator_of("autoencode").decode(vector)

    def evaluate(
        self, pairs: Sequence[tuple[str, str]], *, progress: Progress = None, **options: Any
    ) -> dict[str, Any]:
        """Translates sources and compares with their targets.

        Args:
            pairs: of a source and its target.
            **options: those of `translations`; a classifier has none.

        Returns:
            `pairs`, `exact_match` and `character_error_rate` as fractions, `by_length` (of `exact_by_length`), and
            sacrebleu's `chrf`, `bleu`, `ter` and `signatures`; of a classifier, those of `judge_labels`.

        Raises:
            ConfigError: an option is out of range.
            CorpusError: there are no pairs.
            CharlmError: sacrebleu or rapidfuzz is not installed.
        """
        if not isinstance(self.engine, ClassificationEngine | TranslationEngine):
            raise self.refusal(["translate", "autoencode", "classify"])
        if not pairs:
            raise CorpusError("There are no pairs: there is nothing to evaluate.")
        if isinstance(self.engine, ClassificationEngine):
            for name in options:
                raise unknown_name(name, ["progress"], noun="option of a classifier")
            found = self.classify([text for text, _ in pairs], progress=progress)
            wanted = [label for _, label in pairs]
            return judge_labels(found, wanted, list(dict.fromkeys([*self.labels, *sorted(set(wanted))])))
        metrics.check_packages()
        sources, targets = [source for source, _ in pairs], [target for _, target in pairs]
        return metrics.judge(sources, self.translate(sources, progress=progress, **options), targets)

    def classify(self, texts: str | Sequence[str], *, progress: Progress = None) -> list[str]:
        """Returns the likeliest label of each text, or of a single one."""
        labels = self.labels
        return [labels[place] for place in self.probabilities(texts, progress=progress).argmax(1)]

    def probabilities(self, texts: str | Sequence[str], *, progress: Progress = None) -> NDArray[np.float32]:
        """Returns how likely each of the `labels` is for each text, `(N, labels)`.

        Args:
            texts: any texts, or a single one, read up to `max_length` ids; a character that the model does not know is
                read as `<unk>`.
        """
        engine = self.engine_of(ClassificationEngine, "classify")
        longest = self.config.data.max_length
        ids = [self.source_tokenizer.encode(text, unknown="replace")[:longest] for text in _listed(texts)]
        return classify(engine, ids, progress=progress)

    def forecast(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Tells what follows a series, from its last steps: the quantiles 0.1, 0.5 and 0.9 of each step and column.

        Args:
            values: `(N, C)`, the newest last; `sequence_length` steps at least.

        Returns:
            `(K, C, 3)`, `K` the horizon; of a run that rebuilds, the last `sequence_length` steps themselves.

        Raises:
            TextError: the series is too short, has other columns, or a value that is missing or not finite.
        """
        engine = self.engine_of(ForecastEngine, "forecast")
        return forecast_next(engine, values, read=self.config.training.sequence_length)

    def judge_series(self, values: NDArray[np.float64], *, season: int | None = None) -> dict[str, Any]:
        """Compares forecasts within a series `(N, C)` with what came; returns what `judge_forecasts` does."""
        engine = self.engine_of(ForecastEngine, "forecast")
        return judge_forecasts(engine, values, read=self.config.training.sequence_length, season=season)

    @property
    def _reading_engine(self) -> LanguageEngine | BidirectionalEngine:
        return self.engine if isinstance(self.engine, BidirectionalEngine) else self._language_engine

    @property
    def _language_engine(self) -> LanguageEngine:
        if isinstance(self.engine, BidirectionalEngine):
            return self.engine.forward
        return self.engine_of(LanguageEngine, "language")

    def _translator_of(self, task: str) -> TextTranslator:
        engine, longest = self.engine_of(TranslationEngine, task), self.config.data.max_length
        return TextTranslator(engine, self.source_tokenizer, self.tokenizer, max_length=longest)


def _listed(texts: str | os.PathLike[str] | Iterable[Any]) -> Any:
    """Takes a single text, or path, for a list of one."""
    return [texts] if isinstance(texts, str | os.PathLike) else texts


def load(folder: str | os.PathLike[str]) -> Run:
    """Opens a trained run, or any folder with a bundle.

    Raises:
        BundleError: the bundle is missing, incomplete or altered.
    """
    return Run(folder)
