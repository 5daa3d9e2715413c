"""Everything that charlm raises on purpose.

ValueError
└── CharlmError
    ├── ConfigError              a setting is unknown, out of range or contradicts another
    ├── TextError                a file is not there, or cannot be read as text or numbers, or is too short
    ├── CorpusError              a corpus is too short, or not of the kind that is asked for
    │   └── DownloadError        a corpus cannot be fetched, or is not what the catalogue describes
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
    """A file is not there, cannot be read as text or as numbers, or holds too little of them."""


class CorpusError(CharlmError):
    """A corpus is too short for what is asked, or not of the kind that is asked for."""


class DownloadError(CorpusError):
    """A corpus cannot be fetched, or its bytes are not those that the catalogue describes."""


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
