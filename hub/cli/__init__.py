"""The command line: click, one file per group of commands, imported when it is called."""
