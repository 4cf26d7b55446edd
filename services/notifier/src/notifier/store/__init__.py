"""All SQL of the notifier but its migrations: set-based, one module per kind of row."""
