"""When is a thing due, one account's turn, the tick, the daemon."""
