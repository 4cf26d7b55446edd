"""What a contact on record is, and what may be said in a report: no I/O, no clock."""
