"""Sealing at rest: a keyring per workspace, and the key service that guards the keyrings' keys."""
