"""Makes gateways and their doors from settings: one gateway by itself, or those of a file with their routes."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from notifier.gateways.aliyun import AliyunGateway
from notifier.gateways.breaker import Breaker, TokenBucket
from notifier.gateways.callbacks import CallbackDoor
from notifier.gateways.config import Entry, GatewaysFile, load_gateways
from notifier.gateways.doors import Doors, PathDoor
from notifier.gateways.http import Limits, Now
from notifier.gateways.places import Places, aliyun_places, wechat_places
from notifier.gateways.port import Gateway
from notifier.gateways.queue import QueueGateway
from notifier.gateways.reference import ReferenceGateway
from notifier.gateways.secrets import read_secret, read_webhook_secrets
from notifier.gateways.switchboard import Line, Switchboard
from notifier.gateways.wechat import KEY_LIFE_S as WECHAT_KEY_LIFE_S
from notifier.gateways.wechat import WechatGateway
from notifier.gateways.wecom import KEY_LIFE_S as WECOM_KEY_LIFE_S
from notifier.gateways.wecom import WecomGateway
from notifier.settings import NotifierSettings
from spine.settings import BadSettings

#: A bucket that no rate empties needs no size of its own.
_UNBOUNDED: Final = 1
_REFERENCE_KEY_LIFE_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Gateways:
    """Who hands messages on (None: nothing can be sent) and how what they report is believed."""

    switchboard: Switchboard | None
    doors: Doors


def from_settings(settings: NotifierSettings, now: Now) -> Gateways:
    """What the settings name: a file, a single gateway, or none. Raises BadSettings."""
    if settings.gateways_file is not None:
        return from_file(settings.gateways_file, now, settings.http_timeout_s)
    secrets = settings.secrets()
    if not settings.gateway_url:
        return Gateways(None, Doors(secrets={settings.gateway_name: secrets} if secrets else {}))
    gateway = ReferenceGateway(
        settings.gateway_url,
        secrets[0],
        now,
        name=settings.gateway_name,
        honours_idempotency=settings.gateway_idempotent,
        limits=Limits(deadline_s=settings.http_timeout_s),
    )
    return only(gateway, secrets)


def only(gateway: Gateway, secrets: Sequence[str]) -> Gateways:
    """A single gateway that takes every channel and signs its receipts."""
    line = Line(gateway, Breaker(), TokenBucket(None, _UNBOUNDED))
    return Gateways(Switchboard([line], {}, (gateway.name,)), Doors(secrets={gateway.name: secrets}))


def from_file(path: Path, now: Now, deadline_s: float) -> Gateways:
    """The gateways of a file. Raises BadSettings for what is wrong with it or with the secrets it names."""
    file, folder = load_gateways(path), path.parent
    lines = [
        Line(_gateway(name, entry, folder, now, deadline_s), _breaker(entry), _bucket(entry))
        for name, entry in file.gateways.items()
    ]
    routes: dict[str, Sequence[str]] = {channel: names for channel, names in file.routes.items()}
    return Gateways(Switchboard(lines, routes), _doors(file, folder))


def _breaker(entry: Entry) -> Breaker:
    told = entry.breaker
    return Breaker(
        open_after=told.open_after, first_open_s=told.first_open_s, longest_open_s=told.longest_open_s
    )


def _bucket(entry: Entry) -> TokenBucket:
    rate = entry.per_second
    return TokenBucket(rate, entry.burst or (max(1, round(rate)) if rate is not None else _UNBOUNDED))


def _gateway(name: str, entry: Entry, folder: Path, now: Now, deadline_s: float) -> Gateway:
    limits = Limits(deadline_s=deadline_s, connections=entry.connections)
    honours = entry.honours_idempotency
    if entry.reference is not None:
        secrets = read_webhook_secrets(folder, entry.reference.secret_file)
        life_s = entry.key_life_s or _REFERENCE_KEY_LIFE_S
        return ReferenceGateway(
            entry.reference.url,
            secrets[0],
            now,
            name=name,
            honours_idempotency=honours,
            key_life_s=life_s,
            limits=limits,
        )
    if entry.aliyun is not None:
        own = entry.aliyun
        texts = {ours: aliyun_places(t.code, t.text) for ours, t in own.templates.items()}
        secret = read_secret(folder, own.access_key_secret_file)
        return AliyunGateway(
            own.url, own.access_key_id, secret, now, texts, name=name, batch=own.batch, limits=limits
        )
    if entry.wechat is not None:
        account = entry.wechat
        approved: dict[str, Places] = {
            ours: wechat_places(t.code, t.text) for ours, t in account.templates.items()
        }
        return WechatGateway(
            account.url,
            account.app_id,
            read_secret(folder, account.app_secret_file),
            now,
            approved,
            name=name,
            honours_idempotency=honours,
            key_life_s=entry.key_life_s or WECHAT_KEY_LIFE_S,
            limits=limits,
        )
    if entry.wecom is not None:
        app = entry.wecom
        return WecomGateway(
            app.url,
            app.corp_id,
            read_secret(folder, app.secret_file),
            app.agent_id,
            now,
            name=name,
            honours_idempotency=honours,
            key_life_s=entry.key_life_s or WECOM_KEY_LIFE_S,
            limits=limits,
        )
    return QueueGateway(name)


def _doors(file: GatewaysFile, folder: Path) -> Doors:
    secrets, paths, callbacks = {}, {}, {}
    for name, entry in file.gateways.items():
        if entry.reference is not None:
            secrets[name] = read_webhook_secrets(folder, entry.reference.secret_file)
        if (told := entry.path_receipts) is not None:
            paths[name] = PathDoor(
                read_secret(folder, told.path_secret_file),
                tuple(ipaddress.ip_network(network) for network in told.sources),
                tuple(ipaddress.ip_network(network) for network in told.proxies),
            )
        if (signed := entry.signed_receipts) is not None and entry.wechat is not None:
            try:
                callbacks[name] = CallbackDoor.of(
                    read_secret(folder, signed.token_file),
                    read_secret(folder, signed.aes_key_file),
                    entry.wechat.app_id,
                )
            except ValueError:
                raise BadSettings(f"{signed.aes_key_file}: an EncodingAESKey has 43 characters") from None
    return Doors(secrets, paths, callbacks)
