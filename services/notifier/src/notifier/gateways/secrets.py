"""Secrets of gateways: always in files of their own, never in settings."""

from __future__ import annotations

from pathlib import Path

from spine.settings import BadSettings


def read_secret(folder: Path, name: str) -> str:
    """The one word in a file. Raises BadSettings, which names the file and nothing that is in it."""
    words = _words(folder, name)
    if len(words) != 1:
        raise BadSettings(f"{name}: the file must hold one secret and nothing else")
    return words[0]


def read_webhook_secrets(folder: Path, name: str) -> tuple[str, ...]:
    """One `whsec_...` a line: the first signs, all are accepted."""
    words = _words(folder, name)
    if not words or any(not word.startswith("whsec_") for word in words):
        raise BadSettings(f"{name}: one whsec_... a line")
    return tuple(words)


def _words(folder: Path, name: str) -> list[str]:
    try:
        return (folder / name).read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        raise BadSettings(f"{name}: the secret's file cannot be read") from None
