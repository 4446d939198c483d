"""What keeps the hub going: accounts and their leases, switches, signs of life, webhooks."""
