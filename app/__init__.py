"""Samewise: a self-hosted customer data platform for personalised email."""

__version__ = "0.1.0"
