"""`python -m tact`: the command line."""

from tact.cli import main

main()
