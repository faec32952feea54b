"""Cosmos 3 in this process, by diffusers."""
