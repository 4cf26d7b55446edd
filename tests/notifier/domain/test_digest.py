"""The digest of facts is that of their canonical JSON (RFC 8785), whatever the words in them."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from notifier.domain.digest import canonical, digest
from notifier.domain.facts import Content
from tests.notifier.domain.builders import facts

words = st.text(st.characters(exclude_categories=["Cs"]))


@given(text=words, address=words)
def test_the_digest_is_that_of_canonical_json(text: str, address: str) -> None:
    given_facts = replace(facts(), address=address, content=Content(text, "zh-CN", "t", 3))
    whole = rfc8785.dumps(canonical(given_facts))
    assert digest(given_facts) == hashlib.sha256(whole).hexdigest()
