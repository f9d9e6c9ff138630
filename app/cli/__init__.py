"""The command line, `cdp`."""
