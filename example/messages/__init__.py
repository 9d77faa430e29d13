"""The message stream: rows of one table, on every open page as they are written."""
