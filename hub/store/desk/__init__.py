"""What a team does with mentions: finds them, answers them, and whose they are."""
