"""Everything that charlm raises on purpose.

ValueError
└── CharlmError
    ├── ConfigError              a setting is unknown, out of range or contradicts another
    ├── TextError                a file cannot be read as text
    ├── CorpusError              a text is too short, or a corpus name is unknown
    │   └── DownloadError        the bytes that came are not those of the catalogue
    ├── TokenizerError           a tokenizer file is not one of charlm's
    │   └── UnknownCharacterError
    ├── BundleError              a bundle is missing, incomplete or altered
    ├── CheckpointError          a run cannot be continued
    └── DivergedError            the loss or its gradient is no longer a number
"""


class CharlmError(ValueError):
    """The base of all errors that charlm raises: one sentence, with the remedy in it."""


class ConfigError(CharlmError):
    """A setting is unknown, out of range or contradicts another."""


class TextError(CharlmError):
    """A file cannot be read as text."""


class CorpusError(CharlmError):
    """A text is too short for what is asked, or a corpus name is unknown."""


class DownloadError(CorpusError):
    """The bytes that came are not those that the catalogue describes."""


class TokenizerError(CharlmError):
    """A tokenizer file is not one that charlm wrote."""


class UnknownCharacterError(TokenizerError):
    """A text holds characters that the vocabulary does not."""


class BundleError(CharlmError):
    """A bundle is missing, incomplete or altered."""


class CheckpointError(CharlmError):
    """A run cannot be continued."""


class DivergedError(CharlmError):
    """The loss or its gradient is no longer a finite number."""
