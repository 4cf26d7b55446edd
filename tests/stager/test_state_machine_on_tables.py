"""Random lives of two borrowers through the stager's own handlers on a real database.

After everything that happens its stages, holds, requests, tasks and agreements are what a simple reference says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.databases import DatabaseServer
from tests.stager.life import How, house_on
from tests.stager.people_of_lives import People

STEPS: Final = 25


class Stager(People):
    """Everything that can happen."""

    def teardown(self) -> None:
        if self.house.in_order:
            self.life.finish()


@contextmanager
def on_tables(server: DatabaseServer) -> Iterator[type[Stager]]:
    """The machine with one database, emptied before each life."""
    with house_on(server) as made:

        class OnTables(Stager):
            house = made

        yield OnTables


@pytest.mark.timeout(7200)
def test_whatever_happens_no_rule_of_stages_holds_and_steps_is_broken(
    postgres_server: DatabaseServer,
) -> None:
    asked = settings().max_examples
    few = settings(
        # A life takes about a second: 2,000 of them with the nightly profile.
        max_examples=max(15, asked // 5) if asked > 100 else 15,
        stateful_step_count=STEPS,
        # The same few lives each time, so that a change is what makes them fail; new ones are the nights'.
        derandomize=asked <= 100,
        suppress_health_check=list(HealthCheck),
        # A failure is shown as it is: to make it small would take longer than to read it.
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
    )
    with on_tables(postgres_server) as machine:
        run_state_machine_as_test(machine, settings=few)


def test_arrears_that_begin_anew_are_held_by_the_promise_still_open(postgres_server: DatabaseServer) -> None:
    """Found: the cure had ended the hold, and only money taken back in between brought it back."""
    with on_tables(postgres_server) as machine:
        life = machine()
        life.begins(5, 31, lived=1)
        life.a_promise_is_made("L1", "full", ahead=7, agreed=False)
        life.arrears_end("L1", How(), "cured")
        assert life.life.watcher.holds.kinds("L1", life.life.now) == set()
        life.arrears("L1", 1, How(), small=False, came_over=False)
        assert life.life.watcher.holds.kinds("L1", life.life.now) == {"promise_open"}
        # It is judged as it would have been, and its hold ends with it.
        life.dates_close(14)
        assert life.life.watcher.holds.kinds("L1", life.life.now) == set()
        life.teardown()


def test_a_letter_that_a_plan_cancels_is_taken_back_with_its_task(postgres_server: DatabaseServer) -> None:
    """Found: the step went on waiting for the task that was cancelled, and what was to follow it never came."""
    with on_tables(postgres_server) as machine:
        life = machine()
        life.begins(75, 75, lived=1)
        letter = life.life.rows("SELECT * FROM contact_request WHERE step = 'overdue-notice'")[0]
        assert letter.status == "tasked"
        life.a_plan_is_drawn_up(letter.loan_id, parts=3, first=10, signed=True)
        [now] = life.life.rows("SELECT * FROM contact_request WHERE request_id = :id", id=letter.request_id)
        assert (now.status, now.reason) == ("withdrawn", "plan_active")
        life.teardown()


def test_a_call_that_the_next_one_overtakes_waits_for_nobody(postgres_server: DatabaseServer) -> None:
    """Found: the task had ended, and the step it was of went on waiting for it."""
    with on_tables(postgres_server) as machine:
        life = machine()
        life.begins(60, 60, lived=1)
        for loan_id in ("L1", "L2"):
            life.a_lead_waives(loan_id, "documents")
        for _ in range(4):
            life.dates_close(1)
            life.days_go_by(1)
        ended = life.life.rows("SELECT task_id FROM task WHERE end_reason = 'overtaken'")
        assert ended
        for task in ended:
            [step] = life.life.rows("SELECT * FROM contact_request WHERE task_id = :id", id=task.task_id)
            assert (step.status, step.reason) == ("withdrawn", "overtaken")
        life.teardown()


def test_what_is_overdue_once_more_moves_up_at_the_next_close(postgres_server: DatabaseServer) -> None:
    """Found: the end in between had not come, and the next look stayed where the old days had put it."""
    with on_tables(postgres_server) as machine:
        life = machine()
        life.begins(1, 32, lived=0)
        life.arrears_end("L1", How(late=True), "closed")
        life.arrears("L1", 120, How(), small=False, came_over=False)
        life.days_go_by(1)
        [episode] = life.life.rows("SELECT stage FROM episode WHERE loan_id = 'L1'")
        assert episode.stage == "S4"
        life.teardown()


def test_figures_that_come_late_are_judged_as_they_stand_now(postgres_server: DatabaseServer) -> None:
    """Found: told for a day long gone they moved the loan down, and the next close moved it up again."""
    with on_tables(postgres_server) as machine:
        life = machine()
        life.begins(120, 1, lived=1)
        life.arrears("L1", 75, How(late=True), small=False, came_over=False)
        life.dates_close(31)
        life.late_facts_come()
        entered = life.life.rows("SELECT to_stage FROM stage_entry WHERE loan_id = 'L1' ORDER BY entry_no")
        assert [each.to_stage for each in entered] == ["S4"]
        life.teardown()


def test_nobody_is_reminded_of_a_promise_whose_loan_is_known_to_be_cured(
    postgres_server: DatabaseServer,
) -> None:
    """Found: of a cure heard ahead of its turn only the planned steps knew."""
    with on_tables(postgres_server) as machine:
        life = machine()
        life.begins(5, 31, lived=1)
        life.a_promise_is_made("L1", "full", ahead=2, agreed=False)
        # The day before the promised one: the cure is known, the facts before it are not.
        life.the_end_is_heard_ahead("L1", hours=36)
        assert life.life.rows("SELECT 1 FROM contact_request WHERE step = 'promise-reminder'") == []
        life.teardown()
