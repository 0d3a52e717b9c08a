"""Tables, queries and the transaction that writes state and events together; nothing here commits by itself."""
