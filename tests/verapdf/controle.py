"""Whether a PDF keeps to PDF/A and PDF/UA, told by the veraPDF engine.

`.ci/verapdf` puts the engine in var/verapdf. Starting Java takes about two seconds: give several
files and several flavours to one call.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = Path(__file__).with_name("Vera.java")
FOLDER = SOURCE.parents[2] / "var" / "verapdf"
DEFAULT = ("3a", "ua1")
# A short run on few cores: the first compiler alone and the simplest collector halve its time.
JAVA_OPTIONS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx768m", "-Dfile.encoding=UTF-8")


@dataclass
class Verdict:
    """What the engine says of one file and one flavour."""

    pdf: str
    flavour: str
    status: str  # PASS, FAIL, ERROR
    detail: str  # number of checks made, or the error
    rules: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Give the report a person reads when a test fails."""
        return "\n".join([f"{self.status} {self.flavour} {self.pdf} ({self.detail})", *(f"   {r}" for r in self.rules)])


def reason_missing() -> str | None:
    """Tell why the checker cannot run here, or None."""
    if not shutil.which("java"):
        return "Java n’est pas installé : lancez « make verapdf »."
    try:
        parts = (FOLDER / "cp.txt").read_text(encoding="utf-8").strip().split(os.pathsep)
    except OSError:
        return "Le contrôleur veraPDF n’est pas installé : lancez « make verapdf »."
    if not all(Path(part).exists() for part in parts):
        return "Le contrôleur veraPDF est incomplet ou a été déplacé : lancez « make verapdf »."
    return None


def check(pdfs: Iterable[Path], flavours: Iterable[str] = DEFAULT) -> list[Verdict]:
    """Check every file against every flavour in one run of the engine."""
    if reason := reason_missing():
        raise RuntimeError(reason)
    classpath = (FOLDER / "cp.txt").read_text(encoding="utf-8").strip()
    compiled = FOLDER / "Vera.class"
    if compiled.exists() and compiled.stat().st_mtime >= SOURCE.stat().st_mtime:
        program = ["-cp", os.pathsep.join([str(FOLDER), classpath]), "Vera"]
    else:
        program = ["-cp", classpath, str(SOURCE)]
    wanted = [(str(pdf), flavour) for pdf in pdfs for flavour in flavours]
    names = list(dict.fromkeys(pdf for pdf, _ in wanted))
    done = subprocess.run(
        ["java", *JAVA_OPTIONS, *program, ",".join(dict.fromkeys(f for _, f in wanted)), *names],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=600,
        check=False,
        # Java reads file names by the locale: without this one an accent in a name is "not found".
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    verdicts: dict[tuple[str, str], Verdict] = {}
    for line in done.stdout.splitlines():
        match line.split("\t"):
            case ["RESULT", flavour, pdf, status, detail]:
                verdicts[pdf, flavour] = Verdict(pdf, flavour, status, detail)
            case ["RULE", flavour, pdf, clause, test, count, message, place]:
                verdicts[pdf, flavour].rules.append(f"{clause} t{test} ×{count} : {message} @ {place}")
    if set(verdicts) != set(wanted):
        raise RuntimeError(f"veraPDF s’est arrêté (code {done.returncode}) :\n{done.stdout}\n{done.stderr}")
    return list(verdicts.values())


def verify_all(pdfs: Iterable[Path], *flavours: str) -> None:
    """Fail with the engine's report unless every file keeps to every flavour."""
    bad = [verdict for verdict in check(pdfs, flavours or DEFAULT) if verdict.status != "PASS"]
    if bad:
        raise AssertionError("\n".join(map(str, bad)))


def verify(pdf: Path, *flavours: str) -> None:
    """Fail with the engine's report unless the file keeps to the flavours, by default PDF/A-3a and PDF/UA-1."""
    verify_all([pdf], *flavours)
