"""GraphQL over golden profiles: the schema comes from the trait catalog, and every query is weighed before it runs."""
