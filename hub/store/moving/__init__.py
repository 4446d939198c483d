"""Carries everything from one database to another: `hub db move`, `hub db backup` and `hub db restore`."""
