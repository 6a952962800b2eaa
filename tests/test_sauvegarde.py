"""Backup and restore: everything comes back the same, in either database; what is spoilt or hostile writes nothing."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import post_save, pre_save

from comptes.models import Organisation, Utilisateur
from conventions.gel import ConventionFigee
from conventions.journal import check_chaine
from conventions.models import Convention
from documents.models import DocumentFige
from fiches.models import FicheAction
from socle.sauvegarde import actes, tables
from socle.sauvegarde.archive import is_safe
from socle.sauvegarde.fichiers import walk
from socle.sauvegarde.tables import EXCLUES, is_exclue, list_occupees, list_tables, snapshot
from tests import factories
from tests.archives import empty_database, forge_lines, read_manifeste, read_members, tamper, tamper_manifeste, write_members
from tests.paiements import make_plan
from tests.pieces import draw
from tests.signees import PDF, conclude
from tests.vie import make_project

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at")]
Images = dict[str, list[bytes]]


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and words of a command, on both outputs."""
    sortie = io.StringIO()
    try:
        call_command(*arguments, stdout=sortie, stderr=sortie)
    except SystemExit as fin:
        return int(fin.code or 0), sortie.getvalue()
    return 0, sortie.getvalue()


def picture() -> Images:
    """Every row of every table that is saved."""
    return {table.nom: list(table.read()) for table in list_tables()}


def picture_files() -> dict[str, bytes]:
    return {nom: default_storage.open(nom).read() for nom in walk()}


def fill() -> Convention:
    """A signed convention with its frozen document, its journal, a supporting file, a logo, an act of the admin."""
    projet = make_project()
    organisation = projet.financeur.organisation
    organisation.logo.save("logo.png", ContentFile(draw("PNG")))
    projet.convention.fiches.get().save()  # a version in the history
    convention = conclude(projet.convention)
    piece = factories.PieceVersementFactory(versement=factories.VersementFactory(convention__reference="AUTRE"))
    LogEntry.objects.create(
        user=piece.ajoutee_par, content_type=ContentType.objects.get_for_model(Organisation), object_id="1", action_flag=1
    )
    return convention


_faite: list[bytes] = []


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The archive of a small site, whose database and files were then taken away; made once a process."""
    chemin = tmp_path / "sauvegarde.tar"
    if _faite:
        chemin.write_bytes(_faite[0])
    else:
        fill()
        assert run("backup", str(chemin))[0] == 0
        _faite.append(chemin.read_bytes())
        lose_everything()
    return chemin


def lose_everything() -> None:
    empty_database()
    for nom in list(walk()):
        default_storage.delete(nom)


def assert_nothing_restored(archive: Path, *raisons: str) -> None:
    avant = picture_files()
    code, dit = run("restore", str(archive))
    assert code == 1
    for raison in raisons:
        assert raison in dit
    assert "Rien n’a été restauré" in dit
    assert list_occupees() == []
    assert picture_files() == avant


# --- Everything comes back -------------------------------------------------------------------------------


def test_the_whole_demonstration_comes_back_line_for_line(demonstration: None, tmp_path: Path) -> None:
    fill()
    avant, fichiers = picture(), picture_files()
    assert run("backup", str(tmp_path / "tout.tar"))[0] == 0
    lose_everything()
    code, dit = run("restore", str(tmp_path / "tout.tar"))
    assert (code, dit.splitlines()[-1]) == (0, "1 fichiers vérifiés, 0 défauts.")
    assert {nom: lignes for nom, lignes in picture().items() if lignes != avant[nom]} == {}
    assert picture_files() == fichiers
    assert len(fichiers) == 3
    assert sum(map(len, avant.values())) > 1500


def test_what_was_frozen_is_frozen_again_and_its_journal_holds(archive: Path) -> None:
    assert run("restore", str(archive))[0] == 0
    convention = Convention.objects.get(reference="ESSAI-1")
    assert convention.etat == Convention.Etat.SIGNEE
    assert DocumentFige.objects.get(convention=convention).read_pdf() == PDF
    assert check_chaine(convention.evenements.all()).rompu is None
    fiche = convention.fiches.get()
    fiche.titre = "Autre"
    with pytest.raises(ConventionFigee):
        fiche.save()


def test_life_goes_on_with_new_keys_after_a_restoration(archive: Path) -> None:
    cles = {int(ligne.split(b",")[0][1:]) for ligne in read_members(archive)["tables/comptes.organisation.jsonl"].splitlines()}
    assert run("restore", str(archive))[0] == 0
    assert factories.OrganisationFactory().pk > max(cles)
    make_plan(*_new_convention())


def _new_convention() -> tuple[Convention, Organisation, Organisation]:
    parties = [factories.PartieFactory(convention__reference="NEUVE"), factories.PartieFactory(role="beneficiaire")]
    parties[1].convention = parties[0].convention
    parties[1].save()
    return parties[0].convention, parties[0].organisation, parties[1].organisation


def test_restoring_sends_no_signal_and_writes_no_history(archive: Path) -> None:
    versions = len(read_members(archive)["tables/fiches.historicalficheaction.jsonl"].splitlines())
    recus: list[Any] = []

    def listen(sender: Any, **_: Any) -> None:
        recus.append(sender)

    pre_save.connect(listen)
    post_save.connect(listen)
    try:
        assert run("restore", str(archive))[0] == 0
    finally:
        pre_save.disconnect(listen)
        post_save.disconnect(listen)
    assert [r for r in recus if r is not ContentType] == []
    assert FicheAction.history.count() == versions


def test_act_of_the_admin_still_names_its_table(archive: Path) -> None:
    assert run("restore", str(archive))[0] == 0
    assert LogEntry.objects.get().content_type.model_class() is Organisation


def test_files_already_there_and_the_same_are_kept(archive: Path) -> None:
    empreinte = read_manifeste(archive)["fichiers"][0]["nom"]
    default_storage.save(empreinte, ContentFile(read_members(archive)[f"fichiers/{empreinte}"]))
    assert run("restore", str(archive))[0] == 0
    assert len(list(walk())) == 3


def test_site_without_any_file_is_saved_and_restored(tmp_path: Path) -> None:
    factories.OrganisationFactory(nom="Seule")
    assert run("backup", str(tmp_path / "a.tar"))[0] == 0
    lose_everything()
    assert run("restore", str(tmp_path / "a.tar"))[0] == 0
    assert Organisation.objects.get().nom == "Seule"


# --- What is saved -----------------------------------------------------------------------------------------


def test_every_table_is_saved_or_left_out_with_a_reason() -> None:
    modeles = apps.get_models(include_auto_created=True)
    assert {m._meta.label_lower for m in modeles if not is_exclue(m)} == {t.nom for t in list_tables()}
    connus = {m._meta.app_label for m in modeles} | {m._meta.label_lower for m in modeles}
    assert set(EXCLUES) <= connus
    assert all(EXCLUES.values())


def test_no_saved_row_hangs_from_a_table_that_is_not() -> None:
    vers = {
        (champ.model._meta.label, champ.name, champ.related_model)
        for table in list_tables()
        for champ in table.champs
        if champ.is_relation and is_exclue(champ.related_model)
    }
    assert {modele for *_, modele in vers} <= {ContentType}


def test_archive_is_read_by_its_owner_only_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    code, dit = run("backup", str(tmp_path))
    (archive,) = tmp_path.glob("trait-d-union-*.tar")
    assert (code, archive.stat().st_mode & 0o777) == (0, 0o600)
    assert f"{archive} : " in dit
    assert "Hors sauvegarde : " in dit
    assert set(read_manifeste(archive)["exclues"]) == set(EXCLUES)
    assert [p.name for p in tmp_path.iterdir()] == [archive.name]


def test_password_comes_back_with_the_account(tmp_path: Path) -> None:
    garde = factories.UtilisateurFactory(email="a@b.example").password
    assert garde
    run("backup", str(tmp_path / "a.tar"))
    lose_everything()
    run("restore", str(tmp_path / "a.tar"))
    assert Utilisateur.objects.get(email="a@b.example").password == garde


def test_backup_never_replaces_another(archive: Path) -> None:
    avant = archive.read_bytes()
    code, dit = run("backup", str(archive))
    assert (code, "existe déjà" in dit) == (1, True)
    assert archive.read_bytes() == avant


def test_backup_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.OrganisationFactory()
    dossier = tmp_path / "sauvegardes"
    dossier.mkdir()

    def fail(table: tables.Table) -> Any:
        raise OSError(28, "plein")

    monkeypatch.setattr(tables.Table, "read", fail)
    assert run("backup", str(dossier))[0] == 1
    assert list(dossier.iterdir()) == []


def test_backup_into_a_folder_that_does_not_exist_is_told(tmp_path: Path) -> None:
    code, dit = run("backup", str(tmp_path / "nulle" / "part.tar"))
    assert (code, "le dossier n’existe pas" in dit) == (1, True)


def test_oldest_archives_of_the_folder_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    for nom in ("trait-d-union-20180101-000000.tar", "trait-d-union-20190101-000000.tar", "autre.tar", "trait-d-union-notes.txt"):
        (tmp_path / nom).write_text("x")
    code, dit = run("backup", str(tmp_path), "--keep", "2")
    assert (code, "Effacée : " in dit) == (0, True)
    noms = sorted(p.name for p in tmp_path.iterdir())
    assert len(noms) == 4
    assert {"trait-d-union-20190101-000000.tar", "autre.tar", "trait-d-union-notes.txt"} < set(noms)


@pytest.mark.parametrize("options", [("--keep", "0"), ("--keep", "-1")])
def test_keeping_none_is_refused(options: tuple[str, ...], tmp_path: Path) -> None:
    assert run("backup", str(tmp_path), *options)[0] == 1
    assert list(tmp_path.glob("*.tar")) == []


# --- Comparing ---------------------------------------------------------------------------------------------


def test_installation_is_compared_with_an_archive(archive: Path) -> None:
    run("restore", str(archive))
    code, dit = run("backup", "--verify", str(archive))
    assert (code, dit.splitlines()[-1].split(" : ")[1]) == (0, f"{len(list_tables())} tables et 3 fichiers comparés, 0 écarts.")


def test_each_difference_is_named(archive: Path) -> None:
    run("restore", str(archive))
    Organisation.objects.filter(nom="Agglo d’essai").update(ville="Ailleurs")
    factories.NatureFactory()
    nom = DocumentFige.objects.get().pdf
    default_storage.delete(nom)
    default_storage.save("intrus.pdf", ContentFile(b"x"))
    code, dit = run("backup", "--verify", str(archive))
    assert code == 1
    nombre = Organisation.objects.count()
    assert f"comptes.organisation : {nombre} lignes sauvegardées, {nombre} ici, contenus différents." in dit
    assert "financement.naturedepense : 0 lignes sauvegardées, 1 ici" in dit
    assert f"{nom} : absent du stockage." in dit
    assert "intrus.pdf : absent de la sauvegarde." in dit
    assert "conventions.convention : " not in dit


def test_archive_to_compare_that_does_not_exist_is_told(tmp_path: Path) -> None:
    assert run("backup", "--verify", str(tmp_path / "absente.tar"))[1].endswith("ne se lit pas, ou le stockage ne répond pas.\n")


# --- Refusals ----------------------------------------------------------------------------------------------


def test_database_that_is_not_empty_is_refused(archive: Path) -> None:
    factories.OrganisationFactory()
    code, dit = run("restore", str(archive))
    assert code == 1
    assert "La base n’est pas vide (comptes.historicalorganisation, comptes.organisation)" in dit
    assert Organisation.objects.count() == 1


def test_other_migrations_are_refused_and_named(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tamper_manifeste(archive, lambda m: m["migrations"].setdefault("fiches", []).append("0099_demain"))
    ici = {application: list(noms) for application, noms in tables.read_migrations().items()}
    monkeypatch.setattr("socle.sauvegarde.archive.read_migrations", lambda: ici | {"financement": ["0098_hier"]})
    assert_nothing_restored(
        archive,
        "fiches : la sauvegarde connaît 0099_demain, cette base non.",
        "financement : cette base connaît 0098_hier, la sauvegarde non.",
        "Restaurez avec la version du logiciel qui a fait la sauvegarde",
    )


def test_other_columns_are_refused(archive: Path) -> None:
    tamper_manifeste(archive, lambda m: m["tables"][1]["colonnes"].append("autre"))
    assert_nothing_restored(archive, "table ou colonnes différentes")


def test_other_file_of_the_same_name_is_refused(archive: Path) -> None:
    nom = read_manifeste(archive)["fichiers"][0]["nom"]
    default_storage.save(nom, ContentFile(b"autre chose"))
    assert_nothing_restored(archive, f"{nom} : un autre fichier de ce nom est déjà dans le stockage.")


def test_all_that_is_wrong_is_told_at_once(archive: Path) -> None:
    def spoil(membres: dict[str, bytes]) -> None:
        membres["tables/comptes.organisation.jsonl"] += b"[]\n"
        del membres["tables/fiches.ficheaction.jsonl"]
        membres["tables/intruse.jsonl"] = b""

    assert_nothing_restored(
        tamper(archive, spoil),
        "tables/comptes.organisation.jsonl : a changé depuis la sauvegarde.",
        "tables/fiches.ficheaction.jsonl : manque dans l’archive.",
        "tables/intruse.jsonl : n’est pas dans le manifeste.",
    )


def test_changed_file_is_refused(archive: Path) -> None:
    nom = f"fichiers/{read_manifeste(archive)['fichiers'][0]['nom']}"
    assert_nothing_restored(tamper(archive, lambda m: m.update({nom: m[nom][:-1] + b"!"})), f"{nom} : a changé depuis la sauvegarde.")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_archive_cut_short_is_refused(part: float, archive: Path) -> None:
    contenu = archive.read_bytes()
    archive.write_bytes(contenu[: int(len(contenu) * part)])
    assert_nothing_restored(archive, "Le manifeste manque")


@pytest.mark.parametrize("contenu", [b"", b"bonjour", b"PK\x03\x04", bytes(5000)], ids=["empty", "text", "zip", "zeros"])
def test_file_that_is_no_archive_is_refused(contenu: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(contenu)
    assert_nothing_restored(tmp_path / "a.tar")


def test_archive_that_does_not_exist_is_told(tmp_path: Path) -> None:
    assert run("restore", str(tmp_path / "absente.tar")) == (1, f"« {tmp_path / 'absente.tar'} » n’existe pas.\n")


def test_compressed_archive_is_not_unfolded(archive: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "bombe.tar", "w:gz") as tar:
        tar.add(archive, "manifeste.json")
    assert_nothing_restored(tmp_path / "bombe.tar", "archive tar non compressée")


def member(nom: str, genre: bytes = tarfile.REGTYPE, vers: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(nom)
    info.type, info.linkname = genre, vers
    return info


HOSTILES = {
    "goes up": member("fichiers/../../dehors"),
    "absolute": member("/etc/passwd"),
    "backslash": member("fichiers\\..\\dehors"),
    "twice the slash": member("fichiers//a"),
    "dot": member("fichiers/./a"),
    "drive": member("C:a"),
    "control": member("fichiers/a\nb"),
    "symbolic link": member("fichiers/lien", tarfile.SYMTYPE, "/etc/passwd"),
    "hard link": member("fichiers/lien", tarfile.LNKTYPE, "/etc/passwd"),
    "device": member("fichiers/null", tarfile.CHRTYPE),
    "pipe": member("fichiers/tube", tarfile.FIFOTYPE),
    "folder": member("fichiers/dossier", tarfile.DIRTYPE),
}


@pytest.mark.parametrize("cas", HOSTILES)
def test_hostile_member_is_refused(cas: str, archive: Path) -> None:
    raison = "sortirait de son dossier" if HOSTILES[cas].isreg() else "n’a sa place dans une sauvegarde"
    assert_nothing_restored(write_members(archive, read_members(archive), [HOSTILES[cas]]), raison)


def test_member_given_twice_is_refused(archive: Path) -> None:
    nom = "tables/comptes.organisation.jsonl"
    assert_nothing_restored(write_members(archive, read_members(archive), [member(nom)]), f"{nom} : deux fois dans l’archive.")


def test_sparse_member_is_refused(archive: Path) -> None:
    creux = member("fichiers/creux")
    creux.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.map": "0,1", "GNU.sparse.size": "1000000000000"}
    membres = read_members(archive)
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(creux)
        for nom, contenu in membres.items():
            info = member(nom)
            info.size = len(contenu)
            tar.addfile(info, io.BytesIO(contenu))
    assert_nothing_restored(archive, "n’a sa place dans une sauvegarde")


@pytest.mark.parametrize(
    "geste",
    [
        lambda m: m.update(format="autre"),
        lambda m: m.update(version=2),
        lambda m: m.pop("tables"),
        lambda m: m.update(tables=3),
        lambda m: m.update(fichiers=[{"nom": "a"}]),
        lambda m: m.update(migrations=[]),
        lambda m: m["tables"][0].update(empreinte="x"),
        lambda m: m["tables"][0].update(taille="1"),
        lambda m: m["tables"][0].update(nom=None),
        lambda m: m["tables"].append(m["tables"][0]),
        lambda m: m.update(inconnu=1),
    ],
)
def test_manifest_that_is_not_one_is_refused(geste: Callable[[dict[str, Any]], Any], archive: Path) -> None:
    assert_nothing_restored(tamper_manifeste(archive, geste))


@pytest.mark.parametrize("contenu", [b"", b"[]", b"null", b"{" * 100_000, b"\xff", b"[" * 100_000])
def test_manifest_that_does_not_read_is_refused(contenu: bytes, archive: Path) -> None:
    assert_nothing_restored(tamper(archive, lambda m: m.update({"manifeste.json": contenu})), "manifeste")


LIGNES_FORGEES: dict[str, Callable[[bytes], bytes]] = {
    "not JSON": lambda lignes: b"{" + lignes,
    "one value missing": lambda lignes: b"[1]\n",
    "not a row": lambda lignes: b'{"a": 1}\n',
    "key that is no number": lambda lignes: lignes.replace(lignes.split(b",")[0], b'["un"'),
    "twice the same row": lambda lignes: lignes + lignes,
    "row that nothing refers to is gone": lambda lignes: b"",
    "one row less than the manifest says": lambda lignes: b"".join(lignes.splitlines(True)[:-1]),
    "deep": lambda lignes: b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("cas", LIGNES_FORGEES)
def test_forged_rows_are_refused_by_the_database_and_leave_nothing(cas: str, archive: Path) -> None:
    forge_lines(archive, "comptes.organisation", LIGNES_FORGEES[cas])
    assert_nothing_restored(archive, "Cette base refuse des lignes de l’archive")


# --- Half-way ----------------------------------------------------------------------------------------------


def test_crash_between_two_tables_leaves_nothing(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ecrire, ecrites = tables.Table.write, []

    def write(table: tables.Table, lignes: Any) -> None:
        if len(ecrites) > 30:
            raise KeyboardInterrupt
        ecrites.append(table.nom)
        ecrire(table, lignes)

    monkeypatch.setattr(tables.Table, "write", write)
    with pytest.raises(KeyboardInterrupt):
        run("restore", str(archive))
    assert (list_occupees(), list(walk())) == ([], [])


def test_crash_between_two_files_leaves_nothing(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    garder, gardes = actes.store, []

    def store(nom: str, source: Any, empreinte: str) -> bool:
        if gardes:
            raise OSError(28, "plein")
        gardes.append(nom)
        return garder(nom, source, empreinte)

    monkeypatch.setattr(actes, "store", store)
    assert_nothing_restored(archive)
    assert gardes


def test_restoration_is_tried_again_after_a_crash_that_left_files(archive: Path) -> None:
    nom = read_manifeste(archive)["fichiers"][1]["nom"]
    default_storage.save(nom, ContentFile(read_members(archive)[f"fichiers/{nom}"]))
    assert run("restore", str(archive))[0] == 0


def test_document_already_lost_at_the_backup_is_told(tmp_path: Path) -> None:
    fill()
    default_storage.delete(DocumentFige.objects.get().pdf)
    run("backup", str(tmp_path / "a.tar"))
    lose_everything()
    code, dit = run("restore", str(tmp_path / "a.tar"))
    assert code == 1
    assert "Restaurée, sauvegarde du " in dit
    assert "document figé : Le fichier conservé est introuvable." in dit


# --- One moment ----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_what_is_read_is_of_one_moment_and_nobody_waits() -> None:
    ecriture = getattr(connection, "transaction_mode", None)
    with snapshot():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')")
                assert cursor.fetchone() == ("repeatable read", "on")
        else:
            assert (connection.transaction_mode, ecriture) == ("DEFERRED", "IMMEDIATE")
        assert connection.in_atomic_block
    assert getattr(connection, "transaction_mode", None) == ecriture


@pytest.mark.django_db(transaction=True)
def test_backup_outside_any_transaction_is_whole(tmp_path: Path) -> None:
    factories.OrganisationFactory()
    assert run("backup", str(tmp_path / "a.tar"))[0] == 0
    assert run("backup", "--verify", str(tmp_path / "a.tar"))[0] == 0


@pytest.mark.parametrize("nom", ["a", "a/b.pdf", "figes/é’è.pdf"])
def test_ordinary_names_are_safe(nom: str) -> None:
    assert is_safe(nom)
