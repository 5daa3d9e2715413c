"""How near texts come to those that were wanted: exact match, character error rate, chrF, BLEU and TER."""

import importlib.util
from collections.abc import Sequence
from typing import Any

from charlm.errors import CharlmError

_LENGTHS = 4  #: groups of sources by their length


def judge(sources: Sequence[str], texts: Sequence[str], targets: Sequence[str]) -> dict[str, Any]:
    """Returns every figure of this file, and how many pairs there were.

    Raises:
        CharlmError: RapidFuzz or sacrebleu is not installed.
    """
    check_packages()
    return {
        "pairs": len(texts),
        "exact_match": exact_match(texts, targets),
        "by_length": exact_by_length(sources, texts, targets),
        "character_error_rate": character_error_rate(texts, targets),
        **corpus_scores(texts, targets),
    }


def exact_match(texts: Sequence[str], targets: Sequence[str]) -> float:
    """Returns the share of texts that are exactly as wanted.

    >>> exact_match(["a", "b"], ["a", "c"])
    0.5
    """
    return sum(text == target for text, target in zip(texts, targets, strict=True)) / max(len(texts), 1)


def exact_by_length(sources: Sequence[str], texts: Sequence[str], targets: Sequence[str]) -> list[dict[str, Any]]:
    """Returns the exact matches among shorter and among longer sources.

    Returns:
        For each quarter of the way to the longest source that has any: `characters` (the shortest and the longest
        length that belong to it), `pairs` and `exact_match`.

    >>> exact_by_length(["a", "ab", "abcdefgh"], ["x", "y", "z"], ["x", "-", "z"])
    [{'characters': (1, 2), 'pairs': 2, 'exact_match': 0.5}, {'characters': (7, 8), 'pairs': 1, 'exact_match': 1.0}]
    """
    width = -(-max(map(len, sources), default=1) // _LENGTHS) or 1
    groups: dict[int, list[tuple[str, str]]] = {}
    for source, *pair in zip(sources, texts, targets, strict=True):
        groups.setdefault(max(len(source) - 1, 0) // width, []).append((pair[0], pair[1]))
    return [
        {
            "characters": (group * width + 1, (group + 1) * width),
            "pairs": len(pairs),
            "exact_match": exact_match(*zip(*pairs, strict=True)),
        }
        for group, pairs in sorted(groups.items())
    ]


def character_error_rate(texts: Sequence[str], targets: Sequence[str]) -> float:
    """Returns the characters to insert, delete and replace (Levenshtein 1966), over those wanted.

    >>> character_error_rate(["abcd"], ["abce"])
    0.25
    """
    from rapidfuzz.distance import Levenshtein

    edits = sum(Levenshtein.distance(text, target) for text, target in zip(texts, targets, strict=True))
    return edits / max(sum(map(len, targets)), 1)


def corpus_scores(texts: Sequence[str], targets: Sequence[str]) -> dict[str, Any]:
    """Returns sacrebleu's chrF (Popović 2015), BLEU (Papineni et al. 2002) and TER (Snover et al. 2006), 0 to 100.

    Returns:
        `chrf`, `bleu` and `ter`, and under `signatures` how sacrebleu (Post 2018) computed each.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    metrics = {"chrf": CHRF(), "bleu": BLEU(), "ter": TER()}
    scores: dict[str, Any] = {name: m.corpus_score(texts, [targets]).score for name, m in metrics.items()}
    return scores | {"signatures": {name: str(metric.get_signature()) for name, metric in metrics.items()}}


def chrf(texts: Sequence[str], targets: Sequence[str]) -> float:
    """Returns the first of `corpus_scores` alone, which is the quickest."""
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF().corpus_score(texts, [targets]).score)


def check_packages() -> None:
    """Tells at once what `judge` would miss.

    Raises:
        CharlmError: RapidFuzz or sacrebleu is not installed.
    """
    if importlib.util.find_spec("rapidfuzz") is None:
        raise CharlmError("The character error rate needs RapidFuzz. Install it with: pip install rapidfuzz")
    if not has_sacrebleu():
        raise CharlmError("chrF, BLEU and TER need sacrebleu. Install it with: pip install sacrebleu")


def has_sacrebleu() -> bool:
    """Tells whether `corpus_scores` can work."""
    return importlib.util.find_spec("sacrebleu") is not None
