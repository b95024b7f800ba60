"""The form of a signed receipt: a JSON document whose last line is a signature over all bytes before that line.

    {"format":"cauce-receipt-1", … ,"items":[
    {…},
    {…}
    ], …
    ,"signature":"<compact JWS>"}

One item stands on each line. The signature (RFC 7515) covers the length and the SHA-256 of the bytes before its line,
so a receipt of any length is written and checked in one pass, and nothing depends on how JSON is written.
"""

import base64
import hashlib
import re
from typing import Final

FORMAT: Final = "cauce-receipt-1"
KIND: Final = "cauce-receipt+jws"
"""`typ` of the signature's header: a signature that was made for anything else is none on a receipt."""

SIGNATURE_LINE: Final = re.compile(rb',"signature":"([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)"\}\n')
SIGNATURE_LINE_BYTES_MAX: Final = 8192


def signature_line(signature: str) -> bytes:
    """Return the last line of a signed receipt."""
    return f',"signature":"{signature}"}}\n'.encode("ascii")


def thumbprint(public: str) -> str:
    """Return the id of an Ed25519 key, its thumbprint (RFC 7638); `public` is the member `x` of its JWK."""
    required = f'{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}'
    return base64.urlsafe_b64encode(hashlib.sha256(required.encode("ascii")).digest()).decode().rstrip("=")
