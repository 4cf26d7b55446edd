"""Who hands messages on: the gateway port and its adapters."""
