"""Contact log: every contact, provably."""
