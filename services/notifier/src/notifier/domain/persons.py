"""Who is one person: ids that are tied to each other, over however many steps, belong together."""

from __future__ import annotations

from collections.abc import Iterable


def joined(ids: Iterable[str], ties: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Each id with the least id of all it is tied to, over any number of steps and in either direction.

    Ties to ids that are not among `ids` say nothing.
    """
    root = {one: one for one in ids}

    def top(one: str) -> str:
        while root[one] != one:
            root[one] = root[root[one]]
            one = root[one]
        return one

    for left, right in ties:
        if left in root and right in root:
            low, high = sorted((top(left), top(right)))
            root[high] = low
    return {one: top(one) for one in root}
