"""What pynetdicom and pydicom must not do in a process that listens: log."""

import logging
import warnings

from pynetdicom import _config as pynetdicom_config


def quieten() -> None:
    """Keep pynetdicom and pydicom from logging: their messages quote UIDs and values. Ours are events without them.

    Also let AE titles pass that break the rules of their value representation (devices pad them with zeros); they
    are shown cleaned.
    """
    for name in ("pynetdicom", "pydicom"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    for module in ("pynetdicom", "pydicom"):
        warnings.filterwarnings("ignore", module=module)
    pynetdicom_config.LOG_HANDLER_LEVEL = "none"
    pynetdicom_config.LOG_REQUEST_IDENTIFIERS = False
    pynetdicom_config.LOG_RESPONSE_IDENTIFIERS = False
    pynetdicom_config.CODECS = ("ascii", "latin-1")
    pynetdicom_config.VALIDATORS["AE"] = lambda _value: (True, "")
