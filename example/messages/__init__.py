"""The message stream: the rows of one table appear on every open page as they are written."""
