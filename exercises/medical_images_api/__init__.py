"""Point 4: the REST API of results. The API is the platform's own; here is what starts and fills it."""
