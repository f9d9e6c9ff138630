"""Training: a matching model that fits a workspace's own records, its thresholds set by the workspace's evidence."""
