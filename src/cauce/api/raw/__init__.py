"""The ways in that carry files: raw ASGI, so that bodies stream and are judged before their first byte is read."""
