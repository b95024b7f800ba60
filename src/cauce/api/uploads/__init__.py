"""Uploads by form: files, folders, archives."""
