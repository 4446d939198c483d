"""Lists of people as files: taken in and given out."""
