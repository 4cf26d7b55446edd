"""What the REST door shows: typed answers built from rows and positions."""
