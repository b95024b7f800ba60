import base64
import datetime as dt
import json

import jwt
import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from cauce.accounts import tokens
from cauce.accounts.models import TOKEN_PREFIX, ApiToken, User, digest_of
from cauce.accounts.tokens import issue_access, issue_pair, user_of_bearer, user_of_jwt
from cauce.core.actors import Actor
from cauce.core.identifiers import is_public_id
from cauce.core.statuses import Role

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def user():
    return User.objects.create(username="ana", password="a stored hash", role=Role.CLINICIAN.value)


@pytest.fixture
def clock(monkeypatch):
    """Moves the time at which tokens are signed: `clock(-MINUTE)` signs as a minute ago."""

    def move(by):
        monkeypatch.setattr(tokens.timezone, "now", lambda: dt.datetime.now(dt.UTC) + by)

    return move


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


def sign(claims, *, key=None, algorithm="HS256"):
    return jwt.encode(claims, settings.SECRET_KEY if key is None else key, algorithm=algorithm)


# --- signed tokens -------------------------------------------------------------------------------------------------


def test_an_access_token_names_its_user(user):
    assert user_of_bearer(issue_pair(user).access) == user
    assert user_of_bearer(issue_access(user)) == user


def test_a_refresh_token_is_no_access_token_and_the_other_way_round(user):
    pair = issue_pair(user)
    assert user_of_jwt(pair.refresh, purpose="refresh") == user
    assert user_of_bearer(pair.refresh) is None
    assert user_of_jwt(pair.access, purpose="refresh") is None


def test_tokens_expire(user, clock):
    lifetimes = {"access": 15 * MINUTE, "refresh": 720 * MINUTE}
    for purpose, lifetime in lifetimes.items():
        clock(MINUTE - lifetime)
        assert user_of_jwt(getattr(issue_pair(user), purpose), purpose=purpose) == user
        clock(-MINUTE - lifetime)
        assert user_of_jwt(getattr(issue_pair(user), purpose), purpose=purpose) is None


def test_a_lifetime_of_the_callers_counts(user, clock):
    clock(-2 * MINUTE)
    assert user_of_bearer(issue_access(user, lifetime=3 * MINUTE)) == user
    assert user_of_bearer(issue_access(user, lifetime=MINUTE)) is None


def test_a_change_of_password_ends_all_signed_tokens(user):
    pair = issue_pair(user)
    user.password = "another stored hash"
    user.save()
    assert user_of_bearer(pair.access) is None
    assert user_of_jwt(pair.refresh, purpose="refresh") is None
    assert user_of_bearer(issue_access(user)) == user


def test_a_user_who_is_not_active_or_gone_is_nobody(user):
    access = issue_access(user)
    User.objects.update(is_active=False)
    assert user_of_bearer(access) is None
    User.objects.update(is_active=True)
    assert user_of_bearer(access) == user
    User.objects.all().delete()
    assert user_of_bearer(access) is None


def test_a_token_of_another_installation_is_not_taken(user):
    claims = claims_of(issue_access(user))
    assert user_of_bearer(sign(claims)) == user
    assert user_of_bearer(sign(claims, key="another key of thirty-two bytes or more")) is None


def test_an_altered_token_is_not_taken(user):
    head, body, signature = issue_access(user).split(".")
    for part in range(3):
        for position in (0, 5, 20):
            parts = [head, body, signature]
            letter = "A" if parts[part][position] != "A" else "B"
            parts[part] = parts[part][:position] + letter + parts[part][position + 1 :]
            assert user_of_bearer(".".join(parts)) is None


def test_an_unsigned_token_or_one_of_another_algorithm_is_not_taken(user):
    claims = claims_of(issue_access(user))
    unsigned = jwt.encode(claims, None, algorithm="none")
    assert user_of_bearer(unsigned) is None
    assert user_of_bearer(unsigned + "x") is None
    assert user_of_bearer(sign(claims, algorithm="HS512")) is None
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    assert user_of_bearer(f"{head}.{unsigned.split('.')[1]}.") is None


@pytest.mark.parametrize("missing", ["exp", "sub", "use", "pwd"])
def test_a_token_that_lacks_a_claim_is_not_taken(user, missing):
    claims = claims_of(issue_access(user))
    del claims[missing]
    assert user_of_bearer(sign(claims)) is None


def test_claims_of_strange_kinds_are_not_taken(user):
    claims = claims_of(issue_access(user))
    for wrong in ({"sub": 7}, {"sub": None}, {"sub": ""}, {"use": ["access"]}, {"pwd": None}, {"exp": "soon"}):
        assert user_of_bearer(sign(claims | wrong)) is None


@pytest.mark.parametrize(
    "credential", ["", ".", "..", "a.b.c", "é", "\udcff", "cauce_", "cauce_é", "x" * 100_000, "\0"]
)
def test_what_is_no_credential_names_nobody(user, credential):
    assert user_of_bearer(credential) is None


def test_a_signed_token_carries_nothing_of_the_account(user):
    shown = json.dumps(claims_of(issue_access(user)))
    for secret in ("ana", user.password, settings.SECRET_KEY, user.get_session_auth_hash()):
        assert secret not in shown
    assert set(json.loads(shown)) == {"sub", "use", "iat", "exp", "jti", "pwd"}


def test_no_two_tokens_are_the_same(user):
    assert len({issue_access(user) for _ in range(5)}) == 5


# --- API tokens ----------------------------------------------------------------------------------------------------


def test_an_api_token_names_its_user_and_its_text_is_kept_nowhere(user):
    token, text = ApiToken.issue(user, name="nightly import")
    assert text.startswith(TOKEN_PREFIX)
    assert user_of_bearer(text) == user
    held = ApiToken.objects.filter(pk=token.pk).values().get()
    assert text not in str(held)
    assert text[len(TOKEN_PREFIX) :] not in str(held)
    assert held["digest"] == digest_of(text)
    assert str(token) == token.public_id


def test_an_api_token_that_has_expired_opens_nothing(user):
    _, fresh = ApiToken.issue(user, name="t", expires_at=timezone.now() + MINUTE)
    _, stale = ApiToken.issue(user, name="t", expires_at=timezone.now() - MINUTE)
    assert user_of_bearer(fresh) == user
    assert user_of_bearer(stale) is None


def test_a_revoked_api_token_opens_nothing(user):
    token, text = ApiToken.issue(user, name="t")
    _, other = ApiToken.issue(user, name="t")
    token.revoked_at = timezone.now()
    token.save()
    assert user_of_bearer(text) is None
    assert user_of_bearer(other) == user


def test_an_api_token_of_a_user_who_is_not_active_opens_nothing(user):
    _, text = ApiToken.issue(user, name="t")
    User.objects.update(is_active=False)
    assert user_of_bearer(text) is None


def test_an_altered_api_token_opens_nothing(user):
    _, text = ApiToken.issue(user, name="t")
    for altered in (
        text[:-1],
        text + "x",
        text.swapcase(),
        text.upper(),
        digest_of(text),
        TOKEN_PREFIX + digest_of(text),
    ):
        assert user_of_bearer(altered) is None


def test_api_tokens_are_long_and_each_is_another(user):
    texts = {ApiToken.issue(user, name="t")[1] for _ in range(10)}
    assert len(texts) == 10
    assert {len(text) for text in texts} == {len(TOKEN_PREFIX) + 43}  # 256 bits


def test_tokens_go_with_their_user(user):
    _, text = ApiToken.issue(user, name="t")
    user.delete()
    assert ApiToken.objects.count() == 0
    assert user_of_bearer(text) is None


# --- accounts ------------------------------------------------------------------------------------------------------


def test_a_user_acts_under_name_role_and_address(user):
    assert user.actor(address="192.0.2.1") == Actor(
        kind="user", name="ana", role=Role.CLINICIAN, user_id=user.pk, address="192.0.2.1"
    )


def test_a_new_account_has_the_least_of_the_reading_roles():
    assert User.objects.create_user("new").actor().may_see_originals is False
    assert User.objects.get(username="new").role == Role.RESEARCHER.value


def test_ids_of_accounts_are_random_and_unique(user):
    other = User.objects.create_user("eva")
    assert is_public_id(user.public_id)
    assert user.public_id != other.public_id
    other.public_id = user.public_id
    with pytest.raises(IntegrityError), transaction.atomic():
        other.save()


def test_passwords_are_kept_as_argon2(user):
    user.set_password("a long passphrase")
    assert user.password.startswith("argon2$argon2id$")
    assert "passphrase" not in user.password
    assert user.check_password("a long passphrase")
