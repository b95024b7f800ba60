"""Django's settings, derived from `environment.Settings`. Nothing here is a place to configure Cauce."""

import secrets

from cauce.core.limits import MIB
from cauce.settings.databases import databases
from cauce.settings.environment import current

_settings = current()


SECRET_KEY = secrets.token_hex(32)  # replaced from the key ring by bootstrap, before anything is signed
DEBUG = False
ALLOWED_HOSTS = ["*"]  # the ASGI application has judged the Host header before (`api.raw.hosts`)
CSRF_TRUSTED_ORIGINS = [*_settings.allowed_origins, *([_settings.public_url] if _settings.public_url else [])]
# JSON and login forms: instances never pass through Django's parsers.
DATA_UPLOAD_MAX_MEMORY_SIZE = _settings.max_json_mb * MIB
ROOT_URLCONF = "cauce.api.urls"
ASGI_APPLICATION = "cauce.api.asgi.application"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
STATIC_URL = "/static/"
APPEND_SLASH = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_NAME = "cauce_session"
CSRF_COOKIE_NAME = "cauce_csrf"
CSRF_COOKIE_HTTPONLY = True  # pages carry the token in their markup
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "cauce.api.pages.errors.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _settings.base_url.startswith("https://")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "cauce.accounts",
    "cauce.audit",
    "cauce.records",
    "cauce.api",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "cauce.api.pages.middleware.ContentPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "cauce.api.pages.middleware.PageLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "cauce.api.pages.middleware.DefectLog",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
            ]
        },
    }
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
WHITENOISE_USE_FINDERS = True  # static files are served from the packages: no collectstatic step
DATABASES = databases(_settings)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "cauce.api.rest.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "cauce.api.rest.browsable.BrowsableRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": ["cauce.api.rest.parsers.BoundedJsonParser"],
    "DEFAULT_PAGINATION_CLASS": "cauce.api.rest.pagination.NewestFirst",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "cauce.api.rest.problems.answer",
    "PAGE_SIZE": 100,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Cauce",
    "DESCRIPTION": "Medical images in, identity out, results back.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "ItemStatusEnum": "cauce.api.rest.fields.ITEM_STATUSES",
        "JobStatusEnum": "cauce.api.rest.fields.JOB_STATUSES",
        "RevisionStatusEnum": "cauce.api.rest.fields.REVISION_STATUSES",
        "RoleEnum": "cauce.api.rest.fields.ROLES",
        "StudyStatusEnum": "cauce.api.rest.fields.STUDY_STATUSES",
    },
}
LOGGING_CONFIG = None  # logs are configured by `bootstrap`, for every process alike
