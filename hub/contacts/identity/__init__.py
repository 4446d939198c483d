"""Who is who: which cards are one person, by what evidence, and who decided on it."""
