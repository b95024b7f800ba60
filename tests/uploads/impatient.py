"""The application as a server process runs it, with answers that do not wait for archives."""

from cauce.api.asgi import WebApplication
from cauce.api.raw.request import BodyLimits

application = WebApplication(limits=BodyLimits(unpack_wait_s=0))
