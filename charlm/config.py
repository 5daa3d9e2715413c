"""What can be set about a run: frozen dataclasses, to and from JSON and TOML."""

import dataclasses
import itertools
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from charlm.errors import ConfigError
from charlm.options import option, unknown_name, validate

SPLITS = ("train", "validation", "test")
CELLS = ("lstm", "gru", "rnn")
TASKS = ("language", "bidirectional", "translate", "autoencode", "classify", "forecast")
ENCODER_TASKS = ("translate", "autoencode")  #: whose models read a source in both directions and write a target
PAIR_TASKS = (*ENCODER_TASKS, "classify")  #: that learn from pairs
TEXT_TASKS = TASKS[:-1]  #: whose models read text
ATTENTIONS = ("additive", "dot", "general", "scaled")


@dataclasses.dataclass(frozen=True)
class ReadingConfig:
    """Files."""

    encoding: str = option("utf-8", "encoding of the files, by any name that Python knows")
    errors: str = option(
        "strict", "strict stops at an invalid byte; replace reads it as U+FFFD", choices=("strict", "replace")
    )
    field: str | None = option(
        None,
        "the files are JSON Lines; read the text under this name, a document a line ('' reads plain text again)",
        metavar="NAME",
    )
    normalize_newlines: bool = option(False, "read CRLF and CR as LF")

    def __post_init__(self) -> None:
        validate(self)


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Text and ids."""

    split: str = option("90/5/5", "percent of the text for training, validation and test", metavar="A/B[/C]")
    split_by: str = option(
        "characters",
        "what the percentages count",
        choices=("characters", "documents"),
        tasks=("language", "bidirectional"),
    )
    validation: str | None = option(
        None, "validate on this text of its own; all of CORPUS is then training text", metavar="FILE"
    )
    test: str | None = option(None, "with --validation, hold out this text for testing too", metavar="FILE")
    tokenizer: str = option("char", "what an id stands for", choices=("char", "byte", "bpe"), tasks=TEXT_TASKS)
    vocab_size: int = option(1024, "size of a bpe vocabulary", minimum=261, maximum=1 << 20)
    shared_vocabulary: bool = option(
        True, "one vocabulary for the sources and the targets of pairs", tasks=ENCODER_TASKS
    )
    max_length: int = option(
        256,
        "pairs with a longer source or target, in ids, are left out, and so are a classifier's texts; an autoencoder's "
        "lines are cut into such pieces",
        minimum=1,
        maximum=1 << 16,
        tasks=PAIR_TASKS,
    )

    def __post_init__(self) -> None:
        validate(self)
        self.split_shares  # noqa: B018 (raises for a split that cannot be read)
        for name in ("validation", "test"):
            if getattr(self, name) == "":
                raise ConfigError(f"`{name}` must name a text. Received: {name}=''.")
        if self.test and not self.validation:
            raise ConfigError(
                "`test` needs `validation` beside it: with texts of their own, CORPUS is all training text."
            )

    @property
    def split_shares(self) -> tuple[int, ...]:
        """The percentages of `split`."""
        try:
            shares = tuple(int(part) for part in self.split.split("/"))
        except ValueError:
            shares = ()
        if len(shares) not in (2, 3) or sum(shares) != 100 or min(shares) < 0 or 0 in shares[:2]:
            raise ConfigError(
                "`split` must be two or three percentages that add up to 100, such as 90/5/5. "
                f"Received: split={self.split!r}."
            )
        return shares

    def split_places(self, total: int) -> dict[str, tuple[int, int]]:
        """Returns where each split begins and ends, among so many."""
        ends = [total * sum(self.split_shares[: count + 1]) // 100 for count in range(len(self.split_shares))]
        return dict(zip(SPLITS, zip([0, *ends], ends, strict=False), strict=False))


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """The network."""

    task: str = option("language", "what is learnt", choices=TASKS)
    cell: str = option(
        "lstm", "recurrent cell: one for all layers, or one named for each", metavar="lstm|gru|rnn|lstm,gru,…"
    )
    layers: int = option(1, "recurrent layers", minimum=1, maximum=64)
    units: int = option(256, "width of each recurrent layer", minimum=1, maximum=1 << 16, chosen=True)
    embedding_dim: int | None = option(
        None, "width of the embedding (default: as wide as the layers)", minimum=1, maximum=1 << 16, tasks=TEXT_TASKS
    )
    dropout: float = option(
        0.0,
        "share of the values that are zeroed between the layers and after the last",
        minimum=0,
        below=1,
        chosen=True,
    )
    weight_drop: float = option(
        0.0, "share of the recurrent kernels' weights that is zeroed in each step", minimum=0, below=1, chosen=True
    )
    mogrify: bool = option(
        False,
        "what is read scales the first layer's state before each step (Melis et al. 2020)",
        tasks=("language", "bidirectional", "classify"),
        chosen=True,
    )
    tie_weights: bool = option(
        False, "use the embedding as the output's weights too", tasks=("language", "bidirectional", *ENCODER_TASKS)
    )

    attention: str = option(
        "general",
        "how a translator looks at its source; with none it sees what the encoder ended with, and no more",
        choices=(*ATTENTIONS, "none"),
        tasks=("translate",),
    )
    heads: int = option(1, "heads of the attention", minimum=1, maximum=64, tasks=("translate",), chosen=True)
    label_smoothing: float = option(
        0.0, "share of a target's probability that is spread evenly", minimum=0, below=1, tasks=ENCODER_TASKS
    )
    horizon: int = option(1, "steps that a forecaster looks ahead", minimum=1, maximum=1 << 16, tasks=("forecast",))
    decoder: bool = option(
        False, "a forecaster has layers for what follows, instead of giving all steps at once", tasks=("forecast",)
    )
    rebuild: bool = option(False, "a forecaster rebuilds what it read, from its state alone", tasks=("forecast",))
    both_ways: bool = option(
        False, "a classifier's layers read from both sides, half of their width each", tasks=("classify",)
    )
    balance: bool = option(
        False, "a classifier's labels count alike, however many examples each has", tasks=("classify",)
    )
    start: str | None = option(
        None, "a classifier begins with the layers of this run, a language model's", metavar="RUN", tasks=("classify",)
    )

    def __post_init__(self) -> None:
        validate(self)
        self.cells  # noqa: B018 (raises for a cell that does not exist)
        if self.tie_weights and self.embedding_width != self.units:
            raise ConfigError(
                "`tie_weights` needs an embedding as wide as the layers. "
                f"Received: embedding_dim={self.embedding_dim}, units={self.units}. Leave out embedding_dim."
            )
        if (self.task in ENCODER_TASKS or self.both_ways) and self.units % 2:
            raise ConfigError(f"`units` must be even: half of them read each way. Received: units={self.units}.")
        if self.both_ways and self.mogrify:
            raise ConfigError("`mogrify` is for layers that read from the left. Leave out both_ways.")
        if self.both_ways and self.start is not None:
            raise ConfigError("`start` brings layers that read from the left. Leave out both_ways.")
        if self.units % self.heads:
            raise ConfigError(f"`heads` must divide `units`. Received: heads={self.heads}, units={self.units}.")

    @property
    def cells(self) -> tuple[str, ...]:
        """The cell of each layer."""
        cells = tuple(self.cell.split(","))
        for cell in cells:
            if cell not in CELLS:
                raise ConfigError(
                    f"`cell` must be one of {', '.join(CELLS)}, or several with commas. Received: cell={self.cell!r}."
                )
        if len(cells) == 1:
            return cells * self.layers
        if self.layers not in (len(cells), type(self).layers):
            raise ConfigError(
                f"`cell` names {len(cells)} layers. Received: cell={self.cell!r}, layers={self.layers}. "
                "Leave out layers."
            )
        return cells

    @property
    def loss_unit(self) -> str:
        """What a loss is told for."""
        return {"classify": "label", "forecast": "value"}.get(self.task, "character")

    @property
    def attention_kind(self) -> str:
        """How the decoder looks at the source; an autoencoder's knows it from one vector alone."""
        return self.attention if self.task == "translate" else "none"

    @property
    def follow(self) -> int:
        """How many steps a forecaster foretells: none where it rebuilds."""
        return 0 if self.rebuild else self.horizon

    @property
    def embedding_width(self) -> int:
        """The width of the embedding."""
        return self.embedding_dim or self.units


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Training."""

    minutes: float | None = option(None, "minutes in all (default: 5, unless --epochs or --steps is given)", above=0)
    epochs: float | None = option(None, "train for this many passes over the training text", above=0)
    steps: int | None = option(None, "train for this many steps", minimum=1)
    batch_size: int = option(32, "rows per batch", minimum=1)
    sequence_length: int = option(
        64,
        "ids a row reads in a step, or steps that a forecaster reads; a batch of pairs has batch_size times as many",
        minimum=1,
    )
    learning_rate: float = option(
        4e-3, "peak of the learning rate: linear warm-up, then a cosine to a twentieth", above=0, chosen=True
    )
    warmup: int = option(100, "steps of warm-up, a quarter of the run at most", minimum=1)
    weight_decay: float = option(0.0, "decoupled weight decay of AdamW, on matrices alone", minimum=0)
    clip_norm: float = option(1.0, "the gradient's global norm is clipped to this", above=0)
    evaluate_every: int | None = option(None, "steps between evaluations (ten in all where not given)", minimum=1)
    patience: int = option(
        10,
        "stop after this many evaluations without a lower loss (there are about ten, unless evaluate_every says more)",
        minimum=1,
    )
    precision: str = option(
        "auto",
        "type of the factors of matrix products; auto takes bfloat16 where the processor has it",
        choices=("auto", "float32", "bfloat16"),
    )
    seed: int = option(0, "seed of the weights, the data's order and the dropout", minimum=0, maximum=(1 << 31) - 1)
    distribute: str = option(
        "mirrored", "mirrored: a replica on every core or GPU; none: one alone", choices=("none", "mirrored")
    )
    replicas: int | None = option(
        None,
        "how many replicas; they must divide batch_size (where not given the most that do, one a core or GPU)",
        minimum=1,
    )
    tensorboard: bool = option(False, "log for TensorBoard too, in the run's folder")

    def __post_init__(self) -> None:
        validate(self)
        if self.distribute == "none" and self.replicas not in (None, 1):
            raise ConfigError(f"`distribute='none'` is one replica. Received: replicas={self.replicas}. Leave out one.")


SECTIONS: dict[str, type] = {
    "reading": ReadingConfig,
    "data": DataConfig,
    "model": ModelConfig,
    "training": TrainingConfig,
}
BUDGETS = ("minutes", "epochs", "steps")


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that can be set about a run.

    >>> Config.from_settings({"units": 32, "steps": 10}).model.units
    32
    """

    reading: ReadingConfig = ReadingConfig()
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()

    def __post_init__(self) -> None:
        read = self.training.sequence_length
        if self.model.rebuild and self.model.horizon != read:
            if self.model.horizon != 1:
                raise ConfigError(
                    "`rebuild` gives as many steps as are read. "
                    f"Received: horizon={self.model.horizon}, sequence_length={read}. Leave out horizon."
                )
            object.__setattr__(self, "model", dataclasses.replace(self.model, horizon=read))

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], *, usual: Mapping[str, Any] | None = None) -> "Config":
        """Makes a config from flat settings; names that are not given keep their defaults.

        Args:
            settings: what the user set.
            usual: what stands for other defaults. What of it does not serve the task, or another setting, is idle.

        Raises:
            ConfigError: a name is unknown, a value out of range, two contradict each other, or one would be idle.
        """
        for name in settings:
            if name not in setting_names():
                raise unknown_name(name, list(setting_names()))
        if len(given := [name for name in BUDGETS if settings.get(name) is not None]) > 1:
            raise ConfigError(f"A run has one budget. Received: {' and '.join(given)}.")
        values = {**(usual or {}), **settings}
        config = cls(
            **{
                section: kind(**{name: values[name] for name in _names(kind) if name in values})
                for section, kind in SECTIONS.items()
            }
        )
        config._refuse_idle(settings)
        return config

    def _refuse_idle(self, settings: Mapping[str, Any]) -> None:
        """Refuses what the user set to no effect."""
        for field in itertools.chain.from_iterable(map(dataclasses.fields, SECTIONS.values())):
            value, tasks = settings.get(field.name, field.default), field.metadata["tasks"]
            if value not in (None, field.default) and tasks and self.model.task not in tasks:
                raise ConfigError(
                    f"`{field.name}` is for --task {' or '.join(tasks)}. "
                    f"Received: {field.name}={value!r}, task={self.model.task!r}. Leave out {field.name}."
                )
        if settings.get("heads") not in (None, ModelConfig.heads) and self.model.attention == "none":
            raise ConfigError(
                f"`heads` are of attention. Received: heads={self.model.heads}, attention='none'. Leave out one."
            )
        if self.data.validation and settings.get("split") not in (None, DataConfig.split):
            raise ConfigError(
                "`split` divides CORPUS, which with `validation` is all training text. "
                f"Received: split={self.data.split!r}, validation={self.data.validation!r}. Leave out one."
            )
        if settings.get("vocab_size") not in (None, DataConfig.vocab_size) and self.data.tokenizer != "bpe":
            raise ConfigError(
                "`vocab_size` is that of a bpe tokenizer; others have as many ids as they need. "
                f"Received: vocab_size={self.data.vocab_size}, tokenizer={self.data.tokenizer!r}. "
                "Pass --tokenizer bpe, or leave out vocab_size."
            )

    def settings(self) -> dict[str, Any]:
        """Returns all settings, flat."""
        return {name: value for section in self.to_dict().values() for name, value in section.items()}

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Returns the sections as plain dictionaries."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, sections: Mapping[str, Mapping[str, Any]]) -> "Config":
        """Reads what `to_dict` gave.

        Raises:
            ConfigError: a section is missing, a setting unknown, or a value out of range. A setting that is missing,
                as in a config of an older version, has its default.
        """
        try:
            return cls(**{name: kind(**sections[name]) for name, kind in SECTIONS.items()})
        except (TypeError, KeyError) as error:
            raise ConfigError(f"The config does not have the settings of this version of charlm: {error}.") from None


def setting_names() -> tuple[str, ...]:
    """Returns the names of all settings."""
    return tuple(name for kind in SECTIONS.values() for name in _names(kind))


def _names(kind: type) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def read_toml(path: Path) -> dict[str, Any]:
    """Reads settings, and perhaps a `preset`, from a TOML file; tables only group them.

    Raises:
        ConfigError: the file is missing or not TOML, or has a setting that does not exist.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from None
    settings: dict[str, Any] = {}
    for name, value in content.items():
        settings |= value if isinstance(value, dict) else {name: value}
    for name in settings:
        if name not in (known := ("preset", *setting_names())):
            raise unknown_name(name, known)
    return settings


def to_json(value: Mapping[str, Any]) -> str:
    """Returns a config's dictionary as JSON, the way it lies in a bundle."""
    return json.dumps(value, indent=1) + "\n"
