"""Records what the public model servers and their own clients say to each other; docs/how_to/record_model_servers.md says how to run it."""
