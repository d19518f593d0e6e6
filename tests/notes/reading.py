"""Flesch-Kincaid grade, small: enough to keep English texts at or below a school grade (not for French)."""

from __future__ import annotations

import re

_SPECIAL = {"9-1-1": 3, "9-8-8": 3, "8-1-1": 3, "pt": 2, "pts": 2, "ot": 2, "ots": 2, "dr": 2}


def syllables(word: str) -> int:
    word = word.lower()
    if word in _SPECIAL:
        return _SPECIAL[word]
    if re.fullmatch(r"[\d-]+", word):
        return max(1, len(re.findall(r"\d", word)))
    groups = len(re.findall(r"[aeiouy]+", word))
    if re.search(r"[^laeiouy]e$|[^td]ed$|[^aeiouylsxzc]es$", word) and groups > 1:
        groups -= 1
    # "io" and "ia" are two sounds, except in -tion, -sion, -cial and the like
    groups += len(re.findall(r"i[ao](?![nl])", word))
    return max(1, groups)


def grade(sentences: list[str]) -> float:
    """0.39 words per sentence + 11.8 syllables per word - 15.59 (Kincaid 1975)."""
    parts = [p for s in sentences for p in re.split(r"(?<=[.!?:])\s+", s) if re.search(r"\w", p)]
    found = [w for p in parts for w in re.findall(r"9-1-1|9-8-8|8-1-1|[\w’']+", p)]
    return 0.39 * len(found) / len(parts) + 11.8 * sum(map(syllables, found)) / len(found) - 15.59
