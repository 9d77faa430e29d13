"""The order board: a table of orders, live for the staff and for each customer."""
