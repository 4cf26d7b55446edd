"""Made-up people: names, addresses and circumstances that belong to no one."""

from __future__ import annotations

from random import Random
from typing import Any, Final

_SURNAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
_GIVEN: Final = "伟芳娜敏静强磊军洋勇艳杰娟涛明超秀霞平刚桂英文华建国玉兰海燕晓东志鹏思雨子涵"
_REGIONS: Final = ("CN-BJ", "CN-SH", "CN-GD", "CN-ZJ", "CN-JS", "CN-SC", "CN-HB", "CN-FJ")
_SEGMENTS: Final = (
    ("employee", "family", "renovation"),
    ("employee", "single", "education"),
    ("employee", "family", "car"),
    ("shop_owner", "family", "working_capital"),
    ("restaurant_owner", "family", "working_capital"),
    ("driver", "single", "car"),
    ("freelancer", "single", "consumption"),
    ("farmer", "family", "equipment"),
)
_HOME_ZONE: Final = "Asia/Shanghai"
#: Out of a thousand borrowers, those who live by another clock, with where that is.
_ABROAD: Final = (
    (15, "Asia/Urumqi", "CN-XJ"),
    (8, "Asia/Tokyo", "JP"),
    (6, "Europe/London", "GB"),
    (6, "America/New_York", "US"),
)
#: Out of a thousand, those of whom no zone is known: contact must fail closed.
_ZONE_UNKNOWN_PER_MILLE: Final = 3
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def draw_borrower(rng: Random, borrower_id: str, number: int) -> dict[str, Any]:
    """The data of `borrower.updated.v1`; `number` below a million makes phone and id number unique."""
    name = rng.choice(_SURNAMES) + "".join(rng.choices(_GIVEN, k=rng.choice((1, 2, 2))))
    zone, region = _home(rng)
    occupation, household, purpose = rng.choice(_SEGMENTS)
    data: dict[str, Any] = {
        "borrower_id": borrower_id,
        "name": name,
        "id_number": _id_number(number),
        "locale": "en" if region in ("GB", "US") or rng.randrange(100) < 3 else "zh-CN",
        "region": region,
        "segment": {
            "occupation": occupation,
            "household": household,
            "purpose": purpose,
            "risk_grade": rng.choice("AABBBCD"),
        },
        "contact_points": _contact_points(rng, borrower_id, number),
    }
    if zone is not None:
        data["timezone"] = zone
    return data


def _home(rng: Random) -> tuple[str | None, str]:
    drawn = rng.randrange(1000)
    for per_mille, zone, region in _ABROAD:
        if drawn < per_mille:
            return zone, region
        drawn -= per_mille
    if drawn < _ZONE_UNKNOWN_PER_MILLE:
        return None, rng.choice(_REGIONS)
    return _HOME_ZONE, rng.choice(_REGIONS)


def _contact_points(rng: Random, borrower_id: str, number: int) -> list[dict[str, Any]]:
    # +86 1740 0 is a range of satellite handsets: well-formed, and in no borrower's pocket.
    phone = f"+8617400{number:06d}"
    consent = "withdrawn" if rng.randrange(100) == 0 else "given"
    points: list[dict[str, Any]] = [
        {"id": f"{borrower_id}-sms", "channel": "sms", "address": phone, "consent": "given"},
        {"id": f"{borrower_id}-call", "channel": "call", "address": phone, "consent": "given"},
    ]
    if rng.randrange(100) < 92:
        points.append(
            {
                "id": f"{borrower_id}-wechat",
                "channel": "wechat",
                "address": f"o-made-up-{number:06d}",
                "consent": consent,
            }
        )
    return points


def _id_number(number: int) -> str:
    """18 digits with a right check digit, of a district (990000) and a birthday that no person has."""
    body = f"990000{1000 + number // 1000:04d}0101{number % 1000:03d}"
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True)) % 11]
