"""Fills the words of a message: the person's family name and what the ledger last said is owed."""

from __future__ import annotations

from dataclasses import dataclass

from notifier.handlers.parties import name_place
from notifier.store.gates import DebtRow
from notifier.store.parties import PersonRow
from notifier.template_values import family_name, refusal
from notifier.templates import Rendered, Templates
from notifier.vault import Vault


@dataclass(frozen=True, slots=True)
class Wording:
    """The templates and what is the same in every text."""

    templates: Templates
    vault: Vault
    institution: str
    hotline: str

    def fill(self, template: str, person: PersonRow, debt: DebtRow | None) -> Rendered:
        """The text for a person; TemplateRefused when it needs what is not known."""
        variables = {"institution": self.institution, "hotline": self.hotline}
        if person.subject_key is not None and person.name_cipher is not None:
            name = family_name(
                self.vault.decrypt(person.subject_key, person.name_cipher, name_place(person.borrower_id))
            )
            # A name no text may show is left out rather than a reason to send nothing.
            if refusal("name", name) is None:
                variables["name"] = name
        if debt is not None:
            variables |= {"amount_due": debt.overdue.total, "currency": debt.currency}
            if debt.oldest_unpaid_due_on is not None:
                variables["due_on"] = debt.oldest_unpaid_due_on.isoformat()
        return self.templates.render(template, person.locale, variables)
