"""The only modules of the ledger with SQL besides its tables and migrations."""
