"""The private machine room: PostgreSQL, Redis and the programs of one checkout."""
