"""What the product does, in its own words: records in, golden profiles out. No HTTP, no queue, no settings."""
