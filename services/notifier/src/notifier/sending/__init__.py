"""How a message leaves: reserved in one transaction, handed over, and settled in another."""
