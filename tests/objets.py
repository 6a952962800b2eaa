"""A real S3 server on loopback, emptied for each test, and the storage that the settings of production make of it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from django.core.files.storage import default_storage
from moto.server import ThreadedMotoServer

SEAU, PREFIXE = "conventions", "essai"
RACINE = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def serveur_s3() -> Iterator[str]:
    """Address of the server."""
    serveur = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    serveur.start()
    hote, port = serveur.get_host_and_port()
    yield f"http://{hote}:{port}"
    serveur.stop()


def read_options(adresse: str, **autres: str) -> dict[str, Any]:
    """`STORAGES["default"]` as the settings make it of the variables of an operator, read in another process."""
    variables = {
        "TRAITDUNION_DEBUG": "1",
        "TRAITDUNION_S3_BUCKET": SEAU,
        "TRAITDUNION_S3_ENDPOINT": adresse,
        "TRAITDUNION_S3_REGION": "eu-west-3",
        "TRAITDUNION_S3_CLE": "cle",
        "TRAITDUNION_S3_SECRET": "secret",
        "TRAITDUNION_S3_PREFIXE": f"/{PREFIXE}/",
    } | autres
    env = {k: v for k, v in os.environ.items() if not k.startswith("TRAITDUNION_S3")} | variables
    code = "import json; from config import settings; print(json.dumps(settings.STORAGES['default']))"
    lu = subprocess.run([sys.executable, "-c", code], cwd=RACINE, env=env, capture_output=True, text=True, check=True)
    return json.loads(lu.stdout)


@pytest.fixture(scope="module")
def reglages_s3(serveur_s3: str) -> dict[str, Any]:
    return read_options(serveur_s3)


class Seau:
    """The bucket as its owner sees it, beside the product."""

    def __init__(self, adresse: str) -> None:
        self.s3 = boto3.resource("s3", endpoint_url=adresse, region_name="eu-west-3", aws_access_key_id="x", aws_secret_access_key="x")
        self.bucket = self.s3.Bucket(SEAU)

    def empty(self) -> None:
        """An empty bucket, whatever was there."""
        if self.bucket.creation_date:
            self.bucket.objects.all().delete()
        else:
            self.bucket.create(CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})

    def list(self) -> list[str]:
        return sorted(o.key for o in self.bucket.objects.all())

    def read(self, nom: str) -> bytes:
        return self.bucket.Object(f"{PREFIXE}/{nom}").get()["Body"].read()

    def write(self, nom: str, contenu: bytes) -> None:
        self.bucket.Object(f"{PREFIXE}/{nom}").put(Body=contenu)

    def lose(self, nom: str) -> None:
        self.bucket.Object(f"{PREFIXE}/{nom}").delete()


@pytest.fixture
def seau(serveur_s3: str, reglages_s3: dict[str, Any], settings: Any) -> Seau:
    """Every stored file of the test goes to the server."""
    seau = Seau(serveur_s3)
    seau.empty()
    settings.STORAGES = {**settings.STORAGES, "default": reglages_s3}
    assert default_storage.exists("rien") is False  # made now, and answering
    return seau
