"""The tact command line and the one-machine mode."""
