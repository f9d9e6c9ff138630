"""Resolving labelled data in memory, by the very functions that the pipeline uses, and comparing it with the truth."""
