"""What the REST door shows: typed answers built from what is kept."""
