"""Ledger facts applied, in order, to what is known of some borrowers: episodes, stages, timers and cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from spine.envelope import Envelope
from spine.events.ledger import (
    Arrears,
    ArrearsChanged,
    LoanCured,
    LoanOverdue,
    LoanSettled,
    PaymentTransitEnded,
)
from stager.domain.cases import (
    Case,
    EndOfArrears,
    Episode,
    FailedDebit,
    Hold,
    StageEntry,
    StepTimer,
    stable_id,
)
from stager.domain.cutover import Start
from stager.domain.figures import Figures
from stager.domain.hold_book import HoldBook, HoldFact
from stager.domain.judging import judge
from stager.domain.people import Person
from stager.domain.planning import Plans
from stager.domain.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class CaseClosure:
    """A case closed because no loan of the borrower is in arrears any more."""

    case: Case
    reason: str


#: What is told, in this order, each with the event that caused it. A hold is told when it is placed, gets another
#: end, or is lifted.
Happening = StageEntry | CaseClosure | Hold


_END_OF: Final = {
    "paid": EndOfArrears.SETTLED,
    "closed": EndOfArrears.CLOSED,
    "sold": EndOfArrears.SOLD,
}


class Desk:
    """A unit of work in memory: load it with the borrowers' whole state, apply facts, save what changed."""

    def __init__(
        self,
        rulebook: Rulebook,
        now: datetime,
        *,
        people: Mapping[str, Person],
        cases: Iterable[Case],
        episodes: Iterable[Episode],
        holds: HoldBook,
        starts: Mapping[str, date],
        closed: Mapping[int, date],
    ) -> None:
        """`people` by borrower; `cases` the latest of each borrower; `episodes` every open one, and the latest
        of each loan that facts will name; `holds` those of the borrowers; `starts` on which day the
        loans taken over of a borrower begin to be contacted, where that is known; `closed` the newest date
        whose books are closed, by partition."""
        self._rulebook = rulebook
        self._now = now
        self._people = people
        self._cases = {case.borrower_id: case for case in cases}
        self._episodes = {episode.loan_id: episode for episode in episodes}
        self._plans = Plans(now)
        self._starts = starts
        self._closed = dict(closed)
        self.holds = holds
        self._open: dict[str, set[str]] = defaultdict(set)
        for episode in self._episodes.values():
            if episode.is_open:
                self._open[episode.borrower_id].add(episode.loan_id)
        #: What is kept already: the ids of cases, the keys of episodes, and loans that may have timers.
        self.known_cases = {case.case_id for case in self._cases.values()}
        self.known_episodes = {(episode.loan_id, episode.episode) for episode in self._episodes.values()}
        self.known_in_stages = {e.loan_id for e in self._episodes.values() if e.entry_no > 0}
        self.saved_cases: dict[str, Case] = {}
        #: Episodes that are new or whose facts changed, and apart those that were only judged.
        self.saved_episodes: dict[tuple[str, int], Episode] = {}
        self.judged_episodes: dict[tuple[str, int], Episode] = {}
        self.entries: list[StageEntry] = []
        #: By loan: the timers that replace all the loan has.
        self.timers: dict[str, tuple[StepTimer, ...]] = {}
        #: By loan: why its open requests are withdrawn.
        self.withdrawn: dict[str, tuple[str, Envelope]] = {}
        #: By loan: the last debit that failed.
        self.failed_debits: dict[str, FailedDebit] = {}
        self.told: list[tuple[Happening, Envelope]] = []

    def arrears(self, event: Arrears, *, partition: int, cause: Envelope) -> None:
        """loan.overdue or arrears.changed: the figures as they are now; a demotion happens at once."""
        known = self._episodes.get(event.loan_id)
        if _is_stale(known, cause):
            return
        figures = Figures.told(event)
        if known is not None and known.is_open:
            # Overdue once more, where their end was never heard: the next close looks at the days as they are now.
            judge_on = event.as_of if isinstance(event, LoanOverdue) else known.judge_on
            episode = replace(known, figures=figures, ledger_seq=_seq(known, cause), judge_on=judge_on)
        elif known is not None and known.is_reopened_by(figures):
            episode = self._reopen(known, figures, cause)
        else:
            episode = self._begin(event, figures, known, partition, cause)
        self._keep(episode)
        if known is None or not known.is_open:
            self.told += [
                (hold, cause) for hold in self.holds.follow(event.borrower_id, event.loan_id, cause.id)
            ]
        if isinstance(event, ArrearsChanged) and episode.stage is not None:
            # Also figures that come late are judged as they stand now: the days since have gone by.
            closed = self._closed.get(episode.partition)
            days = (figures.as_of, episode.judged_on, closed + timedelta(days=1) if closed else None)
            as_of = max(day for day in days if day is not None)
            self._judge(episode, as_of, after_close=False, cause=cause)

    def ended(self, event: LoanCured | LoanSettled, *, cause: Envelope) -> None:
        """The arrears are gone: nothing more is said about them."""
        known = self._episodes.get(event.loan_id)
        if known is None or _is_stale(known, cause):
            return
        end = _END_OF[event.reason] if isinstance(event, LoanSettled) else EndOfArrears.CURED
        ended = replace(
            known,
            ledger_seq=_seq(known, cause),
            close_reason=end,
            bounced=False,
            judge_on=None,
            awaits_start=False,
        )
        if not known.is_open:
            self._keep(ended)
            return
        self._keep(replace(ended, closed_on=event.as_of))
        self._drop_steps(known.loan_id, end, cause)
        self.told += [(hold, cause) for hold in self.holds.lift_answered(known.loan_id)]
        self._close_case_if_done(known, end, cause)

    def held(self, event: HoldFact, *, cause: Envelope) -> None:
        """Figures that differ, money on its way, and their end; of a debit that failed the reason is kept."""
        seq = cause.loan_seq or 0
        self.told += [(hold, cause) for hold in self.holds.take(event, seq)]
        if isinstance(event, PaymentTransitEnded) and (event.kind, event.outcome) == ("debit", "failed"):
            self.failed_debits[event.loan_id] = FailedDebit(
                loan_id=event.loan_id,
                borrower_id=event.borrower_id,
                transit_id=event.transit_id,
                reason=event.reason or "other",
                failed_at=event.ended_at,
                ledger_seq=seq,
            )

    def bounced(self, loan_id: str, *, cause: Envelope) -> None:
        """Money of a loan was taken back; should it be overdue again, its old episode goes on."""
        known = self._episodes.get(loan_id)
        if known is not None and not known.is_open and not _is_stale(known, cause):
            self._keep(replace(known, bounced=True, ledger_seq=_seq(known, cause)))

    def date_closed(self, partition: int, day: date, *, cause: Envelope) -> None:
        """The books of `day` are closed: loans of this partition may enter a stage or move up.

        Where other stages are in force since, every loan is looked at.
        """
        as_of = day + timedelta(days=1)
        self._closed[partition] = max(day, self._closed.get(partition, day))
        everyone = self._rulebook.stages.takes_over(as_of)
        for loan_ids in self._open.values():
            for loan_id in sorted(loan_ids):
                episode = self._episodes[loan_id]
                if episode.partition == partition and episode.is_judged_on(as_of, everyone=everyone):
                    self._judge(episode, as_of, after_close=True, cause=cause)

    def latest(self, loan_ids: Iterable[str]) -> dict[str, Episode]:
        """The newest episode of each of these loans, of those that ever were in arrears."""
        return {loan_id: self._episodes[loan_id] for loan_id in loan_ids if loan_id in self._episodes}

    def policies_used(self) -> set[str]:
        """The digests of the policies that decided the entries."""
        return {digest for entry in self.entries for digest in (entry.policy_digest, entry.holds_digest)}

    def _begin(
        self, event: Arrears, figures: Figures, known: Episode | None, partition: int, cause: Envelope
    ) -> Episode:
        case = self._open_case(event.borrower_id)
        self._open[event.borrower_id].add(event.loan_id)
        began_on = event.episode_began_on if isinstance(event, LoanOverdue) else None
        return Episode(
            loan_id=event.loan_id,
            episode=known.episode + 1 if known else 1,
            borrower_id=event.borrower_id,
            partition=partition,
            case_id=case.case_id,
            opened_on=min(began_on or event.as_of, event.as_of),
            figures=figures,
            ledger_seq=_seq(known, cause),
            judge_on=event.as_of,
            taken_over_on=event.taken_over_on if isinstance(event, LoanOverdue) else None,
        )

    def _reopen(self, known: Episode, figures: Figures, cause: Envelope) -> Episode:
        """Stages seen stay seen, so nothing that is said once an episode is said again."""
        case = self._open_case(known.borrower_id)
        self._open[known.borrower_id].add(known.loan_id)
        return replace(
            known,
            case_id=case.case_id,
            figures=figures,
            ledger_seq=_seq(known, cause),
            judge_on=figures.as_of,
            stage=None,
            bounced=False,
            closed_on=None,
            close_reason=None,
            bounced_on=figures.as_of,
        )

    def _open_case(self, borrower_id: str) -> Case:
        case = self._cases.get(borrower_id)
        if case is None or case.closed_at is not None:
            number = case.case_no + 1 if case else 1
            case = Case(stable_id("case", borrower_id, number), borrower_id, number, self._now)
            self._keep_case(case)
        return case

    def _close_case_if_done(self, episode: Episode, reason: str, cause: Envelope) -> None:
        open_loans = self._open[episode.borrower_id]
        open_loans.discard(episode.loan_id)
        case = self._cases.get(episode.borrower_id)
        if open_loans or case is None or case.closed_at is not None:
            return
        closed = replace(case, closed_at=self._now)
        self._keep_case(closed)
        self.told.append((CaseClosure(closed, reason), cause))

    def _judge(self, episode: Episode, as_of: date, *, after_close: bool, cause: Envelope) -> None:
        loan_id = episode.loan_id
        person = self._people[episode.borrower_id]
        judged = judge(
            self._rulebook,
            episode,
            as_of,
            holds=self.holds.kinds(loan_id),
            after_close=after_close,
            zone=person.zone,
            plans=self._plans,
            start=self._start_of(episode),
            subject=person.subject(episode.figures.product),
        )
        self._keep_judged(judged.episode)
        if judged.entry is None:
            return
        if judged.entry.from_stage is not None:
            self._drop_steps(loan_id, "stage_changed", cause)
        self.timers[loan_id] = judged.timers
        self.entries.append(judged.entry)
        self.told.append((judged.entry, cause))

    def _start_of(self, episode: Episode) -> Start | None:
        if episode.taken_over_on is None:
            return None
        return Start(self._starts.get(episode.borrower_id))

    def _drop_steps(self, loan_id: str, reason: str, cause: Envelope) -> None:
        self.timers[loan_id] = ()
        self.withdrawn.setdefault(loan_id, (reason, cause))

    def _keep(self, episode: Episode) -> None:
        self._episodes[episode.loan_id] = episode
        self.saved_episodes[episode.loan_id, episode.episode] = episode
        self.judged_episodes.pop((episode.loan_id, episode.episode), None)

    def _keep_judged(self, episode: Episode) -> None:
        key = (episode.loan_id, episode.episode)
        self._episodes[episode.loan_id] = episode
        kept = self.saved_episodes if key in self.saved_episodes else self.judged_episodes
        kept[key] = episode

    def _keep_case(self, case: Case) -> None:
        self._cases[case.borrower_id] = case
        self.saved_cases[case.case_id] = case


def _seq(known: Episode | None, cause: Envelope) -> int:
    return cause.loan_seq if cause.loan_seq is not None else known.ledger_seq if known else 0


def _is_stale(known: Episode | None, cause: Envelope) -> bool:
    """Whether a newer fact of the loan is in: this one comes again, or late out of the dead letters."""
    return known is not None and cause.loan_seq is not None and cause.loan_seq <= known.ledger_seq
