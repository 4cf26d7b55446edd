"""One person, one conversation: contacts of several loans that come due together become one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stager.domain.strategy import Step, Strategy

#: Contacts of one kind are one conversation; letters and other tasks are about one contract each.
_FAMILIES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("sms", "wechat", "wecom", "app_push", "email"), "message"),
    **dict.fromkeys(("call", "ai_call"), "call"),
    "visit": "visit",
}


def is_contact(step: Step) -> bool:
    """Whether somebody speaks or writes to the person, who is not disturbed by letters and work at the desk."""
    return step.channel in _FAMILIES


@dataclass(frozen=True, slots=True)
class Wish:
    """A contact about a loan that would be asked for now; `rank`: how severe its stage is, 0 the mildest."""

    key: str
    borrower_id: str
    loan_id: str
    stage: str
    rank: int
    step: Step
    currency: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Conversation:
    """One contact made of several wishes: made as `lead` says, about the loans of `others` too."""

    lead: Wish
    others: tuple[Wish, ...]


def conversations(wishes: Iterable[Wish]) -> Iterator[Conversation]:
    """Wishes of one borrower, kind of contact, purpose and currency are one contact about all their loans.

    The severest stage leads: its steps are all done, and the first of them is about the other loans too.
    """
    groups: dict[tuple[str, ...], list[Wish]] = defaultdict(list)
    for wish in wishes:
        family = _FAMILIES.get(wish.step.channel)
        if family is not None:
            groups[wish.borrower_id, family, wish.step.purpose, wish.currency].append(wish)
    for group in groups.values():
        lead = min(group, key=lambda w: (-w.rank, w.loan_id, w.due_at, w.step.id))
        others = tuple(wish for wish in group if wish.loan_id != lead.loan_id)
        if others:
            yield Conversation(lead, others)


def words_of(
    strategy: Strategy, step: Step, channel: str, template: str, mildest: str, mildest_steps: Sequence[str]
) -> tuple[str, str]:
    """The channel and template of a message about several loans: words follow the mildest stage among them.

    The channel stays that of the step where the mildest stage has words for it, else it is the mildest stage's.
    `mildest_steps`: the names of the mildest stage's own steps that were due.
    """
    own = [each for each in strategy.steps_of(mildest) if each.is_message and each.purpose == step.purpose]
    same_channel = [each for each in own if each.channel == channel]
    due = [each for each in own if each.id in mildest_steps]
    for each in (*[e for e in same_channel if e.id in mildest_steps], *same_channel, *due, *own):
        if each.template is not None:
            return each.channel, each.template
    return channel, template
