"""How many episodes run at once, and where: processes of this machine, or a Ray cluster."""
