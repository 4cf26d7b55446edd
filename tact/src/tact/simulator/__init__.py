"""A gateway that is not ours: it speaks the reference protocol, keeps its own record, and can misbehave."""
