"""What an event does to the notifier: one batch, one transaction."""
