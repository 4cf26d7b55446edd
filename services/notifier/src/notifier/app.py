"""Composition root of the notifier: the only module that knows all the others."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from notifier import api
from notifier.consumes import consumes
from notifier.emits import EMITS
from notifier.gateways.build import only
from notifier.gateways.http import Limits
from notifier.gateways.reference import ReferenceGateway
from notifier.handlers.gates import on_dead_letter, on_resolved
from notifier.handlers.parties import PartyIntake
from notifier.handlers.permit_facts import Counter
from notifier.handlers.templates import refusals
from notifier.policy import load_listener, load_packs
from notifier.schedule import Readiness, due, schedules
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
    secrets = settings.secrets()
    gateways = sender = reconciler = None
    if settings.gateway_url:
        gateways = only(_gateway(runtime, settings, secrets[0]))
        wording = Wording(shelf, vault)
        margins = Margins(timedelta(seconds=settings.window_margin_s), timedelta(seconds=settings.handover_s))
        desk = Desk(packs, wording, vault, gateways, margins, settings.country, settings.lease_s)
        sender = Sender(
            runtime, desk, Pace(settings.batch, settings.lanes, settings.fresh_within_s, settings.settle_s)
        )
        patience = Patience(
            settings.lease_s,
            settings.settle_s,
            settings.ask_again_s,
            settings.human_after_s,
            settings.lease_s,
        )
        reconciler = Reconciler(runtime, gateways, vault, patience)
    return Service(
        name="notifier",
        topic=NOTIFIER,
        emits=EMITS,
        consumes=consumes(intake),
        router=api.router,
        migrations="notifier",
        due=due,
        schedules=schedules(sender, reconciler),
        on_dead_letter=on_dead_letter,
        on_resolved=on_resolved,
        ready=Readiness(settings, refusals(shelf)).reasons,
        state={
            "intake": intake,
            "vault": vault,
            "packs": packs,
            "shelf": shelf,
            "counter": Counter(
                packs, vault, settings.country, settings.fresh_within_s, timedelta(seconds=settings.permit_s)
            ),
            "gateway_secrets": {settings.gateway_name: secrets} if secrets else {},
            "listener": load_listener(policy_dir),
            "settle_s": settings.settle_s,
            "signed_paths": ("/v1/gateways/",),
        },
        closing=(gateways.aclose,) if gateways else (),
    )


def _gateway(runtime: Runtime, settings: NotifierSettings, secret: str) -> ReferenceGateway:
    return ReferenceGateway(
        settings.gateway_url,
        secret,
        runtime.clock.now,
        name=settings.gateway_name,
        honours_idempotency=settings.gateway_idempotent,
        limits=Limits(deadline_s=settings.http_timeout_s),
    )
