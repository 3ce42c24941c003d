"""Settings of the whole project, read from the environment (see docs/configuration.md)."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy

from config.environment import (
    BASE_DIR,
    boolean,
    database_settings,
    integer,
    load_env_files,
    text,
    words,
)

load_env_files()

# --- Core ----------------------------------------------------------------------------------------

DEBUG = boolean("DEBUG", default=False)

SECRET_KEY = text("SECRET_KEY")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Run `make setup`, which writes var/secrets.env once,"
        " or set SECRET_KEY in the environment."
    )

# Comma-separated base64 keys of 32 bytes; the first encrypts, all decrypt.
ENCRYPTION_KEYS = words("ENCRYPTION_KEYS")
if not ENCRYPTION_KEYS:
    raise ImproperlyConfigured(
        "ENCRYPTION_KEYS is not set. Run `make setup`, which writes var/secrets.env once,"
        " or set ENCRYPTION_KEYS in the environment."
    )

ALLOWED_HOSTS = words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "daphne",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "config.console.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "channels",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "pgtrigger",
    "procrastinate.contrib.django",
    "workspaces_app",
    "templates_app",
    "tools_app",
    "knowledge_app",
    "sessions_app",
    "agents_app",
    "testing_app",
    "analytics_app",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "console" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    },
]

# --- PostgreSQL, Redis ---------------------------------------------------------------------------

DATABASE_URL = text("DATABASE_URL")
if not DATABASE_URL:
    raise ImproperlyConfigured(
        "DATABASE_URL is not set. `make run` and `make test` start an embedded PostgreSQL;"
        " or set DATABASE_URL=postgresql://user:password@host/name."
    )
DATABASES: dict[str, dict[str, Any]] = {"default": database_settings(DATABASE_URL)}
DATABASES["default"]["OPTIONS"]["pool"] = {
    "min_size": 0,
    "max_size": integer("DATABASE_POOL_SIZE", default=16),
    "timeout": 15,
}

REDIS_URL = text("REDIS_URL")
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [
                # redis-py 8 ends a silent subscription after five seconds unless the read
                # timeout is switched off; its pool holds 100 connections unless told otherwise.
                {"address": REDIS_URL, "socket_timeout": None, "max_connections": 2000},
            ],
            "prefix": text("CHANNEL_PREFIX", "agent-builder"),
        },
    }
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"},
}
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}

# --- Time, language, static files ----------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = text("TIME_ZONE", "UTC")
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
WHITENOISE_USE_FINDERS = DEBUG or boolean("SERVE_STATIC_FROM_SOURCE", default=False)
STATIC_ROOT = None if WHITENOISE_USE_FINDERS else BASE_DIR / "static_root"

# --- People and security -------------------------------------------------------------------------

LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
HTTPS = boolean("HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "style-src": ["'self'", "'unsafe-inline'"],
        # The admin theme evaluates Alpine expressions and has inline scripts of its own.
        "script-src": ["'self'", "'unsafe-inline'", "'unsafe-eval'"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    }
}

KNOX_TOKEN_MODEL = "workspaces_app.ApiToken"  # noqa: S105 (the name of a model)
REST_KNOX = {
    "TOKEN_MODEL": KNOX_TOKEN_MODEL,
    "TOKEN_PREFIX": "ab_",
    "AUTH_HEADER_PREFIX": "Bearer",
    "TOKEN_TTL": timedelta(days=90),
}

# host:port pairs that the operator lets tools and models reach although the address policy
# would refuse them (a model on this machine, an internal API). Users cannot add to it.
EGRESS_ALLOW = words("EGRESS_ALLOW")

# --- API -----------------------------------------------------------------------------------------

MAX_BODY_BYTES = 1_048_576
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "workspaces_app.api.authentication.BearerTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["config.common.api.permissions.HasScope"],
    "DEFAULT_PARSER_CLASSES": ["config.common.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["config.common.api.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "config.common.api.pagination.CursorPagination",
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "config.common.api.filters.SearchFilter",
        "config.common.api.filters.OrderingFilter",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.common.api.problems.exception_handler",
    "DEFAULT_VERSIONING_CLASS": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "PAGE_SIZE": 50,
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Agent Builder API",
    "DESCRIPTION": (
        "Create, run, follow and measure AI agents. Errors are RFC 9457 problem documents."
    ),
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "MessageKindEnum": "sessions_app.models.Message.Kind",
        "ToolKindEnum": "tools_app.models.Tool.Kind",
    },
}

# --- Runs ----------------------------------------------------------------------------------------

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "tasks"
RUN_DEADLINE_S = integer("RUN_DEADLINE_S", default=86_400)
WORKER_CONCURRENCY = integer("WORKER_CONCURRENCY", default=200)
# Heartbeat 1 s and stalled 4 s let another worker take over well within ten seconds.
WORKER_HEARTBEAT_S = 1.0
WORKER_STALLED_S = 4.0

# --- Models --------------------------------------------------------------------------------------

OPENAI_API_KEY = text("OPENAI_API_KEY")
OPENAI_BASE_URL = text("OPENAI_BASE_URL", "https://api.openai.com/v1")
OPENAI_MODEL = text("OPENAI_MODEL", "gpt-5-mini")
# responses, or chat_completions for a compatible server that lacks the Responses API.
OPENAI_API = text("OPENAI_API", "responses")
# Address of the local demonstration model, set by the launcher when it starts one.
LOCAL_MODEL_URL = text("LOCAL_MODEL_URL")

# --- Logs ----------------------------------------------------------------------------------------

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "config.common.logs.LineFormatter",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "procrastinate": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
    },
}

# --- Console -------------------------------------------------------------------------------------

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Agent Builder",
    "SITE_HEADER": "Agent Builder",
    "SITE_SUBHEADER": "Build, run and follow agents",
    "SITE_URL": None,
    "SITE_ICON": "config.console.theme.mark",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "config.console.theme.mark"},
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": False,
    "BORDER_RADIUS": "8px",
    "COLORS": "config.console.theme.colors",
    "STYLES": ["config.console.theme.stylesheet", "config.console.theme.page_styles"],
    "LOGIN": {"image": "config.console.theme.login_image"},
    "DASHBOARD_CALLBACK": "config.console.dashboard.add_dashboard",
    "COMMAND": {"search_callback": "config.console.navigation.found_objects"},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "config.console.navigation.sidebar",
    },
}
