"""What the invented agreements share: organisations, natures of expense, politiques, and accounts to look at them with."""

from dataclasses import dataclass
from random import Random

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.utils.text import slugify
from stdnum import luhn

from comptes.models import Organisation, Utilisateur
from conventions.models import Politique
from documents.demonstration import DOSSIER, MOT_DE_PASSE, read_yaml
from documents.volume.mots import BOURGS, LIEUX, NOMS, PRENOMS, REGIONS
from financement.models import NatureDepense

NB_EPCI, NB_CCI, NB_COMMUNES, NB_ASSOCIATIONS = 220, 60, 40, 30
METROPOLE, REGION = "Métropole de Villemère", "Région Hauts-de-Vérance"
DOMAINE = "volume.example"
Nature = Organisation.Nature


@dataclass(frozen=True)
class Referentiel:
    """The shared rows, saved. The métropole and the région are parties to very many agreements."""

    metropole: Organisation
    region: Organisation
    epci: list[Organisation]
    cci: list[Organisation]
    autres: list[Organisation]
    natures: list[NatureDepense]
    politiques: list[Politique]


def make_siret(rng: Random) -> str:
    """A number whose keys hold, those of the SIREN and of the whole."""
    siren = f"{rng.randrange(10**7, 10**8)}"
    siren += luhn.calc_check_digit(siren)
    siret = f"{siren}0001"
    return siret + luhn.calc_check_digit(siret)


def make_iban(rng: Random) -> str:
    """A French account whose RIB and IBAN keys hold."""
    banque, guichet, compte = 30006, 1, rng.randrange(10**10, 10**11)
    rib = 97 - (89 * banque + 15 * guichet + 3 * compte) % 97
    bban = f"{banque:05}{guichet:05}{compte:011}{rib:02}"
    return f"FR{98 - int(bban + '152700') % 97:02}{bban}"


def list_organisations(graine: int) -> list[Organisation]:
    """The organisations, unsaved; the métropole and the région first."""
    rng = Random(f"{graine}-organisations")  # noqa: S311 (the same data for the same seed)
    bourgs = [f"{bourg}-{lieu}" for lieu in LIEUX for bourg in BOURGS]
    noms: list[tuple[str, str, str]] = [(METROPOLE, "Villemère", Nature.EPCI)]
    noms += [(f"Région {r}", f"Région {r}", Nature.REGION) for r in REGIONS]
    noms += [(f"Communauté d’agglomération de {b}", f"CA {b}", Nature.EPCI) for b in bourgs[:NB_EPCI]]
    noms += [(f"Chambre de commerce et d’industrie de {b}", f"CCI {b}", Nature.CCI) for b in bourgs[:NB_CCI]]
    noms += [(f"Ville de {b}", b, Nature.COMMUNE) for b in bourgs[:NB_COMMUNES]]
    noms += [(f"Association des commerçants de {b}", f"AC {b}", Nature.ASSOCIATION) for b in bourgs[:NB_ASSOCIATIONS]]
    return [
        Organisation(
            cle=f"volume-{slugify(nom)}"[:80],
            nom=nom,
            sigle=sigle[:40],
            nature=nature,
            droit=Organisation.Droit.PRIVE if nature == Nature.ASSOCIATION else Organisation.Droit.PUBLIC,
            siret=make_siret(rng),
            adresse=f"{rng.randrange(1, 90)} rue de la République",
            code_postal=f"{rng.randrange(1000, 95000):05}",
            ville=sigle.partition(" ")[2] or sigle,
            banque="Banque d’essai" if nature in (Nature.CCI, Nature.ASSOCIATION) else "",
            iban=make_iban(rng) if nature in (Nature.CCI, Nature.ASSOCIATION) else "",
        )
        for nom, sigle, nature in noms
    ]


def load_referentiel(graine: int) -> Referentiel:
    """Create what the agreements share, or find it; the names of natures and politiques are those of the demonstration."""
    Organisation.objects.bulk_create(list_organisations(graine), ignore_conflicts=True)
    cles = [o.cle for o in list_organisations(graine)]
    par_cle = Organisation.objects.in_bulk(cles, field_name="cle")
    organisations = [par_cle[cle] for cle in cles]
    natures = [NatureDepense(**d) for d in read_yaml(DOSSIER / "natures.yaml")]
    NatureDepense.objects.bulk_create(natures, ignore_conflicts=True)
    politiques = [Politique(**d) for d in read_yaml(DOSSIER / "politiques.yaml")]
    Politique.objects.bulk_create(politiques, ignore_conflicts=True)
    par_nature = {nature: [o for o in organisations if o.nature == nature] for nature in Nature.values}
    return Referentiel(
        organisations[0],
        par_nature[Nature.REGION][0],
        par_nature[Nature.EPCI][1:],
        par_nature[Nature.CCI],
        [*par_nature[Nature.COMMUNE], *par_nature[Nature.ASSOCIATION], *par_nature[Nature.REGION][1:]],
        list(NatureDepense.objects.filter(cle__in=[n.cle for n in natures]).order_by("ordre", "nom")),
        list(Politique.objects.filter(cle__in=[p.cle for p in politiques]).order_by("nom")),
    )


def load_comptes(referentiel: Referentiel) -> None:
    """A lecteur, an agent and an administrateur of the métropole and of a small organisation, and the platform's operator.

    They open with the password of the demonstration in trial mode, and not at all elsewhere.
    """
    mot_de_passe = make_password(MOT_DE_PASSE if settings.DEBUG else None)
    rangs = [(organisation, role) for organisation in (referentiel.metropole, referentiel.epci[0]) for role in Utilisateur.Role.values]
    noms = {referentiel.metropole.pk: "metropole", referentiel.epci[0].pk: "petite"}
    comptes = [
        Utilisateur(
            email=f"{role}.{noms[organisation.pk]}@{DOMAINE}",
            prenom=PRENOMS[rang],
            nom=NOMS[rang],
            organisation=organisation,
            role=role,
            password=mot_de_passe,
            demonstration=True,
        )
        for rang, (organisation, role) in enumerate(rangs)
    ]
    exploitant = Utilisateur(
        email=f"exploitant@{DOMAINE}",
        prenom="Morgan",
        nom="Tessier",
        role=Utilisateur.Role.ADMINISTRATEUR,
        is_superuser=True,
        password=mot_de_passe,
        demonstration=True,
    )
    Utilisateur.objects.bulk_create([*comptes, exploitant], ignore_conflicts=True)
