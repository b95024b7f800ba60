"""A thin Django database backend: Django's own SQLite backend on SQLCipher's connection (PyPI `sqlcipher3`)."""
