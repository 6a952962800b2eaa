"""Files kept in an S3-compatible object storage, chosen by settings; what fails there is told as a disk would tell it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any
from urllib.parse import urljoin

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.utils.encoding import filepath_to_uri
from storages.backends.s3 import S3File, S3Storage
from storages.utils import clean_name

ABSENT = {"404", "NoSuchKey"}


@contextmanager
def as_disk(nom: str) -> Iterator[None]:
    """Turn what boto3 raises into OSError: a lost object is a lost file, a storage out of reach is a disk that fails."""
    try:
        yield
    except ClientError as erreur:
        if erreur.response.get("Error", {}).get("Code") in ABSENT:
            raise FileNotFoundError(f"objet absent : {nom}") from erreur
        raise OSError(f"stockage d’objets en défaut : {nom}") from erreur
    except (BotoCoreError, Boto3Error) as erreur:
        raise OSError(f"stockage d’objets injoignable : {nom}") from erreur


def told_as_disk(methode: Callable[..., Any]) -> Callable[..., Any]:
    """The same method of a storage, its errors being those of a disk."""

    @wraps(methode)
    def call(self: Any, nom: str, *args: Any, **options: Any) -> Any:
        with as_disk(nom):
            return methode(self, nom, *args, **options)

    return call


class Objet(S3File):
    """One object being read: it is fetched at the first byte asked, which may fail as a disk does."""

    def _get_file(self) -> Any:
        with as_disk(self.name):
            return super()._get_file()

    file = property(_get_file, S3File._set_file)


class StockageObjets(S3Storage):
    """django-storages' S3, private: objects leave by the product's own pages only, so that rights are checked."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # A page must not hang on a storage that does not answer; the newer checksums of AWS are unknown to other makers.
        self.client_config: Config = self.client_config.merge(
            Config(
                connect_timeout=5,
                read_timeout=60,
                retries={"max_attempts": 3, "mode": "standard"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            )
        )

    def _open(self, name: str, mode: str = "rb") -> Objet:
        with as_disk(name):
            return Objet(self._normalize_name(clean_name(name)), mode, self)

    _save = told_as_disk(S3Storage._save)
    delete = told_as_disk(S3Storage.delete)
    exists = told_as_disk(S3Storage.exists)
    listdir = told_as_disk(S3Storage.listdir)
    size = told_as_disk(S3Storage.size)

    def url(self, name: str, *args: Any, **options: Any) -> str:
        """The same address as with files on the disk: nothing answers there, no signed link leaves the server."""
        return urljoin(settings.MEDIA_URL, filepath_to_uri(name))
