"""Ledger: facts about loans and money."""
