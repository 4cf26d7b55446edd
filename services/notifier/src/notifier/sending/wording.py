"""Fills the words of a message: the person's family name and what the ledger last said is owed."""

from __future__ import annotations

from dataclasses import dataclass

from notifier.handlers.parties import name_place
from notifier.handlers.templates import renew
from notifier.store.gates import DebtRow
from notifier.store.parties import PersonRow
from notifier.template_values import family_name, refusal
from notifier.templates import Rendered
from notifier.templates.catalogue import Shelf
from notifier.vault import Vault
from spine.database import Tx


@dataclass(frozen=True, slots=True)
class Wording:
    """The templates in force, with what is the same in every text."""

    shelf: Shelf
    vault: Vault

    async def renew(self, tx: Tx) -> None:
        """Takes up what people activated or withdrew. Asked while the kill switch is held, so that nothing is
        written by a text that was withdrawn before."""
        await renew(tx, self.shelf)

    def fill(self, template: str, person: PersonRow, debt: DebtRow | None) -> Rendered:
        """The text for a person; TemplateRefused when it needs what is not known."""
        variables = dict(self.shelf.files.constants)
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
        return self.shelf.templates.render(template, person.locale, variables)
