"""Settings, read from the environment; without any variable the application runs on SQLite, closed to the outside.

Every variable is listed in docs/deploiement.md.
"""

from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG = env.bool("TRAITDUNION_DEBUG", default=False)
SECRET_KEY = env.str("TRAITDUNION_SECRET_KEY", default="")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured(
            "TRAITDUNION_SECRET_KEY manque : donnez une longue chaîne aléatoire, ou TRAITDUNION_DEBUG=1 pour un essai sur votre poste."
        )
    SECRET_KEY = "poste-de-developpement-sans-secret-a-proteger-0123456789"  # noqa: S105 (debug only)

ALLOWED_HOSTS = env.list("TRAITDUNION_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("TRAITDUNION_ORIGINS", default=[])

# Where what is produced and uploaded lives: database file, stored files, logs of nothing else.
DATA_DIR = Path(env.str("TRAITDUNION_DATA", default=str(BASE_DIR / "var")))

INSTALLED_APPS = [
    "config.admin.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "axes",
    "csp",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
    "djmoney",
    "import_export",
    "simple_history",
    "socle",
    "comptes",
    "conventions",
    "fiches",
    "financement",
    "documents",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "socle.metriques.CompterRequetes",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
    "socle.middleware.PageIntrouvable",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES: list[dict] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["socle.templatetags.typographie", "socle.templatetags.composants"],
        },
    },
]

# --- Data -----------------------------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'traitdunion.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    # WAL lets readers work while one person saves; IMMEDIATE takes the write lock at the start of
    # a transaction, so two people saving at once wait for each other instead of failing.
    DATABASES["default"]["ENGINE"] = "config.sqlite"
    DATABASES["default"]["TEST"] = {"NAME": ":memory:"}  # said, since tools only guess it for Django's own SQLite
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("TRAITDUNION_CONN_MAX_AGE", default=60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Work done beside the pages: a worker takes it from the database (`manage.py run_worker`) ----------
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
IMPORT_DIRECT = env.int("TRAITDUNION_IMPORT_DIRECT", default=300_000)  # bytes; larger spreadsheets are read by the worker

# --- Files: in DATA_DIR, or in an S3-compatible object storage when a bucket is named ------------------
FICHIERS: dict = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
# What was typeset once, under the fingerprint of what it was made from: may be emptied at any time.
CAHIERS: dict = FICHIERS | {"OPTIONS": {"location": DATA_DIR / "cahiers", "allow_overwrite": True}}
S3_BUCKET = env.str("TRAITDUNION_S3_BUCKET", default="")
if S3_BUCKET:
    S3_ENDPOINT = env.str("TRAITDUNION_S3_ENDPOINT", default="") or None
    FICHIERS = {
        "BACKEND": "config.objets.StockageObjets",
        "OPTIONS": {
            "bucket_name": S3_BUCKET,
            "endpoint_url": S3_ENDPOINT,
            "region_name": env.str("TRAITDUNION_S3_REGION", default="") or None,
            "access_key": env.str("TRAITDUNION_S3_CLE", default="") or None,
            "secret_key": env.str("TRAITDUNION_S3_SECRET", default="") or None,
            "location": env.str("TRAITDUNION_S3_PREFIXE", default="").strip("/"),
            "default_acl": env.str("TRAITDUNION_S3_ACL", default="private") or None,
            "file_overwrite": False,  # two files of one name are two files, as on a disk
            "addressing_style": "path" if S3_ENDPOINT else "auto",  # other makers have no domain for each bucket
            "signature_version": "s3v4",
            "max_memory_size": 5_000_000,  # bytes of an object held in memory; beyond, in a temporary file
        },
    }
    # Shared as well: a part typeset by a worker is read by the server of another machine.
    CAHIERS = FICHIERS | {
        "OPTIONS": FICHIERS["OPTIONS"] | {"location": f"{FICHIERS['OPTIONS']['location']}/cahiers".strip("/"), "file_overwrite": True}
    }
STORAGES = {
    "default": FICHIERS,
    "cahiers": CAHIERS,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "config.stockage.FichiersStatiques"},
}
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = DATA_DIR / "fichiers"
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_MIMETYPES = {".license": "text/plain", ".md": "text/plain"}  # licences of what we carry open in the browser
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

# --- Money: one currency ---------------------------------------------------------------------------
CURRENCIES = ("EUR",)
DEFAULT_CURRENCY = "EUR"
CURRENCY_DECIMAL_PLACES = 2

# --- People ----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "comptes.Utilisateur"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "comptes.connexion.ConnexionParCourriel",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "accueil"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "comptes.connexion.ComptesFermes"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # who has no account learns nothing, on screen or by e-mail
ACCOUNT_RATE_LIMITS = {"login_failed": None}  # django-axes counts the failures, in the database that all processes share
PASSWORD_RESET_TIMEOUT = 3600
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "comptes.connexion.read_email"
AXES_LOCKOUT_TEMPLATE = "account/verrouille.html"
AXES_IPWARE_PROXY_COUNT = env.int("TRAITDUNION_PROXIES", default=0) or None
AXES_VERBOSE = False

# --- Watching ---------------------------------------------------------------------------------------
JETON_METRIQUES = env.str("TRAITDUNION_METRIQUES", default="")  # who gives it reads /metriques/; without it, nobody does
# Probes of the same machine ask without HTTPS.
SECURE_REDIRECT_EXEMPT = [r"^sante/", r"^metriques/$"]

# --- Language --------------------------------------------------------------------------------------
LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français")]
TIME_ZONE = "Europe/Paris"
USE_TZ = True
USE_THOUSAND_SEPARATOR = False
FORMAT_MODULE_PATH = ["config.formats"]

# --- E-mail ----------------------------------------------------------------------------------------
vars().update(env.email("EMAIL_URL", default="consolemail://"))
ADRESSE = env.str("TRAITDUNION_ADRESSE", default="http://127.0.0.1:8000").rstrip("/")  # written in messages
DEFAULT_FROM_EMAIL = env.str("TRAITDUNION_EXPEDITEUR", default="Trait d’union <ne-pas-repondre@localhost>")

# --- Who runs the site: what the law asks to be told; empty shows as not given, named by `check --deploy` -------
EXPLOITANT = {
    cle: env.str(f"TRAITDUNION_{cle.upper()}", default="").strip()
    for cle in (
        "editeur",
        "editeur_adresse",
        "editeur_telephone",
        "editeur_siret",
        "publication",
        "hebergeur",
        "hebergeur_adresse",
        "hebergeur_telephone",
        "contact",
        "dpo",
        "conservation",
        "schema",
    )
}

DOCUMENT_DIRECT = env.int("TRAITDUNION_DOCUMENT_DIRECT", default=4)  # parts typeset at once; more of them are left to the workers
DOCUMENT_AVANCE = env.bool("TRAITDUNION_DOCUMENT_AVANCE", default=True)  # what changes is typeset before anybody asks
FIGER_DIRECT = env.int("TRAITDUNION_FIGER_DIRECT", default=3)  # fiches; longer documents are frozen by the worker

# --- Electronic signatures -------------------------------------------------------------------------
SCEAU_FICHIER = env.str("TRAITDUNION_SCEAU", default="")  # PKCS#12 of the platform's seal
SCEAU_PHRASE = env.str("TRAITDUNION_SCEAU_PHRASE", default="")
AUTORITES_SIGNATURE = env.str("TRAITDUNION_AUTORITES", default="")  # folder of the certificates that vouch for signers

# --- Security --------------------------------------------------------------------------------------
HTTPS = env.bool("TRAITDUNION_HTTPS", default=not DEBUG)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = env.int("TRAITDUNION_SESSION", default=10 * 3600)
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = env.int("TRAITDUNION_HSTS", default=31_536_000) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
if env.bool("TRAITDUNION_PROXY_HTTPS", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

# --- Logs: one line an event, key=value ------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"evenement": {"()": "config.journal.FormatEvenement"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "evenement"}},
    "root": {"handlers": ["console"], "level": env.str("TRAITDUNION_LOG", default="INFO")},
    "loggers": {
        "django": {"handlers": ["console"], "level": env.str("TRAITDUNION_LOG", default="INFO"), "propagate": False},
        "django.server": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "fontTools": {"level": "WARNING"},
        "weasyprint": {"level": "ERROR"},
        "pikepdf": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
    },
}
