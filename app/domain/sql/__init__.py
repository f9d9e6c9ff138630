"""Named set-based statements, one file a subject."""
