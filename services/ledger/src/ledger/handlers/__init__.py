"""What the ledger does with what it is told: one transaction each - load, decide, save, emit."""
