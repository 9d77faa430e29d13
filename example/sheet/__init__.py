"""The shared sheet: cells that everybody edits, and who has them open."""
