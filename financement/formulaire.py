"""The whole form of a fiche sent at once, without JavaScript: read as the same modifications the page sends one by one."""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.utils.text import slugify

from comptes.models import Organisation
from fiches.saisie import Modification, SaisieRefusee
from financement.saisie_couts import CleCellule, clean_libelle
from financement.saisie_parts import ClePart
from socle.nombres import read_cle

AVANT = "avant|"


def read_modifications(post: QueryDict) -> tuple[list[Modification], list[str]]:
    """Fields whose value differs from the one the page was shown with, and what could not be placed, in words."""
    modifications = []
    for nom in post:
        if nom.startswith(AVANT):
            champ = nom.removeprefix(AVANT)
            avant, apres = _clean(str(post[nom])), _clean(post.get(champ, ""))
            if avant != apres:
                modifications.append(Modification(champ, avant, apres))
    if pilote := post.get("nouveau.pilote", ""):
        modifications.append(Modification(f"pilote.{pilote}", "", "oui"))
    couts, manque_nature = _read_nouvelle_ligne(post)
    parts, manque_financeur = _read_nouvelle_part(post)
    return [*modifications, *couts, *parts], [m for m in (manque_nature, manque_financeur) if m]


def _clean(texte: str) -> str:
    return texte.replace("\r\n", "\n").strip()


def _read_nouvelle_ligne(post: Mapping[str, str]) -> tuple[list[Modification], str]:
    """The empty row at the foot of the grid."""
    valeurs = {n.removeprefix("nouvelle.cout."): v for n, v in post.items() if n.startswith("nouvelle.cout.") and v.strip()}
    if not valeurs:
        return [], ""
    nature = read_cle(post.get("nouvelle.nature", ""))
    if nature is None:
        return [], "Choisissez la nature de la nouvelle ligne de coût : ses montants n’ont pas été enregistrés."
    try:
        libelle = clean_libelle(post.get("nouvelle.libelle", ""))
    except SaisieRefusee as refus:
        return [], str(refus)
    annees = [(int(a), v) for a, v in valeurs.items() if a.isdecimal() and len(a) == 4]
    return [Modification(CleCellule(a, nature, libelle).champ, "", v) for a, v in annees], ""


def _read_nouvelle_part(post: Mapping[str, str]) -> tuple[list[Modification], str]:
    """The empty row at the foot of the co-financing."""
    valeurs = {nom: post.get(f"nouvelle.part.{nom}", "").strip() for nom in ("taux", "montant", "mention")}
    if not any(valeurs.values()):
        return [], ""
    financeur = read_cle(post.get("nouvelle.financeur", ""))
    if financeur is None:
        return [], "Choisissez le financeur de la nouvelle part : elle n’a pas été enregistrée."
    nature, annee = (read_cle(post.get(f"nouvelle.part.{n}", "")) for n in ("nature", "annee"))
    cle = ClePart(financeur or None, nature or None, annee or None).champ
    return [Modification(f"{cle}.{nom}", "", valeur) for nom, valeur in valeurs.items() if valeur], ""


def find_or_create_financeur(user: Any, nom: str) -> Organisation:
    """The organisation of this name or sigle, made when nobody has it. Raises SaisieRefusee when the name is no name."""
    nom = " ".join(nom.replace("\x00", "").split())
    if len(nom) < 2 or not any(c.isalpha() for c in nom):
        raise SaisieRefusee("Écrivez le nom du financeur.")
    if len(nom) > 200:
        raise SaisieRefusee("Ce nom dépasse 200 caractères.")
    existante = Organisation.objects.filter(nom__iexact=nom).first() or Organisation.objects.filter(sigle__iexact=nom).first()
    if existante:
        return existante
    organisation = Organisation(nom=nom, sigle=nom[:40], nature=Organisation.Nature.AUTRE, cle=_free_cle(nom))
    organisation._history_user = user  # type: ignore[attr-defined]
    organisation.full_clean()
    organisation.save()
    return organisation


def _free_cle(nom: str) -> str:
    """A key made from the name, that no other organisation has."""
    base = slugify(nom)[:70] or "organisation"
    cles = set(Organisation.objects.filter(cle__startswith=base).values_list("cle", flat=True))
    return next(cle for cle in (base, *(f"{base}-{n}" for n in range(2, len(cles) + 3))) if cle not in cles)
