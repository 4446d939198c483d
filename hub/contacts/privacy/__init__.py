"""Consent, export, erasure, and how long things are kept."""
