"""Policies that run in somebody else's server: thin clients, each one module, none of which needs torch."""
