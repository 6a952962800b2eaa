"""The compte rendu financier of a year: charges and produits by account, planned and done.

Charges follow the account of each nature of expense, produits that of each organisation which pays. What has no account is « à imputer »,
listed by name. Charges and produits have the same totals, since the parts of each fiche sum to what it costs.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from financement.bilans.comptes import Compte, sum_comptes
from financement.bilans.comptes_produits import CompteProduit
from financement.bilans.modeles import Bilan
from financement.bilans.suivi import Synthese
from financement.cofinancements import NON_REPARTI
from financement.couts import NatureDepense
from socle.montants import ZERO
from socle.typographie import format_euros, list_fr

A_IMPUTER = "à imputer"


@dataclass
class LigneCompte:
    """One account, and the natures or organisations entered in it; without number, one of them that has no account yet."""

    numero: str
    intitule: str
    euros: Compte
    details: list[tuple[str, Compte]] = field(default_factory=list)

    @property
    def is_imputee(self) -> bool:
        return bool(self.numero)

    @property
    def is_vide(self) -> bool:
        """Nothing is entered in it."""
        return not self.details

    @property
    def noms(self) -> str:
        """What is entered in it: « Études, Animation »."""
        return ", ".join(nom for nom, _ in self.details)


@dataclass
class Section:
    """Charges or produits: every account of the class in order, then what has none."""

    comptes: list[LigneCompte]
    a_imputer: list[LigneCompte]
    total: Compte

    @property
    def lignes(self) -> list[LigneCompte]:
        return [*self.comptes, *self.a_imputer]


@dataclass
class CompteRendu:
    """Charges and produits of one bilan."""

    synthese: Synthese
    charges: Section
    produits: Section

    @property
    def bilan(self) -> Bilan:
        return self.synthese.bilan

    @property
    def ecart(self) -> Compte:
        """Charges less produits: zero, unless a part is known where the expense is not yet."""
        charges, produits = self.charges.total, self.produits.total
        return Compte((charges.prevu or ZERO) - (produits.prevu or ZERO), (charges.realise or ZERO) - (produits.realise or ZERO))

    @property
    def is_equilibre(self) -> bool:
        """Charges and produits have the same totals, planned and done."""
        return not self.ecart.prevu and not self.ecart.realise

    @property
    def equilibre(self) -> str:
        """What the document says of both totals."""
        if self.is_equilibre:
            return "Le total des charges est égal au total des produits : les parts de chaque fiche font son coût."
        ecarts = [f"{format_euros(e)} {nom}" for nom, e in (("au prévu", self.ecart.prevu), ("au réalisé", self.ecart.realise)) if e]
        return f"Les charges et les produits diffèrent de {list_fr(ecarts)} : les parts d’une fiche ne font pas son coût."

    @property
    def imputation(self) -> str:
        """What still has no account, and where accounts are given; empty when everything has one."""
        charges, produits = ([ligne.intitule for ligne in section.a_imputer] for section in (self.charges, self.produits))
        phrases = []
        if charges:
            phrases.append(f"Sans compte de charges : {list_fr(charges)}.")
        if produits:
            phrases.append(f"Sans compte de produits : {list_fr(produits)}.")
        if any(nom != NON_REPARTI for nom in (*charges, *produits)):
            phrases.append(
                "Un administrateur indique les comptes dans l’administration, aux natures de dépense et aux comptes de produits."
            )
        return " ".join(phrases)


def compute_compte_rendu(synthese: Synthese) -> CompteRendu:
    """The compte rendu of a bilan, with the accounts as they are now. One query."""
    return build_compte_rendu(synthese, dict(CompteProduit.objects.values_list("organisation", "compte")))


def build_compte_rendu(synthese: Synthese, comptes: Mapping[int, str]) -> CompteRendu:
    """Share a counted bilan between accounts; `comptes` gives the account of each organisation. Pure."""
    natures: dict[tuple[int, str, str], Compte] = defaultdict(Compte)
    for ligne in synthese.lignes:
        nature = ligne.objet.nature
        natures[nature.ordre, nature.nom, nature.compte].add(ligne.euros)
    charges = [(numero, nom, compte) for (_, nom, numero), compte in sorted(natures.items(), key=lambda n: n[0])]
    produits = [("" if p.cle is None else comptes.get(p.cle, ""), p.nom, p.compte) for p in synthese.financeurs]
    return CompteRendu(synthese, _share(dict(NatureDepense.Compte.choices), charges), _share(dict(CompteProduit.Compte.choices), produits))


def _share(choix: Mapping[str, str], montants: list[tuple[str, str, Compte]]) -> Section:
    """Every account, with the sums of what is entered in it; what has no account keeps its name. Rows without any amount are left out."""
    comptes = {numero: LigneCompte(numero, libelle.partition(" – ")[2], Compte()) for numero, libelle in choix.items()}
    a_imputer = []
    for numero, nom, compte in montants:
        if not compte.prevu and not compte.realise:
            continue
        if numero in comptes:
            comptes[numero].euros.add(compte)
            comptes[numero].details.append((nom, compte))
        else:
            a_imputer.append(LigneCompte("", nom, compte, [(nom, compte)]))
    return Section(list(comptes.values()), a_imputer, sum_comptes(compte for _, _, compte in montants))
