"""The intermediate representation: one op table, and all that reads it."""
