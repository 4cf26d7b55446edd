"""Documents as data, and the files made of them: no word of any business is in here."""
