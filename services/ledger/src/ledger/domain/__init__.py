"""What is owed on a loan, and since when: a pure function of facts and a date."""
