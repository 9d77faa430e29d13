"""The shared sheet: cells that everybody can edit, and the users who have it open."""
