from pathlib import Path
from financement.bilans.calculs import compute_synthese
from financement.bilans.compte_rendu import compute_compte_rendu
from financement.bilans.comptes_produits import CompteProduit
from financement.bilans.tableur_compte_rendu import write_compte_rendu_xlsx
from documents.bilans.compte_rendu import publish_compte_rendu
from tests.verapdf import controle
from financement.models import NatureDepense

def test_x(dijon):
    fs=[]
    for k in range(2):
        for b in dijon.bilans.all():
            f=Path(f"/tmp/lo/cr{b.annee}-{k}.pdf"); fs.append(f)
            f.write_bytes(publish_compte_rendu(b))
            Path(f"/tmp/lo/cr{b.annee}-{k}.xlsx").write_bytes(write_compte_rendu_xlsx(compute_compte_rendu(compute_synthese(b))))
        for p,c in zip(dijon.parties.all(),("74","70")): CompteProduit.objects.update_or_create(organisation=p.organisation,defaults={"compte":c})
        NatureDepense.objects.filter(cle__in=["etudes","animation"]).update(compte="64")
        NatureDepense.objects.filter(cle__in=["debours","ingenierie"]).update(compte="62")
    controle.verify_all(fs)
