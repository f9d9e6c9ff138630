"""Imports: files on their way into the log. Stored sealed in pieces as they arrive, then worked off row by row.

Rows and the place behind them commit together, so an import that is killed anywhere goes on without loss or doubles.
"""
