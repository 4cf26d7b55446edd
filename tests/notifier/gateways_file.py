"""A gateways file with every secret it may name, for tests that need more than one gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.notifier.gateways.adapters import ACCOUNTS
from tests.notifier.gateways.adapters import SECRET as SIMULATOR_SECRET
from tests.notifier.world import SECRET

NOBODY = "http://127.0.0.1:1"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
PATH_SECRET = "p4th-s3cr3t"


def gateways_file(folder: Path, gateways: dict[str, Any], routes: dict[str, list[str]]) -> Path:
    """The file, and beside it every secret that the tests' gateways name."""
    secrets = {
        "whsec": SECRET,
        "sim": SIMULATOR_SECRET,
        "aliyun": ACCOUNTS.access_key_secret,
        "wechat": ACCOUNTS.app_secret,
        "path": PATH_SECRET,
        "token": "event-token",
        "aes": AES_KEY,
    }
    for name, secret in secrets.items():
        (folder / name).write_text(secret)
    path = folder / "gateways.yaml"
    path.write_text(yaml.safe_dump({"gateways": gateways, "routes": routes}))
    return path


def reference(url: str, **more: Any) -> dict[str, Any]:
    return {"reference": {"url": url, "secret_file": "whsec"}, **more}
