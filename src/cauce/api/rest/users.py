"""`/api/users/`: accounts and their roles, for administrators; `/api/users/me/` for everyone."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from cauce.accounts.models import User
from cauce.api.rest.endpoint import Endpoint, GenericEndpoint
from cauce.api.rest.fields import ROLES
from cauce.api.rest.logins import PASSWORD_LENGTH_MAX, USERNAME_LENGTH_MAX
from cauce.api.rest.permissions import MayAdminister
from cauce.api.rest.schema import problem
from cauce.core.errors import Conflicting, NotFound
from cauce.core.statuses import Role


class PasswordField(serializers.CharField):
    """A password, held to the platform's rules."""

    def __init__(self, **options: Any) -> None:
        """Passwords go in and never come out."""
        super().__init__(write_only=True, trim_whitespace=False, max_length=PASSWORD_LENGTH_MAX, **options)

    def to_internal_value(self, data: Any) -> str:
        """Return the password."""
        password: str = super().to_internal_value(data)
        try:
            validate_password(password)
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from error
        return password


class UserSerializer(serializers.Serializer[Any]):
    """An account."""

    id = serializers.CharField(source="public_id", read_only=True)
    username = serializers.CharField(max_length=USERNAME_LENGTH_MAX, validators=[User.username_validator])
    role = serializers.ChoiceField(choices=ROLES)
    is_active = serializers.BooleanField(default=True)
    password = PasswordField()
    created_at = serializers.DateTimeField(source="date_joined", read_only=True)
    last_login = serializers.DateTimeField(read_only=True, allow_null=True)


class UserChangeSerializer(serializers.Serializer[Any]):
    """What can change of an account. A new password, or an end of activity, ends its tokens and sessions."""

    role = serializers.ChoiceField(choices=ROLES, required=False)
    is_active = serializers.BooleanField(required=False)
    password = PasswordField(required=False)


class UserList(GenericEndpoint):
    """Accounts, oldest first."""

    serializer_class = UserSerializer
    permission_classes = (MayAdminister,)
    keyset = ("id",)

    def get_queryset(self) -> QuerySet[User]:
        """Return all accounts."""
        return User.objects.all()

    @extend_schema(operation_id="users_list", responses=UserSerializer(many=True), tags=["accounts"])
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """List accounts (administrators)."""
        page = self.paginate_queryset(self.get_queryset()) or []
        self.note("user.list", count=len(page))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        request=UserSerializer, responses={201: UserSerializer, **problem(409, "The name is taken.")}, tags=["accounts"]
    )
    @sensitive_variables("given", "values")
    def post(self, request: Request) -> Response:
        """Make an account (administrators); 409 where the name is taken."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        user = User(username=values["username"], role=values["role"], is_active=values["is_active"])
        user.set_password(values["password"])
        try:
            with transaction.atomic():
                user.save()
                self.note("user.create", subject=user.public_id, role=user.role)
        except IntegrityError as error:
            raise Conflicting("There is an account of this name already.") from error
        return Response(self.get_serializer(user).data, status=status.HTTP_201_CREATED)


class UserDetail(Endpoint):
    """One account."""

    permission_classes = (MayAdminister,)

    @extend_schema(responses=UserSerializer, tags=["accounts"])
    def get(self, request: Request, user_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Return an account (administrators)."""
        self.note("user.read", subject=user_id)
        return Response(UserSerializer(_found(User.objects.filter(public_id=user_id))).data)

    @extend_schema(
        request=UserChangeSerializer,
        responses={200: UserSerializer, **problem(409, "It is the last active administrator.")},
        tags=["accounts"],
    )
    @sensitive_variables("given", "values", "password")
    def patch(self, request: Request, user_id: str) -> Response:
        """Change role, activity or password (administrators). The last active administrator stays one."""
        given = UserChangeSerializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        password = values.pop("password", None)
        with transaction.atomic():
            user = _found(User.objects.select_for_update().filter(public_id=user_id))
            for name, value in values.items():
                setattr(user, name, value)
            if password is not None:
                user.set_password(password)
            user.save(update_fields=[*values, *(["password"] if password is not None else [])])
            if not User.objects.filter(role=Role.ADMIN.value, is_active=True).exists():
                raise Conflicting("This is the last active administrator.")
            changed = sorted(given.validated_data)
            self.note("user.change", subject=user_id, changed=changed, role=user.role, is_active=user.is_active)
        return Response(UserSerializer(user).data)


class Me(Endpoint):
    """Who asks."""

    @extend_schema(responses=UserSerializer, tags=["accounts"])
    def get(self, request: Request) -> Response:
        """Return one's own account."""
        return Response(UserSerializer(request.user).data)


def _found(users: QuerySet[User]) -> User:
    user = users.first()
    if user is None:
        raise NotFound("There is no such account.")
    return user
