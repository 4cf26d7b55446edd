"""Whether a contact may happen: pure decisions from facts, policy and an instant."""
