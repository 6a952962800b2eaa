"""Calendars of the sheets: against the convention's years, its signature, and what the sheet's own fields say."""

from collections.abc import Iterator

from conventions.controles.famille import Bornes, read_bornes
from conventions.controles.recits import find_creations, find_durees_fausses
from fiches.controles.dossier import DossierFiches
from socle.controles import Constat, Gravite, Regle, Rubrique
from socle.periodes import Lecture, read_periodes
from socle.typographie import list_fr


class AvantSignature(Regle):
    """« Déjà réalisé en mars 2018 », in an agreement still a draft on 2 November 2018."""

    identifiant = "action_avant_signature"
    titre = "Une action est annoncée avant la signature"
    pourquoi = "Ce qui est fait avant la prise d’effet n’est pas couvert, sauf si un article le dit."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.FICHES_CODES
    cotes = ("Calendrier", "Au plus tôt")

    def find(self, dossier: DossierFiches) -> Iterator[Constat]:
        reference = dossier.reference_signature
        if reference is None:
            return
        nom, jour = reference
        for fiche in dossier.fiches:
            for periode in dossier.calendriers[fiche.pk].periodes:
                if periode.debut is None or periode.fin is None or periode.fin >= jour:
                    continue
                yield Constat(
                    objet=fiche.code,
                    message=f"« {periode.extrait} » finit avant {nom} du {jour:%d/%m/%Y}.",
                    lieux=(
                        dossier.place_fiche(fiche, "calendrier", periode.extrait, "calendrier"),
                        dossier.place_convention(nom.partition(" ")[2].capitalize(), f"{jour:%d/%m/%Y}"),
                    ),
                    constate=periode.fin,
                    attendu=jour,
                    annee=periode.fin.year,
                    fiche_id=fiche.pk,
                    precision=periode.extrait[:60],
                )


class CalendrierHorsPeriode(Regle):
    """A calendar that goes beyond the years of the convention."""

    identifiant = "calendrier_hors_periode"
    titre = "Le calendrier d’une fiche sort de la période de la convention"
    pourquoi = "Une action après la fin, ou avant le début, n’a plus de convention pour la porter."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.FICHES_CODES
    cotes = ("Calendrier", "Convention")

    def find(self, dossier: DossierFiches) -> Iterator[Constat]:
        bornes = read_bornes(dossier.convention)
        if bornes.debut is None or bornes.fin is None:
            return
        annees = f"{bornes.debut.year} – {bornes.fin.year}" if bornes.debut.year != bornes.fin.year else str(bornes.fin.year)
        for fiche in dossier.fiches:
            lecture = dossier.calendriers[fiche.pk]
            if not lecture.is_comprise:
                continue
            for annee in sorted(a for a in list_annees(lecture, bornes) if not bornes.debut.year <= a <= bornes.fin.year):
                yield Constat(
                    objet=fiche.code,
                    message=f"Le calendrier cite {annee}, la convention couvre {annees}.",
                    lieux=(
                        dossier.place_fiche(fiche, "calendrier", str(annee), "calendrier"),
                        dossier.place_convention("Période de la convention", annees),
                    ),
                    constate=annee,
                    attendu=annees,
                    annee=annee,
                    fiche_id=fiche.pk,
                )


class AnneesCitees(Regle):
    """The years noted beside a calendar are among those its words name."""

    identifiant = "calendrier_annees"
    titre = "Les années notées ne sont pas celles du calendrier"
    pourquoi = "Les listes et les filtres se servent des années notées : elles doivent être celles du texte."
    gravite = Gravite.INFORMATION
    rubrique = Rubrique.FICHES_CODES

    def find(self, dossier: DossierFiches) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            lecture = read_periodes(fiche.calendrier)
            if not lecture.is_comprise:
                continue
            absentes = sorted(set(fiche.annees_calendrier) - lecture.select_years(fiche.annees_calendrier))
            if absentes:
                citees = list_fr([str(a) for a in absentes])
                yield Constat(
                    objet=fiche.code,
                    message=f"Les années notées comptent {citees}, que le calendrier ne nomme pas.",
                    lieux=(
                        dossier.place_fiche(fiche, "années citées", citees, "calendrier"),
                        dossier.place_fiche(fiche, "calendrier", list_fr([p.extrait for p in lecture.periodes]), "calendrier"),
                    ),
                    constate=citees,
                    fiche_id=fiche.pk,
                )


class DureesDesFiches(Regle):
    """Durations and dates told in the texts of a sheet."""

    identifiant = "fiche_duree"
    titre = "Une fiche donne une durée et des dates qui ne s’accordent pas"
    pourquoi = "La fiche est annexée : ce qu’elle dit d’une autre convention fait foi autant que cette convention."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.FICHES_CODES

    def find(self, dossier: DossierFiches) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            for texte, lieu in dossier.textes_of(fiche):
                for fausse in find_durees_fausses(texte):
                    yield fausse.to_constat(fiche.code, lieu, fiche.pk)


class CreationsDesFiches(Regle):
    """A creation told in a sheet a whole number of years away from the convention told beside it."""

    identifiant = "fiche_creation"
    titre = "Une fiche date une création autrement que la convention qu’elle cite"
    pourquoi = "Le même mois d’une autre année est presque toujours une faute de frappe."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.FICHES_CODES

    def find(self, dossier: DossierFiches) -> Iterator[Constat]:
        for fiche in dossier.fiches:
            for texte, lieu in dossier.textes_of(fiche):
                for creation in find_creations(texte):
                    yield creation.to_constat(fiche.code, lieu, fiche.pk)


def list_annees(lecture: Lecture, bornes: Bornes) -> set[int]:
    """Years the calendar plans outside the convention: what began before (« depuis 2015 ») and days only cited are left out."""
    annees = set()
    for periode in lecture.periodes:
        if periode.debut == periode.fin:
            continue
        fin = bornes.fin.year if bornes.fin else 9999
        cites = [jour.year for jour in (periode.debut, periode.fin) if jour]
        annees |= {a for a in cites if a > fin} if periode.fin is None else set(cites)
    return annees


REGLES: list[Regle] = [AvantSignature(), CalendrierHorsPeriode(), AnneesCitees(), DureesDesFiches(), CreationsDesFiches()]
