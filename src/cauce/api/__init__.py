"""The ways in and out over HTTP: REST, pages, health and metrics as Django views; uploads and DICOMweb as raw ASGI."""
