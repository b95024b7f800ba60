"""Databases of a test's own, opened by the backend as Django opens its default one."""

import copy

from django.db import connections

from cauce.adapters.sqlcipher.base import DatabaseWrapper


def key():
    return bytes(range(32))


def other_key():
    return bytes(range(1, 33))


def open_database(path, *, key_from="databases.key", **options):
    settings = copy.deepcopy(connections["default"].settings_dict)
    settings["NAME"] = path
    settings["OPTIONS"] |= {"key_from": key_from, **options}
    return DatabaseWrapper(settings, alias="of_a_test")
