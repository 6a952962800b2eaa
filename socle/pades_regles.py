"""What may follow a signature in a PDF: other signatures, timestamps and what proves them. pyHanko compares, by rules chosen here.

Three things are added to pyHanko's rules. A document without form may receive its first signature, which pyHanko never
compares with what came before. The first signature may certify the document (`/Perms`). A form field that people fill in
counts as a change, since what is signed here holds none.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from socle.pades import open_pdf


def is_prolongation(original: bytes, recu: bytes) -> bool:
    """Tell whether a file starts with the exact bytes of another."""
    return bool(original) and recu.startswith(original)


def find_origine(original: bytes, lecteur: Any) -> int | None:
    """Rank, among the recordings of a file that starts with `original`, of its last one; None when what follows skips it."""
    avant = open_pdf(original)
    rang: int = avant.total_revisions - 1
    if rang >= lecteur.total_revisions or lecteur.xrefs.get_startxref_for_revision(rang) != avant.last_startxref:
        return None
    return rang


@cache
def make_regle(connu: bool = False) -> Any:
    """Rule to compare recordings. `connu`: the first one is the product's own file, which hides nothing.

    In a file of others, an object may serve twice, as metadata that may change and as a page; looking for that reads the whole
    file, some seconds for a long tagged document.
    """
    from pyhanko.pdf_utils import generic, misc
    from pyhanko.pdf_utils.reader import RawPdfPath
    from pyhanko.sign import diff_analysis as regles
    from pyhanko.sign.diff_analysis.commons import compare_key_refs
    from pyhanko.sign.diff_analysis.constants import ACROFORM_EXEMPT_STRICT_COMPARISON, ROOT_EXEMPT_STRICT_COMPARISON
    from pyhanko.sign.diff_analysis.rules_api import Context

    class Certification(regles.WhitelistRule):
        """The catalog may come to say which signature certifies the document, and nothing else."""

        def apply(self, old: Any, new: Any) -> Iterator[Any]:
            etiquette = regles.ReferenceUpdate.curry_ref(context_checked=Context.from_absolute(old, RawPdfPath("/Root", "/Perms")))
            avant: Any
            apres: Any
            avant, apres = yield from misc.map_with_return(compare_key_refs("/Perms", old, old.root, new.root), etiquette)
            if avant is not None and avant != apres:
                raise regles.SuspiciousModification("certification changed")
            if avant is None and apres is not None and set(apres) != {"/DocMDP"}:
                raise regles.SuspiciousModification("rights added")

    class Regle(regles.StandardDiffPolicy):
        def review_file(self, reader: Any, base_revision: Any, *args: Any, **kwargs: Any) -> Any:
            for rang in range(base_revision, reader.total_revisions):
                catalogue: Any = reader.get_historical_resolver(rang).root
                if "/AcroForm" not in catalogue:  # a form without field is no form, and pyHanko knows how to compare it
                    catalogue["/AcroForm"] = generic.DictionaryObject({generic.pdf_name("/Fields"): generic.ArrayObject()})
            if connu:
                reader.get_historical_resolver(base_revision)._indirect_object_access_cache = {}
            return super().review_file(reader, base_revision, *args, **kwargs)

    niveau = regles.ModificationLevel.LTA_UPDATES
    return Regle(
        global_rules=[
            regles.CatalogModificationRule(ROOT_EXEMPT_STRICT_COMPARISON | {"/Perms"}),
            Certification().as_qualified(regles.ModificationLevel.FORM_FILLING),
            regles.DocInfoRule().as_qualified(niveau),
            regles.XrefStreamRule().as_qualified(niveau),
            regles.ObjectStreamRule().as_qualified(niveau),
            regles.DSSCompareRule().as_qualified(niveau),
            regles.MetadataUpdateRule().as_qualified(niveau),
        ],
        form_rule=regles.FormUpdatingRule(
            field_rules=[regles.SigFieldCreationRule(allow_new_visible_after_certify=True), regles.SigFieldModificationRule()],
            ignored_acroform_keys=ACROFORM_EXEMPT_STRICT_COMPARISON | {"/SigFlags"},
        ),
    )
