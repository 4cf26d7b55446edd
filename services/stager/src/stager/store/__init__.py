"""What the stager keeps: the only modules with SQL besides the tables."""
