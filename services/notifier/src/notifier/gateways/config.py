"""The gateways file: which gateways there are, what protects each, and which channel goes by which."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from spine.events.stager import ContactChannel
from spine.policy import BadPolicy, Fault, load_policy
from spine.settings import BadSettings

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$(?!\n)")]
Words = Annotated[str, Meta(min_length=1, max_length=500)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
File = Annotated[str, Meta(min_length=1)]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An unknown key is a mistake."""


class Reference(_Strict, frozen=True):
    """The reference protocol; the secret file has one `whsec_...` a line, the first signs."""

    url: Words
    secret_file: File


class VendorTemplate(_Strict, frozen=True):
    """A template as the vendor approved it: our text must be exactly its text with the places filled."""

    code: Words
    text: Words


class Aliyun(_Strict, frozen=True):
    """Aliyun short messages (dysmsapi 2017-05-25), signed with ACS3-HMAC-SHA256."""

    url: Words
    access_key_id: Words
    access_key_secret_file: File
    templates: dict[str, VendorTemplate]
    batch: Annotated[int, Meta(ge=1, le=100)] = 100


class Wechat(_Strict, frozen=True):
    """Template messages of a WeChat official account."""

    url: Words
    app_id: Words
    app_secret_file: File
    templates: dict[str, VendorTemplate]


class Wecom(_Strict, frozen=True):
    """Messages of a WeCom application to those in its view."""

    url: Words
    corp_id: Words
    agent_id: int
    secret_file: File


class Kafka(_Strict, frozen=True):
    """A gateway that reads gateway.outbound.v1 and reports on gateway.receipts.v1."""


class SignedReceipts(_Strict, frozen=True):
    """Events of WeChat in the secure mode: signed and encrypted."""

    token_file: File
    aes_key_file: File


class PathReceipts(_Strict, frozen=True):
    """Reports of a vendor that cannot sign: a secret in the path and the networks they come from. `proxies`: the
    networks of our own reverse proxies, whose X-Forwarded-For is believed."""

    path_secret_file: File
    sources: Annotated[tuple[str, ...], Meta(min_length=1)]
    proxies: tuple[str, ...] = ()


class BreakerEntry(_Strict, frozen=True):
    """When the gateway is left alone, and for how long."""

    open_after: Annotated[int, Meta(ge=1, le=100)] = 1
    first_open_s: Seconds = 0.25
    longest_open_s: Seconds = 30.0


class Entry(_Strict, frozen=True):
    """One gateway: exactly one of the protocols, and what is asked of it. `idempotent`: it was agreed with the
    gateway that it honours our keys, for `key_life_s` of wall time; without, what is unknown is never repeated."""

    reference: Reference | None = None
    aliyun: Aliyun | None = None
    wechat: Wechat | None = None
    wecom: Wecom | None = None
    kafka: Kafka | None = None
    idempotent: bool | None = None
    key_life_s: Seconds | None = None
    per_second: Annotated[float, Meta(gt=0, le=100_000)] | None = None
    burst: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    connections: Annotated[int, Meta(ge=1, le=500)] = 16
    breaker: BreakerEntry = BreakerEntry()
    signed_receipts: SignedReceipts | None = None
    path_receipts: PathReceipts | None = None

    @property
    def kinds(self) -> list[str]:
        """The protocols given; one, in a file that was checked."""
        names: tuple[Literal["reference", "aliyun", "wechat", "wecom", "kafka"], ...]
        names = ("reference", "aliyun", "wechat", "wecom", "kafka")
        return [name for name in names if getattr(self, name) is not None]

    @property
    def honours_idempotency(self) -> bool:
        """Only the reference protocol promises it by itself."""
        return self.idempotent if self.idempotent is not None else self.reference is not None


class GatewaysFile(_Strict, frozen=True):
    """The whole file. A channel's first gateway is used, the next one while the first takes nothing."""

    gateways: Annotated[dict[Name, Entry], Meta(min_length=1)]
    routes: Annotated[
        dict[ContactChannel, Annotated[tuple[Name, ...], Meta(min_length=1)]], Meta(min_length=1)
    ]


def load_gateways(path: Path) -> GatewaysFile:
    """The file, with paths of secrets as they are meant: relative to its folder. BadSettings tells what is wrong
    with it by file, line and reason."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise BadSettings(f"TACT_NOTIFIER_GATEWAYS_FILE: {path.name} cannot be read") from None
    try:
        return load_policy(GatewaysFile, text, path=path.name, faults=_faults).policy
    except BadPolicy as refused:
        raise BadSettings(f"TACT_NOTIFIER_GATEWAYS_FILE: {refused.detail}") from None


def _faults(file: GatewaysFile) -> Iterator[Fault]:
    for name, entry in file.gateways.items():
        at = ("gateways", name)
        if len(entry.kinds) != 1:
            yield Fault(at, f"{name}: exactly one of reference, aliyun, wechat, wecom, kafka is required")
        if entry.path_receipts is not None and not entry.aliyun:
            yield Fault((*at, "path_receipts"), f"{name}: only for vendors that cannot sign (aliyun)")
        if entry.signed_receipts is not None and not entry.wechat:
            yield Fault((*at, "signed_receipts"), f"{name}: only for wechat")
        if entry.aliyun is not None and entry.honours_idempotency:
            yield Fault((*at, "idempotent"), f"{name}: Aliyun's API knows no idempotency keys")
        if entry.kafka is not None and entry.honours_idempotency:
            yield Fault((*at, "idempotent"), f"{name}: what goes through the log is sent once by itself")
        yield from _network_faults(name, entry)
    if sum(entry.kafka is not None for entry in file.gateways.values()) > 1:
        yield Fault(("gateways",), "the topics of the log are one gateway's")
    for channel, names in file.routes.items():
        for n, name in enumerate(names):
            if name not in file.gateways:
                yield Fault(("routes", channel, n), f"{channel}: there is no gateway {name!r}")
            elif name in names[:n]:
                yield Fault(("routes", channel, n), f"{channel}: {name!r} is there twice")


def _network_faults(name: str, entry: Entry) -> Iterator[Fault]:
    receipts = entry.path_receipts
    for key, networks in (("sources", receipts.sources), ("proxies", receipts.proxies)) if receipts else ():
        for n, network in enumerate(networks):
            try:
                ipaddress.ip_network(network)
            except ValueError:
                place = ("gateways", name, "path_receipts", key, n)
                yield Fault(place, f"{name}: {network!r} is no network such as 203.0.113.0/24")
