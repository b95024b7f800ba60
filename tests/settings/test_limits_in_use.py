"""The limits that are set are those that intake, listener and workers are given."""

from django.conf import settings

from cauce import bootstrap
from cauce.api.asgi import WebApplication, _body_limits
from cauce.core.limits import Limits
from cauce.settings import environment
from cauce.settings.environment import load


def test_the_services_are_given_the_limits_of_the_settings():
    assert bootstrap.services().limits == environment.current().limits
    assert bootstrap.services().limits.reserve_bytes == 0


def test_bodies_are_bounded_as_the_settings_say():
    bounds = _body_limits(Limits(request_bytes_max=7, memory_bytes_max=8))
    assert (bounds.request_bytes_max, bounds.memory_bytes_max) == (7, 8)
    intake = WebApplication().start()
    assert intake.limits == _body_limits(bootstrap.services().limits)


def test_json_is_bounded_by_its_own_setting_which_takes_the_large_sample():
    assert load({}).max_json_mb == 32
    assert load({"CAUCE_MAX_JSON_MB": "7"}).max_json_mb == 7
    assert environment.current().max_json_mb << 20 == settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def test_the_listener_is_given_them_too(monkeypatch):
    from cauce.dimse import listener, serving

    given = []
    monkeypatch.setattr(listener, "serve", lambda settings, *_: given.append(settings))
    settings = load({"CAUCE_MAX_INSTANCE_MB": "3", "CAUCE_MEMORY_INSTANCE_MB": "2", "CAUCE_MEMORY_MB": "5"})
    serving.serve_dimse(settings, ready=lambda _: None)
    (listening,) = given
    assert listening.instance_bytes_max == 3 << 20
    assert listening.memory_instance_bytes_max == 2 << 20
    assert listening.memory_bytes_max == 5 << 20
