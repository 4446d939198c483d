"""Carries out turns of accounts: in threads of this process, or as jobs of Procrastinate across machines."""
