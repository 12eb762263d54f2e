"""A shop that ships its orders in the background. SQLite, so that there is nothing to install."""

from pathlib import Path

import django

BASE_DIR = Path(__file__).parent.parent
SECRET_KEY = "an example, not a secret"
DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
ROOT_URLCONF = "mysite.urls"
WSGI_APPLICATION = "mysite.wsgi.application"
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "longshore.integrations.django",
    "shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "db.sqlite3",
        # A transaction that will write waits its turn at its beginning, instead of failing in the middle.
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
    }
}
USE_TZ = True

# Jobs are kept in the database above. Everything here may be left out.
LONGSHORE = {
    "LEASE": 15,  # seconds after which the jobs of a dead worker are taken over
    "KEEP": 7 * 24 * 3600,  # seconds a finished job stays readable
}

if django.VERSION >= (6, 0):
    # Django's own tasks (@task) become jobs too.
    TASKS = {"default": {"BACKEND": "longshore.integrations.django.Backend", "QUEUES": ["default", "mail"]}}
