"""Taking in: events of the Segment specification and records, answered after the commit that holds them."""
