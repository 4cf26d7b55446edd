"""What each service says it takes and tells is what the topic table says: the picture of the flow cannot lie."""

from __future__ import annotations

import importlib

import pytest

from dev.generate_contracts import Declared, declared_services
from spine.events import Event, event_class, events_of
from spine.events.gateways import OUTBOUND
from spine.settings import PORTS
from spine.topics import TOPICS
from tests.architecture.source import SERVICES

ALL = declared_services()
every_service = pytest.mark.parametrize("declared", ALL.values(), ids=list(ALL))


def test_the_services_that_are_there_are_those_that_are_known() -> None:
    assert ALL.keys() == SERVICES.keys() == PORTS.keys()


@every_service
def test_a_service_tells_what_is_registered_on_its_own_topic(declared: Declared) -> None:
    service = declared.service
    assert TOPICS[service.topic].owner == service.name
    for cls in service.emits:
        assert event_class(service.topic, cls.TYPE) is cls
    emits = importlib.import_module(f"{service.name.replace('-', '_')}.emits")
    assert service.emits == emits.EMITS


@every_service
def test_nothing_is_registered_that_its_owner_does_not_tell(declared: Declared) -> None:
    service = declared.service
    assert {cls.TYPE for cls in events_of(service.topic)} == {cls.TYPE for cls in service.emits}


@every_service
def test_a_service_takes_from_topics_it_may_read(declared: Declared) -> None:
    service = declared.service
    topics = [consume.topic for consume in service.consumes]
    assert len(set(topics)) == len(topics)
    for consume in service.consumes:
        assert service.name in TOPICS[consume.topic].readers
        for cls in consume.types:
            assert event_class(consume.topic, cls.TYPE) is cls
        assert set(consume.early_types) <= set(consume.types)
        assert bool(consume.early_types) == (consume.early is not None)


@every_service
def test_a_tick_is_told_on_the_service_s_own_topic(declared: Declared) -> None:
    tick = declared.service.tick
    if tick is not None:
        assert tick in declared.service.emits
        assert f"{declared.service.name}.tick.v1" == tick.TYPE


def test_every_topic_has_an_owner_that_exists_and_someone_who_listens() -> None:
    for topic in TOPICS.values():
        assert topic.owner in ALL or topic.owner in ("core banking", "gateways")
        # What is for gateways is read outside.
        assert _listeners(topic.name) or topic.name == OUTBOUND, topic.name


def test_personal_data_goes_to_the_notifier_alone() -> None:
    personal = [topic for topic in TOPICS.values() if topic.personal_data]
    assert {topic.name for topic in personal} == {"corebanking.parties.v1", OUTBOUND}
    parties = TOPICS["corebanking.parties.v1"]
    assert (parties.readers, _listeners(parties.name)) == (("notifier",), {"notifier"})
    # Gateways need numbers and texts; none of our services may read what they are given.
    assert (TOPICS[OUTBOUND].owner, TOPICS[OUTBOUND].readers, _listeners(OUTBOUND)) == ("notifier", (), set())


def test_every_fact_is_taken_by_someone() -> None:
    # These are for those outside who listen; dead letters of a topic are its readers'.
    for_others = {
        "case.closed.v1",
        "gateway.message.v1",
        "gateway.withdrawal.v1",
        "loan.rescheduled.v1",
        "optout.received.v1",
        "plan.activated.v1",
        "plan.breached.v1",
        "plan.completed.v1",
        "promise.broken.v1",
        "promise.kept.v1",
        "promise.opened.v1",
        "promise.partial.v1",
        "promise.revised.v1",
        "stage.entered.v1",
        "task.opened.v1",
    }
    unheard = {
        cls.TYPE for topic in TOPICS for cls in events_of(topic) if not _takers(topic, cls)
    } - for_others
    assert unheard == set()


def _listeners(topic: str) -> set[str]:
    return {
        name for name, declared in ALL.items() if any(c.topic == topic for c in declared.service.consumes)
    }


def _takers(topic: str, cls: type[Event]) -> set[str]:
    return {
        name
        for name, declared in ALL.items()
        if any(c.topic == topic and cls in c.types for c in declared.service.consumes)
    }
