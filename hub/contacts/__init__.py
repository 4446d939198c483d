"""Identities, and the CRM in step with them."""
