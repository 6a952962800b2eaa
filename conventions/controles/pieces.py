"""What is missing before signature: dates, délibérations, signatories, SIRET, bank details."""

from abc import abstractmethod
from collections.abc import Iterator

from django.urls import reverse

from comptes.models import Organisation
from conventions.controles.dossier import DossierConvention
from conventions.controles.famille import read_bornes
from conventions.models import Partie
from socle.controles import Constat, Gravite, Lieu, Regle, Rubrique

MANQUE = "à compléter"
# Who pays without an assembly: the préfet signs.
SANS_DELIBERATION = (Organisation.Nature.ETAT, Organisation.Nature.FONDS_EUROPEEN)
# Assemblies that decide by a délibération; others are asked for one when they pay.
DELIBERANTES = (Organisation.Nature.EPCI, Organisation.Nature.COMMUNE, Organisation.Nature.REGION)


class DatesManquantes(Regle):
    """Article 2 left with its dots."""

    identifiant = "dates_manquantes"
    titre = "Une date de la convention manque"
    pourquoi = "Sans prise d’effet ni fin, personne ne sait quelles dépenses la convention couvre."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.DATES

    def find(self, dossier: DossierConvention) -> Iterator[Constat]:
        convention = dossier.convention
        bornes = read_bornes(convention)
        for nom, jour, deduite in [
            ("prise d’effet", convention.date_debut, bornes.debut_exact),
            ("fin", convention.date_fin, bornes.fin_exacte),
        ]:
            # Of a signed convention, a day its signature and its duration give is known; a draft must write it.
            if jour is None and not (convention.is_signee and deduite):
                yield Constat(
                    objet="convention",
                    message=f"La date de {nom} n’est pas écrite." if nom == "fin" else "La date de prise d’effet n’est pas écrite.",
                    lieux=(dossier.place_convention(nom.capitalize(), MANQUE),),
                    signe="manque",
                    precision=nom,
                )
        if convention.is_signee and convention.date_signature is None:
            yield Constat(
                objet="convention",
                message=f"La convention est « {convention.get_etat_display().lower()} » sans date de signature.",
                lieux=(dossier.place_convention("Signature", MANQUE),),
                signe="manque",
                precision="signature",
            )


class RegleDePartie(Regle):
    """A rule that looks at each party."""

    @abstractmethod
    def check(self, partie: Partie) -> tuple[str, str] | None:
        """What is missing and the sentence that says it; None when nothing is."""

    def place(self, dossier: DossierConvention, partie: Partie, nom: str) -> Lieu:
        return dossier.place_convention(f"{nom}, {partie.denomination}", MANQUE, ancre="#parties")

    def find(self, dossier: DossierConvention) -> Iterator[Constat]:
        for partie in dossier.parties:
            if manque := self.check(partie):
                nom, message = manque
                yield Constat(
                    objet="convention",
                    message=message,
                    lieux=(self.place(dossier, partie, nom),),
                    financeur_id=partie.organisation_id,
                    financeur=partie.nom_court,
                    signe="manque",
                )


class RegleOrganisation(RegleDePartie):
    """A rule about what the organisation's own card must hold."""

    def place(self, dossier: DossierConvention, partie: Partie, nom: str) -> Lieu:
        modifier = reverse("admin:comptes_organisation_change", args=[partie.organisation_id])
        return Lieu(f"{nom}, {partie.denomination}", MANQUE, "", dossier.convention.get_absolute_url() + "#parties", modifier)


class DeliberationManquante(RegleDePartie):
    """Assemblies decide by a délibération, and so does whoever pays."""

    identifiant = "deliberation_manquante"
    titre = "La délibération d’une partie manque"
    pourquoi = "Sans délibération, le signataire n’est pas habilité : la convention peut être annulée et le comptable ne paie pas."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.PIECES

    def check(self, partie: Partie) -> tuple[str, str] | None:
        nature = partie.organisation.nature
        if nature in SANS_DELIBERATION or (partie.role != Partie.Role.FINANCEUR and nature not in DELIBERANTES):
            return None
        if partie.deliberation_date is None:
            return "Délibération", f"{partie.denomination} : la date de la délibération n’est pas écrite."
        if not partie.deliberation_numero:
            return (
                "Numéro de délibération",
                f"{partie.denomination} : la délibération du {partie.deliberation_date:%d/%m/%Y} n’a pas de numéro.",
            )
        return None


class SignataireManquant(RegleDePartie):
    """Who signs, and as what."""

    identifiant = "signataire_manquant"
    titre = "Le signataire d’une partie manque"
    pourquoi = "Le document doit nommer qui signe et à quel titre."
    gravite = Gravite.BLOQUANT
    rubrique = Rubrique.PIECES

    def check(self, partie: Partie) -> tuple[str, str] | None:
        if not partie.signataire:
            return "Signataire", f"{partie.denomination} : personne n’est nommé pour signer."
        if not partie.qualite:
            return "Qualité du signataire", f"{partie.denomination} : la qualité de {partie.signataire} n’est pas écrite."
        return None


class SiretManquant(RegleOrganisation):
    """The number that names an organisation for the accountant."""

    identifiant = "siret_manquant"
    titre = "Le SIRET d’une partie manque"
    pourquoi = "Le mandat de paiement et les données ouvertes désignent les parties par leur SIRET."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.PIECES

    def check(self, partie: Partie) -> tuple[str, str] | None:
        return None if partie.organisation.siret else ("SIRET", f"{partie.denomination} n’a pas de SIRET.")


class CoordonneesBancaires(RegleOrganisation):
    """The account to credit (article 4 of Dijon leaves its box empty)."""

    identifiant = "coordonnees_bancaires"
    titre = "Les coordonnées bancaires du bénéficiaire manquent"
    pourquoi = "La convention renvoie au compte à créditer : vide, rien ne peut être versé."
    gravite = Gravite.A_VERIFIER
    rubrique = Rubrique.PIECES

    def check(self, partie: Partie) -> tuple[str, str] | None:
        if partie.role != Partie.Role.BENEFICIAIRE or partie.organisation.iban:
            return None
        return "Compte à créditer", f"{partie.denomination}, bénéficiaire, n’a pas donné son compte bancaire."


REGLES: list[Regle] = [DatesManquantes(), DeliberationManquante(), SignataireManquant(), SiretManquant(), CoordonneesBancaires()]
