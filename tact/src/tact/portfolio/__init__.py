"""Portfolios to play: made up by the generator, read from a file, or turned from a public data set."""
