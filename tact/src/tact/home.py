"""What `TACT_HOME` holds: secrets, the files of a running system, logs, the demo's records."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spine.settings import environment_file, write_private


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one Tact system on this machine."""

    path: Path

    @classmethod
    def from_environment(cls) -> Home:
        """`TACT_HOME`, else `.tact` in the current folder."""
        return cls(Path(os.environ.get("TACT_HOME", ".tact")).absolute())

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def demo(self) -> Path:
        return self.path / "demo"

    @property
    def gateway_secret(self) -> Path:
        return self.path / "secrets" / "gateway"

    @property
    def key_file(self) -> Path:
        return self.path / "keys" / "notifier.json"

    @property
    def state_file(self) -> Path:
        return self.path / "run" / "system.json"

    def prepare(self) -> None:
        """Makes the folders and, once, the development secrets of the one-machine mode."""
        for folder in (self.path, self.logs, self.demo, self.path / "run", self.path / "secrets"):
            folder.mkdir(parents=True, exist_ok=True)
        if not (self.path / "token").exists():
            write_private(self.path / "token", secrets.token_urlsafe(32).encode())
        if not self.gateway_secret.exists():
            secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
            write_private(self.gateway_secret, secret.encode())

    def write_environment(self, environment: Mapping[str, str]) -> None:
        """Tells other commands how to reach what runs here."""
        write_private(environment_file(self.path), json.dumps(dict(environment), indent=1).encode())

    def forget_environment(self) -> None:
        """The system is gone: other commands must not look for it."""
        environment_file(self.path).unlink(missing_ok=True)
        self.state_file.unlink(missing_ok=True)
