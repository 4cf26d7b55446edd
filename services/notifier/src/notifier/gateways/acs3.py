"""Aliyun's request signature ACS3-HMAC-SHA256 ("V3 request body and signature mechanism" of its SDK guide)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

ALGORITHM: Final = "ACS3-HMAC-SHA256"
_SIGNED_PREFIX: Final = "x-acs-"
_SIGNED: Final = frozenset({"host", "content-type"})


def acs3_headers(action: str, version: str, body: bytes, at: datetime, nonce: str) -> dict[str, str]:
    """The headers of a request that are signed, apart from host and content type; `at` is wall time."""
    return {
        "x-acs-action": action,
        "x-acs-version": version,
        "x-acs-date": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
    }


def authorization(
    access_key_id: str,
    secret: str,
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
) -> str:
    """The Authorization header over method, path, query and the headers that are signed (host, content type and
    all x-acs-*), among which the hash of the body must be."""
    signed = {
        name.lower(): value.strip()
        for name, value in headers.items()
        if name.lower() in _SIGNED or name.lower().startswith(_SIGNED_PREFIX)
    }
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        (
            method,
            quote(path, safe="/-_.~") or "/",
            "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(query.items())),
            "".join(f"{name}:{signed[name]}\n" for name in sorted(signed)),
            names,
            signed["x-acs-content-sha256"],
        )
    )
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={access_key_id},SignedHeaders={names},Signature={signature}"


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
