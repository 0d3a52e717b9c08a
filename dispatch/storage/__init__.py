"""Tables, queries, and the transaction that writes state and its events together."""
