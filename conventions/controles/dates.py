"""Durations, periods and dates: the convention's own, and those its texts tell."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from conventions.controles.dossier import DossierConvention
from conventions.controles.recits import find_creations, find_durees_fausses
from socle.controles import Constat, Gravite, Regle, Rubrique
from socle.periodes import compute_debut, compute_fin, format_duree, read_durees, read_periodes


class DureeAnnoncee(Regle):
    """Three years from 1 November 2018 end on 31 October 2021."""

    identifiant = "duree_periode"
    titre = "La durée annoncée ne mène pas à la date de fin"
    pourquoi = "La date de fin commande le dernier bilan et le solde : la durée et les dates doivent désigner le même jour."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.DATES

    def find(self, dossier: DossierConvention) -> Iterator[Constat]:
        convention = dossier.convention
        mois, debut, fin = convention.duree_declaree_mois, convention.date_debut, convention.date_fin
        if not (mois and debut and fin):
            return
        attendue = compute_fin(debut, mois)
        if fin != attendue:
            duree = format_duree(mois)
            yield Constat(
                objet="convention",
                message=(
                    f"{duree.capitalize()} à compter du {debut:%d/%m/%Y} mènent au {attendue:%d/%m/%Y}, "
                    f"la convention finit le {fin:%d/%m/%Y}."
                ),
                lieux=(
                    dossier.place_convention("Date de fin", f"{fin:%d/%m/%Y}"),
                    dossier.place_convention("Durée annoncée", f"{attendue:%d/%m/%Y}", f"{duree} à compter du {debut:%d/%m/%Y}"),
                ),
                constate=fin,
                attendu=attendue,
                piste=f"Comptés depuis la fin, {duree} commenceraient le {compute_debut(fin, mois):%d/%m/%Y}.",
            )


class PeriodeAnnoncee(Regle):
    """« 2018 – 2020 » on the cover, against the years of the budget and the duration."""

    identifiant = "periode_annees"
    titre = "La période annoncée n’est pas celle du budget"
    pourquoi = "La période est imprimée sur la couverture ; le budget doit porter sur les mêmes années."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.DATES

    def find(self, dossier: DossierConvention) -> Iterator[Constat]:
        convention = dossier.convention
        lecture = read_periodes(convention.periode)
        lieu = dossier.place_convention("Période annoncée", convention.periode)
        if lecture.is_comprise and lecture.periodes:
            debuts = [p.debut.year for p in lecture.periodes if p.debut]
            fins = [p.fin.year for p in lecture.periodes if p.fin]
            for nom, annonces, annee in [
                ("première", min(debuts, default=None), convention.annee_debut),
                ("dernière", max(fins, default=None), convention.annee_fin),
            ]:
                if annonces and annee and annonces != annee:
                    yield Constat(
                        objet="convention",
                        message=f"La période annoncée, « {convention.periode} », a {annonces} pour {nom} année ; le budget a {annee}.",
                        lieux=(lieu, dossier.place_convention(f"{nom.capitalize()} année du budget", str(annee))),
                        constate=annonces,
                        attendu=annee,
                        precision=nom,
                    )
        durees = [d for d in read_durees(convention.periode) if not d.approximative]
        if len(durees) == 1 and convention.duree_declaree_mois and durees[0].mois != convention.duree_declaree_mois:
            duree = format_duree(convention.duree_declaree_mois)
            yield Constat(
                objet="convention",
                message=f"La période annonce {durees[0].extrait}, la durée saisie est de {duree}.",
                lieux=(lieu, dossier.place_convention("Durée annoncée", duree)),
                constate=durees[0].extrait,
                attendu=duree,
                precision="duree",
            )


class AnneesDuBudget(Regle):
    """The years of the budget against the dates of the convention."""

    identifiant = "annees_dates"
    titre = "Les années du budget ne sont pas celles des dates"
    pourquoi = "Une année de budget hors des dates de la convention ne peut pas être payée."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.DATES

    def find(self, dossier: DossierConvention) -> Iterator[Constat]:
        convention = dossier.convention
        for nom, annee, jour, titre in [
            ("première", convention.annee_debut, convention.date_debut, "Prise d’effet"),
            ("dernière", convention.annee_fin, convention.date_fin, "Fin"),
        ]:
            # A budget inside the dates is a choice; a year outside them cannot be paid.
            dehors = annee and jour and (annee < jour.year if nom == "première" else annee > jour.year)
            if annee and jour and dehors:
                yield Constat(
                    objet="convention",
                    message=f"La {nom} année du budget est {annee}, la convention a pour {titre.lower()} le {jour:%d/%m/%Y}.",
                    lieux=(
                        dossier.place_convention(f"{nom.capitalize()} année du budget", str(annee)),
                        dossier.place_convention(titre, f"{jour:%d/%m/%Y}"),
                    ),
                    constate=annee,
                    attendu=jour.year,
                    precision=nom,
                )


class Chronologie(Regle):
    """Délibération, signature, end: in this order."""

    identifiant = "chronologie"
    titre = "Les dates ne se suivent pas"
    pourquoi = "On délibère avant de signer, et on signe avant la fin : sinon la signature n’était pas autorisée."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.DATES

    def find(self, dossier: DossierConvention) -> Iterator[Constat]:
        convention = dossier.convention
        signature = convention.date_signature
        if signature is None:
            return
        lieu = dossier.place_convention("Signature", f"{signature:%d/%m/%Y}")
        for partie in dossier.parties:
            if partie.deliberation_date and partie.deliberation_date > signature:
                jour = partie.deliberation_date
                yield Constat(
                    objet="convention",
                    message=f"{partie.denomination} délibère le {jour:%d/%m/%Y}, après la signature du {signature:%d/%m/%Y}.",
                    lieux=(dossier.place_convention(f"Délibération, {partie.denomination}", f"{jour:%d/%m/%Y}", ancre="#parties"), lieu),
                    constate=jour,
                    attendu=signature,
                    precision=f"deliberation-{partie.organisation_id}",
                )
        if convention.date_fin and convention.date_fin < signature:
            yield Constat(
                objet="convention",
                message=f"La convention est signée le {signature:%d/%m/%Y}, après sa fin, le {convention.date_fin:%d/%m/%Y}.",
                lieux=(lieu, dossier.place_convention("Fin", f"{convention.date_fin:%d/%m/%Y}")),
                constate=signature,
                attendu=convention.date_fin,
                precision="fin",
            )


class DureesRacontees(Regle):
    """« signée pour trois ans, va du 1er novembre 2018 au 30 octobre 2020 », in a text."""

    identifiant = "texte_duree"
    titre = "Un texte donne une durée et des dates qui ne s’accordent pas"
    pourquoi = (
        "Ce que le préambule raconte d’une convention passée engage aussi : une durée et des dates contraires laissent le choix au juge."
    )
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.DATES

    def find(self, dossier: DossierConvention) -> Iterator[Constat]:
        for objet, texte, lieu in dossier.textes:
            for fausse in find_durees_fausses(texte):
                yield fausse.to_constat(objet, lieu)


class CreationRacontee(Regle):
    """« créé en novembre 2017 », when the convention told beside it starts on 1 November 2018."""

    identifiant = "texte_creation"
    titre = "Une date de création ne s’accorde pas avec la convention citée"
    pourquoi = "Le même mois d’une autre année est presque toujours une faute de frappe, dans la date ou dans la convention."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.DATES

    def find(self, dossier: DossierConvention) -> Iterator[Constat]:
        precedente = dossier.convention.renouvelle
        debuts: list[date] = [precedente.date_debut] if precedente and precedente.date_debut else []
        for objet, texte, lieu in dossier.textes:
            for creation in find_creations(texte, debuts):
                constat = creation.to_constat(objet, lieu)
                if creation.debut in debuts and precedente:
                    autre = replace(constat.lieux[1], nom=f"Prise d’effet de {precedente.reference}", url=precedente.get_absolute_url())
                    constat = replace(constat, lieux=(constat.lieux[0], autre))
                yield constat


REGLES: list[Regle] = [DureeAnnoncee(), PeriodeAnnoncee(), AnneesDuBudget(), Chronologie(), DureesRacontees(), CreationRacontee()]
