"""`python -m tact`: the command line."""

from tact.cli import app

app()
