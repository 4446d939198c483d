"""Keeps CRMs in step: what changed there comes in, what changed here goes out, each once."""
