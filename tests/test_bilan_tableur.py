import pytest
from pathlib import Path
from financement.bilans.calculs import compute_synthese
from financement.bilans.solde import compute_soldes
from financement.bilans.tableur import write_bilan_xlsx

def test_x(dijon):
    for b in dijon.bilans.all():
        Path(f"/tmp/lo/{b.annee}.xlsx").write_bytes(write_bilan_xlsx(compute_soldes(compute_synthese(b))))
        b.formule="mixte"
        Path(f"/tmp/lo/{b.annee}m.xlsx").write_bytes(write_bilan_xlsx(compute_soldes(compute_synthese(b))))
