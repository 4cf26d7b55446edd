"""The notifier's own settings, TACT_NOTIFIER_*; what may be said when and how often is policy, not settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Self

from spine.settings import BadSettings, own_settings

_DEFAULTS: Final = {
    "GATEWAY_URL": "",
    "GATEWAY_NAME": "reference",
    "GATEWAY_SECRET_FILE": "",
    "GATEWAY_IDEMPOTENT": "yes",
    "GATEWAYS_FILE": "",
    "KEK_FILE": "",
    "PACKS": "cn,cn-house",
    "COUNTRY": "CN",
    "INSTITUTION": "示例消费金融",
    "HOTLINE": "400-800-0000",
    "PRINCIPAL": "",
    "FRESH_WITHIN_S": "5",
    "WINDOW_MARGIN_S": "15",
    "HANDOVER_S": "60",
    "PERMIT_S": "1800",
    "OPENING_SPREAD_S": "120",
    "HTTP_TIMEOUT_S": "10",
    "LEASE_S": "90",
    "SETTLE_S": "120",
    "ASK_AGAIN_S": "60",
    "HUMAN_AFTER_S": "3600",
    "BATCH": "100",
    "LANES": "4",
    "MODE": "live",
    "TEST_ADDRESSES_FILE": "",
}


@dataclass(frozen=True, slots=True)
class NotifierSettings:
    """Seconds are wall time but for `window_margin_s`, `handover_s`, `permit_s` and `opening_spread_s`, which are
    business time.

    `fresh_within_s`: X, the age of ticks at which sending stops. `window_margin_s`: kept free before a window
    ends. `permit_s`: how long a permit for a call or a visit is good for. `opening_spread_s`: over how much of the
    beginning of a window that was waited for its messages come back. `handover_s`: how long a gateway may take
    to hand a message on. `lease_s`: longer than any live
    sender takes, so above `handover_s` and `http_timeout_s`. `settle_s`: how long a gateway may take to know
    what it was given; asked again every `ask_again_s`; after `human_after_s` it is a person's matter.
    """

    gateway_url: str = ""
    gateway_name: str = "reference"
    gateway_secret_file: Path | None = None
    gateway_idempotent: bool = True
    gateways_file: Path | None = None
    kek_file: Path | None = None
    packs: tuple[str, ...] = ("cn", "cn-house")
    country: str = "CN"
    institution: str = _DEFAULTS["INSTITUTION"]
    hotline: str = _DEFAULTS["HOTLINE"]
    principal: str = ""
    fresh_within_s: float = 5.0
    window_margin_s: float = 15.0
    handover_s: float = 60.0
    permit_s: float = 1800.0
    opening_spread_s: float = 120.0
    http_timeout_s: float = 10.0
    lease_s: float = 90.0
    settle_s: float = 120.0
    ask_again_s: float = 60.0
    human_after_s: float = 3600.0
    batch: int = 100
    lanes: int = 4
    #: live, shadow (nobody is reached) or listed (the addresses of the file alone).
    mode: str = "live"
    test_addresses_file: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Reads TACT_NOTIFIER_*. Raises BadSettings for unknown or malformed ones."""
        own = own_settings("notifier", _DEFAULTS, environ)
        numbers = {f.name: f.type == "int" for f in fields(cls) if f.type in ("float", "int")}
        values: dict[str, object] = {
            "gateway_url": own["GATEWAY_URL"],
            "gateway_name": own["GATEWAY_NAME"],
            "gateway_secret_file": _path(own["GATEWAY_SECRET_FILE"]),
            "gateway_idempotent": _yes(own["GATEWAY_IDEMPOTENT"]),
            "gateways_file": _path(own["GATEWAYS_FILE"]),
            "kek_file": _path(own["KEK_FILE"]),
            "packs": tuple(name.strip() for name in own["PACKS"].split(",")),
            "country": own["COUNTRY"],
            "institution": own["INSTITUTION"],
            "hotline": own["HOTLINE"],
            "principal": own["PRINCIPAL"],
            "mode": own["MODE"],
            "test_addresses_file": _path(own["TEST_ADDRESSES_FILE"]),
            **{name: _number(name, own[name.upper()], whole=whole) for name, whole in numbers.items()},
        }
        return cls(**values).checked()  # type: ignore[arg-type]

    def checked(self) -> Self:
        """Itself. Raises BadSettings where two settings contradict each other."""
        if self.lease_s <= self.http_timeout_s:
            raise BadSettings("TACT_NOTIFIER_LEASE_S must be above TACT_NOTIFIER_HTTP_TIMEOUT_S")
        if self.gateways_file is not None and self.gateway_url:
            raise BadSettings("TACT_NOTIFIER_GATEWAYS_FILE and TACT_NOTIFIER_GATEWAY_URL exclude each other")
        if not 1 <= self.batch <= 500 or not 1 <= self.lanes <= 16:
            raise BadSettings("TACT_NOTIFIER_BATCH is 1 to 500 and TACT_NOTIFIER_LANES 1 to 16")
        return self

    def constants(self) -> dict[str, str]:
        """What is the same in every text: who writes, for whom where that is somebody else, and the hotline."""
        named = {"institution": self.institution, "hotline": self.hotline, "principal": self.principal}
        return {name: value for name, value in named.items() if value}

    def secrets(self) -> tuple[str, ...]:
        """The gateway's secrets, one a line: the first signs, all are accepted. Raises BadSettings."""
        if self.gateway_secret_file is None:
            if self.gateway_url:
                raise BadSettings("TACT_NOTIFIER_GATEWAY_URL needs TACT_NOTIFIER_GATEWAY_SECRET_FILE")
            return ()
        try:
            lines = self.gateway_secret_file.read_text(encoding="ascii").split()
        except (OSError, UnicodeDecodeError):
            raise BadSettings("TACT_NOTIFIER_GATEWAY_SECRET_FILE cannot be read") from None
        if not lines or any(not line.startswith("whsec_") for line in lines):
            raise BadSettings("TACT_NOTIFIER_GATEWAY_SECRET_FILE: one whsec_... a line")
        return tuple(lines)


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _yes(text: str) -> bool:
    if text not in ("yes", "no"):
        raise BadSettings(f"TACT_NOTIFIER_GATEWAY_IDEMPOTENT: yes or no, not {text!r}")
    return text == "yes"


def _number(name: str, text: str, *, whole: bool) -> float:
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e9:
        kind = "a whole number" if whole else "a number of seconds"
        raise BadSettings(f"TACT_NOTIFIER_{name.upper()}: {kind}, not {text!r}")
    return number
