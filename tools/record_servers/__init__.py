"""Records what the public model servers and their own clients say to each other; docs/recording_servers.md says how to run it."""
