"""A memory of what was seen last, bounded."""

from __future__ import annotations

from collections import OrderedDict


class Recent:
    """The last `size` words added."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._words: OrderedDict[str, None] = OrderedDict()

    def add(self, word: str) -> None:
        self._words[word] = None
        self._words.move_to_end(word)
        if len(self._words) > self._size:
            self._words.popitem(last=False)

    def __contains__(self, word: str) -> bool:
        return word in self._words
