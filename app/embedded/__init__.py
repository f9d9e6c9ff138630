"""A private PostgreSQL and Valkey from wheels, for the one-command start."""
