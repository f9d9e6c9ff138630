"""Access tokens: signed JWTs (RFC 9068), issued and verified here and nowhere else."""
