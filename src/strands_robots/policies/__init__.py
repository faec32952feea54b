"""Policies: providers by name, and the run of one on one robot (the action server run_policy)."""
