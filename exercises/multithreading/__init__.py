"""Point 3: threads."""
