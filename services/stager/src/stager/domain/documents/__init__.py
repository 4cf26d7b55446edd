"""Documents from facts: every mandatory field, or a refusal that names the missing one; sums to the cent."""
