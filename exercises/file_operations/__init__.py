"""Point 1: files and arithmetic on their contents."""
