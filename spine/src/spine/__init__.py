"""How events flow: the only shared code, free of collection rules."""
