"""The convention among others: its cadre covers it, what it renews joins it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from conventions.controles.dossier import DossierConvention, edit_url
from conventions.models import Convention
from socle.controles import Constat, Gravite, Lieu, Regle, Rubrique
from socle.periodes import compute_fin

UN_JOUR = timedelta(days=1)


@dataclass(frozen=True)
class Bornes:
    """First and last day of a convention; `exactes` when they come from dates, not from the years of the budget."""

    debut: date | None
    fin: date | None
    debut_exact: bool
    fin_exacte: bool


def read_bornes(convention: Convention) -> Bornes:
    """Dates when they are known or lead to one another, else the years of the budget, else nothing."""
    debut = convention.date_debut or (convention.date_signature if convention.duree_declaree_mois else None)
    fin = convention.date_fin
    if fin is None and debut and convention.duree_declaree_mois:
        fin = compute_fin(debut, convention.duree_declaree_mois)
    exactes = (debut is not None, fin is not None)
    if debut is None and convention.annee_debut:
        debut = date(convention.annee_debut, 1, 1)
    if fin is None and convention.annee_fin:
        fin = date(convention.annee_fin, 12, 31)
    return Bornes(debut, fin, *exactes)


class CadreCouvre(Regle):
    """A specific convention lives inside its cadre."""

    identifiant = "cadre_periode"
    titre = "La convention-cadre ne couvre pas la période de la convention spécifique"
    pourquoi = "Hors de la période du cadre, la convention spécifique n’a plus de fondement."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.DATES

    def find(self, dossier: DossierConvention) -> Iterator[Constat]:
        cadre = dossier.convention.parent
        if cadre is None:
            return
        elle, lui = read_bornes(dossier.convention), read_bornes(cadre)
        for nom, ici, la, exact, sens in [
            ("commence", elle.debut, lui.debut, elle.debut_exact and lui.debut_exact, 1),
            ("finit", elle.fin, lui.fin, elle.fin_exacte and lui.fin_exacte, -1),
        ]:
            # A year alone says the day to within a year: only what no day of it can explain is told.
            dehors = ici and la and (sens * (la - ici).days if exact else sens * (la.year - ici.year)) > 0
            if dehors and ici and la:
                yield Constat(
                    objet="convention",
                    message=f"La convention {nom} le {ici:%d/%m/%Y}, sa convention-cadre {nom} le {la:%d/%m/%Y}.",
                    lieux=(
                        dossier.place_convention(f"Cette convention {nom}", f"{ici:%d/%m/%Y}"),
                        place(cadre, f"{cadre.reference} {nom}", la),
                    ),
                    constate=ici,
                    attendu=la,
                    precision=nom,
                )


class SuiteSansTrou(Regle):
    """A renewal starts the day after the end of the former convention."""

    identifiant = "renouvellement_suite"
    titre = "Le renouvellement ne prend pas la suite de la convention précédente"
    pourquoi = "Un trou laisse des dépenses sans convention ; un chevauchement les fait payer deux fois."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.DATES

    def find(self, dossier: DossierConvention) -> Iterator[Constat]:
        precedente = dossier.convention.renouvelle
        if precedente is None:
            return
        elle, avant = read_bornes(dossier.convention), read_bornes(precedente)
        if elle.debut is None or avant.fin is None:
            return
        attendu = avant.fin + UN_JOUR if avant.fin < date.max else avant.fin
        # A year alone says the day to within a year: only what no day of it can explain is told.
        certain = elle.debut_exact and avant.fin_exacte
        trou = elle.debut > attendu if certain else elle.debut.year > avant.fin.year + 1
        double = elle.debut < attendu if certain else elle.debut.year < avant.fin.year
        if not (trou or double):
            return
        if trou:
            message = f"Du {attendu:%d/%m/%Y} au {elle.debut - UN_JOUR:%d/%m/%Y}, aucune des deux conventions ne s’applique."
        else:
            message = f"Du {elle.debut:%d/%m/%Y} au {avant.fin:%d/%m/%Y}, les deux conventions s’appliquent à la fois."
        yield Constat(
            objet="convention",
            message=message,
            lieux=(
                dossier.place_convention("Prise d’effet de cette convention", f"{elle.debut:%d/%m/%Y}"),
                place(precedente, f"Fin de {precedente.reference}", avant.fin),
            ),
            constate=elle.debut,
            attendu=attendu,
            precision="trou" if trou else "double",
        )


def place(convention: Convention, nom: str, jour: date) -> Lieu:
    """A date of another convention."""
    return Lieu(nom, f"{jour:%d/%m/%Y}", convention.titre, convention.get_absolute_url(), edit_url(convention))


REGLES: list[Regle] = [CadreCouvre(), SuiteSansTrou()]
