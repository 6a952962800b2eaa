"""Codes and references: one code a sheet, the one the text cites, and no reference to a sheet that does not exist."""

import re
from collections import defaultdict
from collections.abc import Iterator

from django.urls import reverse

from fiches.controles.dossier import DossierFiches
from fiches.fiches import FicheAction, normalize_code
from socle.controles import Constat, Correction, Gravite, Lieu, Regle, Rubrique

# « fiche action n° E.A 1.2 », « fiches E.A 1.1 et E.P 2.3 ».
UN_CODE = r"[A-Z]{1,3}(?:\.[A-Z]{1,2})*\.?\s?\d+(?:\.\d+)*"
RENVOI = re.compile(
    rf"\b(?:[Ff]iches?|FICHES?)(?:[ -](?:[Aa]ctions?|ACTIONS?))?\s+(?:[Nn]\s?[°o]s?\s*)?((?:{UN_CODE}(?:\s*(?:,|et|ou)\s+)?)+)"
)
CODE = re.compile(UN_CODE)


class CodeEnDouble(Regle):
    """Two sheets of Dijon print E.C 1.2."""

    identifiant = "code_double"
    titre = "Deux fiches portent le même code"
    pourquoi = "Le récapitulatif, les bilans et les paiements désignent l’action par son code : il n’en désigne plus une seule."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.FICHES_CODES

    def find(self, dossier: DossierFiches) -> Iterator[Constat]:
        par_code: dict[str, list[FicheAction]] = defaultdict(list)
        for fiche in dossier.fiches:
            par_code[normalize_code(fiche.code_imprime or fiche.code)].append(fiche)
        for fiches in par_code.values():
            premiere = next((f for f in fiches if not f.code_imprime), fiches[0])
            for autre in fiches:
                if autre is premiere:
                    continue
                code = autre.code_imprime or autre.code
                detail = f"le texte la cite sous {autre.code}" if autre.code_imprime else ""
                yield Constat(
                    objet=premiere.code,
                    message=f"« {premiere.nom_court} » et « {autre.nom_court} » portent toutes deux le code {code}.",
                    lieux=(
                        dossier.place_fiche(premiere, premiere.nom_court, premiere.code_imprime or premiere.code, "objet"),
                        place_feuille(dossier, autre, autre.nom_court, code, detail),
                    ),
                    constate=code,
                    fiche_id=premiere.pk,
                    signe="egal",
                    precision=f"avec-{autre.pk}",
                    corrections=(forget_code(autre),) if autre.code_imprime else (),
                )


class CodeDeLaFeuille(Regle):
    """The sheet prints another code than the one the text and the recap cite."""

    identifiant = "code_feuille"
    titre = "La feuille ne porte pas le code que cite le texte"
    pourquoi = "Le lecteur qui suit le renvoi du texte arrive sur une autre fiche."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.FICHES_CODES

    def find(self, dossier: DossierFiches) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            if not fiche.code_imprime or normalize_code(fiche.code_imprime) == normalize_code(fiche.code):
                continue
            yield Constat(
                objet=fiche.code,
                message=f"Le texte cite {fiche.code}, la feuille porte {fiche.code_imprime}.",
                lieux=(
                    place_feuille(dossier, fiche, "en-tête de la feuille", fiche.code_imprime),
                    dossier.place_fiche(fiche, "code cité par le texte", fiche.code, "objet"),
                ),
                constate=fiche.code_imprime,
                attendu=fiche.code,
                fiche_id=fiche.pk,
                corrections=(forget_code(fiche),),
            )


class FicheCiteeSansFeuille(Regle):
    """A text refers to a sheet that is not there."""

    identifiant = "fiche_absente"
    titre = "Le texte cite une fiche qui n’existe pas"
    pourquoi = "Un renvoi dans le vide laisse une action promise sans contenu ni budget."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.FICHES_CODES

    def find(self, dossier: DossierFiches) -> Iterator[Constat]:
        connus = {normalize_code(code) for f in [*dossier.fiches, *dossier.parentes] for code in (f.code, f.code_imprime)}
        jetees = {normalize_code(f.code) for f in dossier.corbeille}
        # « une fiche A4 », « une fiche PME 2018 »: only the letters of this convention's codes make a code.
        lettres = {code.partition(" ")[0] for code in connus | jetees}
        for objet, texte, lieu, fiche_id in list_textes(dossier):
            for code in find_renvois(texte):
                if normalize_code(code) in connus or normalize_code(code).partition(" ")[0] not in lettres:
                    continue
                sort = "elle est dans la corbeille" if normalize_code(code) in jetees else "aucune fiche ne porte ce code"
                yield Constat(
                    objet=objet,
                    message=f"Le texte renvoie à la fiche {code} : {sort}.",
                    lieux=(Lieu(lieu.nom, code, sort, lieu.url, lieu.modifier),),
                    constate=code,
                    fiche_id=fiche_id,
                    signe="manque",
                    precision=normalize_code(code),
                )


class FicheJamaisPresentee(Regle):
    """A sheet in the annex of which the body of the agreement says nothing."""

    identifiant = "fiche_non_citee"
    titre = "Le corps de la convention ne dit rien d’une fiche"
    pourquoi = "Une fiche annexée que le texte n’annonce pas n’est rattachée à aucun engagement des parties."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.FICHES_CODES

    def find(self, dossier: DossierFiches) -> Iterator[Constat]:
        cites = {normalize_code(code) for _, texte, _, _ in list_textes(dossier) for code in find_renvois(texte)}
        cites |= {normalize_code(code) for _, texte, _, _ in list_textes(dossier) for code in CODE.findall(texte)}
        for fiche in dossier.fiches:
            if not fiche.objet and not fiche.presentation and normalize_code(fiche.code) not in cites:
                yield Constat(
                    objet=fiche.code,
                    message=f"La fiche {fiche.code} n’a ni objet ni présentation dans le corps du texte, et rien ne la cite.",
                    lieux=(dossier.place_fiche(fiche, "objet et présentation", "à compléter", "objet"),),
                    fiche_id=fiche.pk,
                    signe="manque",
                )


def list_textes(dossier: DossierFiches) -> Iterator[tuple[str, str, Lieu, int | None]]:
    """Every free text: object, text, place, and the sheet it belongs to."""
    for objet, texte, lieu in dossier.textes:
        yield objet, texte, lieu, None
    for fiche in dossier.fiches:
        for texte, lieu in dossier.textes_of(fiche):
            yield fiche.code, texte, lieu, fiche.pk
        if fiche.presentation:
            yield fiche.code, fiche.presentation, dossier.place_fiche(fiche, "présentation", "", "objet"), fiche.pk


def find_renvois(texte: str) -> list[str]:
    """Codes that a text refers to after the word « fiche », as written, once each."""
    return list(dict.fromkeys(" ".join(code.split()) for renvoi in RENVOI.findall(texte) for code in CODE.findall(renvoi)))


def place_feuille(dossier: DossierFiches, fiche: FicheAction, nom: str, valeur: str, detail: str = "") -> Lieu:
    """The code printed on a sheet, which administrators keep."""
    return Lieu(
        f"Fiche {fiche.code}, {nom}",
        valeur,
        detail,
        f"{fiche.get_absolute_url()}#objet",
        reverse("admin:fiches_ficheaction_change", args=[fiche.pk]),
    )


def forget_code(fiche: FicheAction) -> Correction:
    """The way out that gives the sheet the code the text cites."""
    return Correction(f"Porter {fiche.code} sur la feuille", "code_feuille", {"fiche": fiche.pk})


REGLES: list[Regle] = [CodeEnDouble(), CodeDeLaFeuille(), FicheCiteeSansFeuille(), FicheJamaisPresentee()]
