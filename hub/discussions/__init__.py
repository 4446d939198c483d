"""Collects what people say, threads it, joins it across sites, and answers."""
