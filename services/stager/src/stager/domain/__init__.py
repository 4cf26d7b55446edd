"""The pure part: from facts and policies to stages and steps, without clock, database or network."""
