import stat

import pytest
from crash_model import survives
from processes import in_processes

from cauce.adapters.keys_file import FileKeyService
from cauce.core.errors import ConfigurationError, IntegrityError

PLAIN = bytes(range(32))
ROOT_KEY = "cauce root key v1\n" + "0f" * 32 + "\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "made" / "keys.json"


def write_key(path, text=ROOT_KEY, mode=0o600):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return FileKeyService(path)


def test_what_was_wrapped_opens_in_another_process_of_the_same_key(path):
    wrapped = FileKeyService(path).wrap(PLAIN, context=b"c")
    assert FileKeyService(path).unwrap(wrapped, context=b"c") == PLAIN
    assert PLAIN not in wrapped
    assert len(wrapped) == 1 + 12 + 32 + 16


def test_the_first_wrap_makes_the_file_for_its_owner_alone(path):
    FileKeyService(path).wrap(PLAIN, context=b"c")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    first, second, rest = path.read_text().split("\n")
    assert first == "cauce root key v1"
    assert len(bytes.fromhex(second)) == 32
    assert rest == ""


def test_the_file_is_durable_before_anything_is_wrapped_under_it(disk, path):
    FileKeyService(path).wrap(PLAIN, context=b"c")
    assert survives(disk.events, str(path))


def test_a_file_that_another_has_just_made_is_made_durable_too(disk, path):
    FileKeyService(path).wrap(PLAIN, context=b"c")
    disk.clear()
    FileKeyService(path).wrap(PLAIN, context=b"c")
    assert disk.events == [("sync", str(path.parent))]


def test_a_key_file_that_cannot_be_made_durable_wraps_nothing(disk, path):
    disk.fail_sync = 3
    with pytest.raises(ConfigurationError, match="cannot be made"):
        FileKeyService(path).wrap(PLAIN, context=b"c")


def test_nothing_is_read_before_it_is_needed(path):
    FileKeyService(path)
    assert not path.parent.exists()


def test_processes_that_begin_together_share_one_key(path):
    wrapped = in_processes(8, _wrap, path)
    assert [FileKeyService(path).unwrap(each, context=b"c") for each in wrapped] == [PLAIN] * 8
    assert [each.name for each in path.parent.iterdir()] == ["keys.json"]


def _wrap(_number, path):
    return FileKeyService(path).wrap(PLAIN, context=b"c")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o777])
def test_a_file_that_others_may_read_is_refused_with_the_remedy(path, mode):
    service = write_key(path, mode=mode)
    for use in (lambda: service.wrap(PLAIN, context=b""), lambda: service.unwrap(b"\1" + bytes(60), context=b"")):
        with pytest.raises(ConfigurationError, match="chmod 600") as caught:
            use()
        assert str(path) in caught.value.detail
        assert "0f0f" not in caught.value.detail
    path.chmod(0o600)
    assert service.unwrap(service.wrap(PLAIN, context=b"c"), context=b"c") == PLAIN


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_for_its_owner_alone_is_taken(path, mode):
    assert len(write_key(path, mode=mode).wrap(PLAIN, context=b"c")) == 61


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cauce root key v1",
        "cauce root key v1\n" + "0f" * 31,
        "cauce root key v1\n" + "0f" * 33,
        "cauce root key v1\n" + "xy" * 32,
        "cauce root key v2\n" + "0f" * 32,
        "0f" * 32,
        ROOT_KEY + ROOT_KEY,
        "é" * 40,
        '{"key": "' + "0f" * 32 + '"}',
    ],
)
def test_a_malformed_file_is_refused_and_stays_as_it_is(path, text):
    with pytest.raises(ConfigurationError, match="malformed") as caught:
        write_key(path, text).wrap(PLAIN, context=b"c")
    assert path.read_text() == text
    assert "0f0f" not in caught.value.detail


@pytest.mark.parametrize(
    "text",
    [
        ROOT_KEY.replace("\n", "\r\n"),
        ROOT_KEY.upper().replace("CAUCE ROOT KEY V1", "cauce root key v1"),
        ROOT_KEY.strip(),
        ROOT_KEY + "\n \n",
    ],
)
def test_a_key_typed_in_from_paper_is_taken(path, text):
    wrapped = write_key(path).wrap(PLAIN, context=b"c")
    assert write_key(path, text).unwrap(wrapped, context=b"c") == PLAIN


def test_a_folder_in_place_of_the_file_is_named(path):
    path.mkdir(parents=True)
    for use in (lambda s: s.wrap(PLAIN, context=b""), lambda s: s.unwrap(bytes(61), context=b"")):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            use(FileKeyService(path))


def test_a_place_where_no_file_can_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigurationError, match=r"cannot be (made|read)"):
        FileKeyService(tmp_path / "file" / "keys").wrap(PLAIN, context=b"c")


def test_a_wrapped_key_is_bound_to_its_context(path):
    service = FileKeyService(path)
    wrapped = service.wrap(PLAIN, context=b"epoch/originals")
    for context in (b"epoch/deidentified", b"", b"epoch/originals\0"):
        with pytest.raises(IntegrityError):
            service.unwrap(wrapped, context=context)


def test_an_altered_wrapped_key_does_not_open(path):
    service = FileKeyService(path)
    wrapped = service.wrap(PLAIN, context=b"c")
    for position in range(len(wrapped)):
        altered = bytearray(wrapped)
        altered[position] ^= 1
        with pytest.raises(IntegrityError):
            service.unwrap(bytes(altered), context=b"c")
    for cut in range(len(wrapped)):
        with pytest.raises(IntegrityError):
            service.unwrap(wrapped[:cut], context=b"c")


def test_another_root_key_opens_nothing(path, tmp_path):
    wrapped = FileKeyService(path).wrap(PLAIN, context=b"c")
    other = FileKeyService(tmp_path / "other")
    other.wrap(PLAIN, context=b"c")
    with pytest.raises(IntegrityError, match="does not open"):
        other.unwrap(wrapped, context=b"c")


def test_a_missing_file_is_named_and_not_made_anew_when_something_should_open(path):
    with pytest.raises(IntegrityError, match="is missing"):
        FileKeyService(path).unwrap(bytes(61), context=b"c")
    assert not path.exists()


def test_the_key_is_in_no_representation(path):
    service = write_key(path)
    service.wrap(PLAIN, context=b"c")
    shown = repr(service) + repr(vars(service))
    assert "0f0f" not in shown
    assert repr(bytes.fromhex("0f" * 4))[2:-1] not in shown


def test_two_wraps_of_one_key_differ(path):
    service = FileKeyService(path)
    assert service.wrap(PLAIN, context=b"c") != service.wrap(PLAIN, context=b"c")
