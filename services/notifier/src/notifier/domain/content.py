"""Whether a text says what it must and nothing that it must not."""

from __future__ import annotations

from collections.abc import Iterator

from notifier.domain.facts import Content
from notifier.domain.stated_rules import ContentRule
from notifier.domain.words import first_forbidden, pattern, plain


def broken(rules: tuple[ContentRule, ...], content: Content) -> Iterator[ContentRule]:
    """The rules that a text breaks."""
    bare = plain(content.text) if rules else ""
    for rule in rules:
        if rule.judged == "always" and fault_of(rule, content.text, bare, content.language) is not None:
            yield rule


def fault_of(rule: ContentRule, text: str, bare: str, language: str | None) -> str | None:
    """What a rule has against a text, `bare` being what is left of it without disguises; None if nothing."""
    if (word := first_forbidden(bare, rule.forbidden)) is not None:
        return f"{word!r} must not be said"
    if rule.starts_with is not None and not pattern(rule.starts_with).match(text):
        return "it does not begin as it must"
    if rule.contains and not any(pattern(source).search(text) for source in rule.contains):
        return "it does not say what it must"
    if rule.max_characters is not None and len(text) > rule.max_characters:
        return f"it is longer than {rule.max_characters} characters"
    if rule.languages and language is not None and not _spoken(language, rule.languages):
        return f"it is not in {', '.join(rule.languages)}"
    return None


def _spoken(language: str, languages: tuple[str, ...]) -> bool:
    """Whether a language is one of these, or a kind of one of them: en-US is en."""
    own = language.replace("_", "-").casefold()
    return any(own == each.casefold() or own.startswith(f"{each.casefold()}-") for each in languages)
