"""Stand-in model servers, written from the published protocols and run as processes of their own."""
