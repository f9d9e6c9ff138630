"""Matching: whether two records without a shared identifier are one person, in log2 Bayes factors. Pure."""
