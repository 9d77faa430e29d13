"""The order board: a table of orders that is live for the staff and for each customer."""
