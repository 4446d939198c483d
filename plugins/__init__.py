"""The built-in plugins: one package per platform."""
