"""Who works with the hub: users, sessions, tokens, failed logins, the first run."""
