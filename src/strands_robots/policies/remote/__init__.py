"""Policies that run in a server of another project: thin clients, each one module, none of which needs torch."""
