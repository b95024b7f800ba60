"""Studies made by code alone, for `cauce demo` and for tests. Nobody is shown, nobody is named.

`write_demo` writes a whole demonstration; the others are single objects: `ct_slice`, `us_image` and `secondary_capture`
as data sets (`to_part10` turns one into a file), `small_instance` as the bytes of a tiny file, hundreds a second.
"""

from cauce.samples.demo import DemoFiles, write_demo
from cauce.samples.headers import to_part10
from cauce.samples.identity import stable_uid
from cauce.samples.instances import DEMO_SEED, ct_slice, secondary_capture, small_instance, us_image

__all__ = [
    "DEMO_SEED",
    "DemoFiles",
    "ct_slice",
    "secondary_capture",
    "small_instance",
    "stable_uid",
    "to_part10",
    "us_image",
    "write_demo",
]
