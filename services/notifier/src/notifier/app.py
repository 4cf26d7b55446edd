"""Composition root of the notifier: the only module that knows all the others."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from notifier import api
from notifier.consumes import consumes
from notifier.emits import EMITS
from notifier.gateway_health import failing_gateways, gateway_metrics
from notifier.gateways.audience import SilentGateway, audience_of
from notifier.gateways.build import from_settings, only
from notifier.handlers.gates import on_dead_letter, on_resolved
from notifier.handlers.parties import PartyIntake
from notifier.handlers.permit_facts import Counter
from notifier.handlers.templates import refusals
from notifier.policy import load_listener, load_packs
from notifier.schedule import Readiness, due, schedules
from notifier.sending.closing import load_closing
from notifier.sending.deadline import Margins
from notifier.sending.prepare import Desk
from notifier.sending.reconcile import Patience, Reconciler
from notifier.sending.sender import Pace, Sender
from notifier.sending.wording import Wording
from notifier.settings import NotifierSettings
from notifier.templates.catalogue import Shelf, Templates
from notifier.vault import Vault, load_or_create_kek
from spine.database import Runtime
from spine.events.notifier import NOTIFIER
from spine.service import Service
from spine.settings import Surroundings


def build(runtime: Runtime) -> Service:
    """The notifier, ready to be served or to work."""
    surroundings = Surroundings.from_environment()
    settings = NotifierSettings.from_environment()
    keys = settings.kek_file or surroundings.home / "keys" / "notifier.json"
    return assemble(runtime, settings, Vault(*load_or_create_kek(keys)), surroundings.policy_dir)


def assemble(
    runtime: Runtime, settings: NotifierSettings, vault: Vault, policy_dir: Path | None = None
) -> Service:
    """The notifier from its parts; without a gateway URL it takes in and tells, and sends nothing."""
    intake = PartyIntake(vault)
    packs = load_packs(settings.packs, policy_dir)
    shelf = Shelf(Templates.load(policy_dir, packs, settings.constants()))
    closing = load_closing(policy_dir)
    gateways = from_settings(settings, runtime.clock.now)
    switchboard, sender, reconciler = gateways.switchboard, None, None
    audience = audience_of(settings, vault.blind_index)
    # In shadow the sender has no gateway at all; those of the settings are only asked about what went out before.
    hands = only(SilentGateway(), ()).switchboard if audience.mode == "shadow" else switchboard
    if hands is not None:
        wording = Wording(shelf, vault)
        spread = timedelta(seconds=settings.opening_spread_s)
        margins = Margins(timedelta(seconds=settings.window_margin_s), timedelta(seconds=settings.handover_s))
        lease_s = settings.lease_s
        desk = Desk(
            packs, wording, vault, hands, margins, settings.country, lease_s, closing, spread, audience
        )
        sender = Sender(
            runtime, desk, Pace(settings.batch, settings.lanes, settings.fresh_within_s, settings.settle_s)
        )
        waits = settings.settle_s, settings.ask_again_s, settings.human_after_s
        patience = Patience(lease_s, *waits, lease_s)
        reconciler = Reconciler(runtime, switchboard or hands, vault, patience)
    return Service(
        name="notifier",
        topic=NOTIFIER,
        emits=EMITS,
        consumes=consumes(intake, closing, runtime.zone.key, settings.settle_s),
        router=api.router,
        migrations="notifier",
        due=due,
        schedules=schedules(runtime, sender, reconciler),
        on_dead_letter=on_dead_letter,
        on_resolved=on_resolved,
        ready=Readiness(settings, hands, refusals(shelf)).reasons,
        warnings=failing_gateways,
        metrics=gateway_metrics,
        state={
            "intake": intake,
            "vault": vault,
            "packs": packs,
            "shelf": shelf,
            "counter": Counter(
                packs, vault, settings.country, settings.fresh_within_s, timedelta(seconds=settings.permit_s)
            ),
            "doors": gateways.doors,
            "listener": load_listener(policy_dir),
            "settle_s": settings.settle_s,
            "signed_paths": ("/v1/gateways/",),
        },
        closing=(switchboard.aclose,) if switchboard else (),
    )
