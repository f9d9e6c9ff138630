"""Bulk: the partition of a whole workspace at once, as the pipeline computes it record by record.

The records of one moment are read once, blocked and scored inside an embedded
DuckDB by SQL made from the model, joined to components, and divided by the very
code that divides one component online. What differs from what is stored is a
simulation's answer, or what is derived again.
"""
