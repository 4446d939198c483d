"""The people behind the authors: their cards, what joins them, and what they said to us."""
