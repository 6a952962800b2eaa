#!/usr/bin/env python3
"""`make test-deploiement`: the deployment that docs/deploiement.md describes, done for real on loopback, then taken away.

Production settings, PostgreSQL (DATABASE_URL, from .ci/postgres), gunicorn with its documented configuration, hashed static
files, two workers, nginx in front when it is installed, a person who signs in, a PDF, a job, figures, a reload under load, a
backup put back into a second empty database. Says what it saw; stops at the first thing that is not as documented.
"""

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
import psycopg

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs" / "deploiement"
OUVRIER = ("run_worker",)  # the command of a worker, as in traitdunion-ouvrier@.service
HOTE = "conventions.exemple.fr"
ADRESSE, MOT_DE_PASSE, JETON = "exploitant@exemple.example", secrets.token_urlsafe(16), secrets.token_urlsafe(32)
CONVENTION = "CHAUMONT-CCI52-2020"
FICHIER = "Code;Nature;Année;Montant\nE.A 1.1;Études;2020;50\n".encode()


class Echec(Exception):
    """Something is not as documented."""


def expect(vrai: object, phrase: str) -> None:
    """Raise Echec with its sentence unless it is so."""
    if not vrai:
        raise Echec(phrase)


def wait_for(essai: Callable[[], Any], phrase: str, delai: float = 180) -> Any:
    """The first true answer of `essai`."""
    fin = time.monotonic() + delai
    while time.monotonic() < fin:
        with contextlib.suppress(httpx.HTTPError, OSError):
            if resultat := essai():
                return resultat
        time.sleep(0.2)
    raise Echec(phrase)


def find_port() -> int:
    """A free port of the loopback."""
    with socket.socket() as prise:
        prise.bind(("127.0.0.1", 0))
        return int(prise.getsockname()[1])


class Navigateur:
    """A person at a browser: follows cookies, gives tokens back. `direct` speaks to gunicorn as the proxy does."""

    def __init__(self, adresse: str, direct: bool) -> None:
        entetes = {"Host": HOTE, "Referer": f"https://{HOTE}/"}
        if direct:
            entetes |= {"X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1"}
        self.http = httpx.Client(base_url=adresse, headers=entetes, verify=False, timeout=120)  # noqa: S501 (certificate made on the spot)
        self.cookies: dict[str, str] = {}

    def ask(self, methode: str, chemin: str, **options: Any) -> httpx.Response:
        # Kept by hand: cookies marked Secure are not given to the http:// address that stands for the proxy.
        cookie = "; ".join(f"{nom}={valeur}" for nom, valeur in self.cookies.items())
        reponse = self.http.request(methode, chemin, headers={"Cookie": cookie, **options.pop("headers", {})}, **options)
        for recu in reponse.headers.get_list("set-cookie"):
            expect("secure" in recu.lower() or "max-age=0" in recu.lower(), f"Un cookie part sans Secure : {recu.partition('=')[0]}")
            self.cookies |= {nom: morceau.value for nom, morceau in SimpleCookie(recu).items()}
        return reponse

    def get(self, chemin: str, code: int = 200, **options: Any) -> httpx.Response:
        reponse = self.ask("GET", chemin, **options)
        expect(reponse.status_code == code, f"GET {chemin} : {reponse.status_code} au lieu de {code}")
        return reponse

    def post(self, chemin: str, page: str, code: int = 302, **options: Any) -> httpx.Response:
        jeton = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(page).text)
        expect(jeton, f"Pas de formulaire sur {page}")
        donnees = options.pop("data", {}) | {"csrfmiddlewaretoken": jeton[1] if jeton else ""}
        reponse = self.ask("POST", chemin, data=donnees, **options)
        expect(reponse.status_code == code, f"POST {chemin} : {reponse.status_code} au lieu de {code}")
        return reponse


class Deploiement:
    """Everything that is started, in one folder that goes away with it."""

    def __init__(self, dossier: Path) -> None:
        self.dossier = dossier
        self.processus: list[subprocess.Popen[bytes]] = []
        self.port = find_port()
        self.debut = time.monotonic()
        self.env = {nom: valeur for nom, valeur in os.environ.items() if not nom.startswith("TRAITDUNION_")} | {
            "TRAITDUNION_SECRET_KEY": secrets.token_urlsafe(64),
            "TRAITDUNION_HOSTS": HOTE,
            "TRAITDUNION_ORIGINS": f"https://{HOTE}",
            "TRAITDUNION_ADRESSE": f"https://{HOTE}",
            "TRAITDUNION_DATA": str(dossier / "donnees"),
            "TRAITDUNION_PROXY_HTTPS": "1",
            "TRAITDUNION_PROXIES": "1",
            "TRAITDUNION_METRIQUES": JETON,
            "TRAITDUNION_IMPORT_DIRECT": "0",  # every spreadsheet goes through a worker
            "TRAITDUNION_ECOUTE": f"127.0.0.1:{self.port}",
            "TRAITDUNION_PROCESSUS": "2",
            "PROMETHEUS_MULTIPROC_DIR": str(dossier / "releves"),
            "PYTHONPATH": str(ROOT),
        }

    def say(self, phrase: str) -> None:
        print(f"[{time.monotonic() - self.debut:5.1f} s] {phrase}", flush=True)

    def manage(self, *arguments: str, **env: str) -> str:
        fait = subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.env | env, capture_output=True, text=True)
        expect(fait.returncode == 0, f"manage.py {arguments[0]} :\n{fait.stdout[-2000:]}{fait.stderr[-2000:]}")
        return fait.stdout

    def start(self, nom: str, *commande: str) -> subprocess.Popen[bytes]:
        with (self.dossier / f"{nom}.log").open("wb") as journal:
            lance = subprocess.Popen(commande, cwd=ROOT, env=self.env, stdout=journal, stderr=subprocess.STDOUT)
        self.processus.append(lance)
        return lance

    def stop(self, *processus: subprocess.Popen[bytes]) -> None:
        for lance in processus or tuple(reversed(self.processus)):
            if lance.poll() is None:
                lance.send_signal(signal.SIGTERM)
        for lance in processus or tuple(reversed(self.processus)):
            try:
                lance.wait(30)
            except subprocess.TimeoutExpired:
                lance.kill()

    def prepare(self) -> None:
        (self.dossier / "donnees").mkdir()
        autour = (("check", "--deploy", "--fail-level", "WARNING"), ("collectstatic", "--noinput", "--verbosity", "0"))
        with ThreadPoolExecutor() as equipe:
            attendus = [equipe.submit(self.manage, *commande) for commande in autour]
            self.manage("migrate", "--verbosity", "0")
        for attendu in attendus:
            attendu.result()
        # The second database, where the backup will be put back: migrated, and as empty as this one is now.
        base, _, nom = os.environ["DATABASE_URL"].rpartition("/")
        with psycopg.connect(f"{base}/postgres", autocommit=True) as serveur:
            serveur.execute(f"CREATE DATABASE restauree TEMPLATE {nom}")
        self.manage("load_demo")
        self.manage(
            *("shell", "-v", "0", "-c"),
            "from comptes.models import Organisation, Utilisateur; "
            "o = Organisation.objects.filter(parties__convention__reference='" + CONVENTION + "').first(); "
            f"u = Utilisateur(email='{ADRESSE}', prenom='Camille', nom='Essai', organisation=o, role='administrateur'); "
            f"u.set_password('{MOT_DE_PASSE}'); u.save()",
        )
        self.say("Réglages de production vérifiés, base migrée, fichiers statiques nommés, compte ouvert.")

    def start_all(self) -> Navigateur:
        gunicorn = Path(sys.executable).with_name("gunicorn")
        self.serveur = self.start("gunicorn", str(gunicorn), "--config", str(DOCS / "gunicorn.conf.py"))
        self.ouvriers = [self.start(f"ouvrier-{n}", sys.executable, "manage.py", *OUVRIER) for n in (1, 2)]
        direct = Navigateur(f"http://127.0.0.1:{self.port}", direct=True)
        wait_for(lambda: direct.ask("GET", "/sante/").status_code == 200, "gunicorn ne répond pas.")
        expect("en défaut" not in direct.get("/sante/pret/").text, "Le site ne se dit pas prêt.")
        # A probe of the machine asks without HTTPS; anybody else is sent to it.
        nu = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers={"Host": HOTE})
        expect(nu.get("/sante/").status_code == 200, "La sonde sans HTTPS n’est pas servie.")
        expect(nu.get("/").headers.get("location", "").startswith("https://"), "Une page est servie sans HTTPS.")
        self.say("gunicorn (2 processus) et 2 ouvriers démarrés ; /sante/ et /sante/pret/ répondent.")
        nginx = os.environ.get("MANDATAIRE") or shutil.which("nginx")
        if not nginx:
            self.say("nginx n’est pas installé : le client parle à gunicorn avec les en-têtes du mandataire.")
            return direct
        return self.start_nginx(nginx)

    def start_nginx(self, nginx: str) -> Navigateur:
        """The documented configuration, its addresses and folders moved here."""
        clair, chiffre = find_port(), find_port()
        ici = self.dossier / "nginx"
        ici.mkdir()
        certificat = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={HOTE}"]
        certificat += ["-keyout", str(ici / "cle.pem"), "-out", str(ici / "chaine.pem")]
        subprocess.run(certificat, check=True, capture_output=True)
        texte = (DOCS / "nginx.conf").read_text()
        for ancien, neuf in (
            ("127.0.0.1:8000", f"127.0.0.1:{self.port}"),
            ("listen 80;", f"listen 127.0.0.1:{clair};"),
            ("    listen [::]:80;\n", ""),
            ("listen 443 ssl http2;", f"listen 127.0.0.1:{chiffre} ssl http2;"),
            ("    listen [::]:443 ssl http2;\n", ""),
            ("/etc/ssl/traitdunion", str(ici)),
            ("/var/log/nginx", str(ici)),
            ("/var/cache/nginx", str(ici)),
        ):
            expect(ancien in texte, f"nginx.conf ne contient plus « {ancien} ».")
            texte = texte.replace(ancien, neuf)
        dossiers = "".join(f"{quoi}_temp_path {ici}/{quoi};" for quoi in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        general = f"pid {ici}/pid; error_log {ici}/erreurs.log; daemon off; master_process off; events {{}} http {{ {dossiers}\n{texte}}}"
        (ici / "nginx.conf").write_text(general)
        self.start("nginx", nginx, "-p", str(ici), "-c", str(ici / "nginx.conf"))
        navigateur = Navigateur(f"https://127.0.0.1:{chiffre}", direct=False)
        wait_for(lambda: navigateur.ask("GET", "/sante/").status_code == 200, "nginx ne répond pas.")
        navigateur.get("/metriques/", 404, headers={"Authorization": f"Bearer {JETON}"})
        navigateur.get("/sante/pret/", 404)
        expect(httpx.get(f"http://127.0.0.1:{clair}/", headers={"Host": HOTE}).status_code == 301, "nginx ne renvoie pas vers HTTPS.")
        navigateur.get("/calendrier/secret-a-ne-pas-garder.ics", 404)
        wait_for(lambda: "/calendrier/..." in (ici / "traitdunion.log").read_text(), "Le journal de nginx ne note pas la requête.")
        expect("secret-a-ne-pas" not in (ici / "traitdunion.log").read_text(), "Le journal de nginx garde une adresse secrète.")
        self.say("nginx devant, en HTTPS ; métriques fermées de l’extérieur, adresses secrètes hors du journal.")
        return navigateur

    def live(self, personne: Navigateur) -> None:
        """Sign in, read, ask a PDF, let a job go through a worker."""
        page = personne.get("/compte/connexion/")
        style = re.search(r'href="(/static/[^"]+\.[0-9a-f]{12}\.css)"', page.text)
        expect(style, "La page ne nomme pas de feuille de style hachée.")
        statique = personne.get(style[1] if style else "", headers={"Accept-Encoding": "gzip"})
        expect("immutable" in statique.headers["cache-control"], "Les fichiers statiques ne se gardent pas.")
        expect(statique.headers.get("content-encoding") == "gzip", "Les fichiers statiques ne sont pas compressés.")
        expect("max-age=31536000" in page.headers.get("strict-transport-security", ""), "HSTS manque.")
        personne.post("/compte/connexion/", "/compte/connexion/", data={"login": ADRESSE, "password": MOT_DE_PASSE})
        expect(CONVENTION in personne.get(f"/conventions/{CONVENTION}/").text, "La page de la convention ne la nomme pas.")
        pdf = personne.get(f"/conventions/{CONVENTION}/recapitulatif.pdf").content
        expect(pdf.startswith(b"%PDF-"), "Le PDF n’en est pas un.")
        self.say(f"Connexion, page, PDF de {len(pdf)} octets, feuille de style hachée, compressée, gardée un an.")
        imports = f"/conventions/{CONVENTION}/imports/"
        recu = personne.post(imports, imports, files={"fichier": ("budget.csv", FICHIER, "text/csv")})
        wait_for(lambda: "HX-Refresh" in personne.get(recu.headers["location"] + "progres/").headers, "L’ouvrier n’a pas lu le tableur.")
        self.say("Un tableur déposé a été lu par un ouvrier.")

    def read_metrics(self) -> str:
        """As the machine's own Prometheus asks them."""
        nu = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers={"Host": HOTE})
        expect(nu.get("/metriques/").status_code == 404, "Les métriques sont ouvertes sans jeton.")
        reponse = nu.get("/metriques/", headers={"Authorization": f"Bearer {JETON}"})
        expect(reponse.status_code == 200, "Les métriques ne se lisent pas avec le jeton.")
        return reponse.text

    def check_metrics(self) -> None:
        texte = self.read_metrics()
        for attendu in (
            r'traitdunion_requetes_total\{methode="GET",statut="200",vue="convention"\} 1\.0',
            r'traitdunion_travaux\{etat="fait"\} [1-9]',
            r"traitdunion_base_octets [1-9]",
        ):
            expect(re.search(attendu, texte), f"Métrique absente : {attendu}")
        lues = {re.search(r'statut="200",vue="convention"\} (\S+)', self.read_metrics())[1] for _ in range(6)}  # type: ignore[index]
        expect(lues == {"1.0"}, f"Les processus ne racontent pas la même chose : {lues}")
        self.say("Métriques : fermées sans jeton, les mêmes quel que soit le processus qui répond.")

    def reload_under_load(self, personne: Navigateur) -> None:
        """Reload gunicorn while pages and a PDF are being asked: nobody notices."""
        avant, fin, codes = self.list_children(), threading.Event(), []

        def read(chemin: str) -> None:
            lecteur = Navigateur(str(personne.http.base_url), direct="https" not in str(personne.http.base_url))
            lecteur.cookies = dict(personne.cookies)
            while not fin.is_set():
                try:
                    codes.append(lecteur.ask("GET", chemin).status_code)
                except httpx.HTTPError as erreur:
                    codes.append(repr(erreur))

        pages = ("/", f"/conventions/{CONVENTION}/", "/compte/connexion/", f"/conventions/{CONVENTION}/recapitulatif.pdf")
        lecteurs = [threading.Thread(target=read, args=(page,)) for page in pages]
        for lecteur in lecteurs:
            lecteur.start()
        try:
            wait_for(lambda: len(codes) > 5, "Personne n’est servi.")
            self.serveur.send_signal(signal.SIGHUP)
            wait_for(lambda: len(neufs := self.list_children()) == 2 and not neufs & avant, "Les processus n’ont pas été remplacés.")
            deja = len(codes)
            wait_for(lambda: len(codes) > deja + 5, "Personne n’est servi après le rechargement.")
        finally:
            fin.set()
            for lecteur in lecteurs:
                lecteur.join()
        rates = [code for code in codes if code not in (200, 302)]
        expect(not rates, f"{len(rates)} requêtes sur {len(codes)} ont échoué pendant le rechargement : {rates[:3]}")
        self.say(f"gunicorn rechargé pendant {len(codes)} requêtes : aucune n’a échoué.")

    def list_children(self) -> set[int]:
        enfants = Path(f"/proc/{self.serveur.pid}/task/{self.serveur.pid}/children").read_text()
        return {int(pid) for pid in enfants.split()}

    def save_and_restore(self) -> None:
        """A backup while everything runs, put back into a second empty database, and compared."""
        archive = self.dossier / "sauvegardes"
        archive.mkdir()
        self.say(self.manage("backup", str(archive), "--keep", "14").splitlines()[0].rpartition(" : ")[2])
        (chemin,) = archive.iterdir()
        self.say(self.manage("backup", "--verify", str(chemin)).splitlines()[-1])
        (self.dossier / "ailleurs").mkdir()
        restauree = os.environ["DATABASE_URL"].rpartition("/")[0] + "/restauree"
        ailleurs = {"DATABASE_URL": restauree, "TRAITDUNION_DATA": str(self.dossier / "ailleurs")}
        self.manage("restore", str(chemin), **ailleurs)
        ecarts = self.manage("backup", "--verify", str(chemin), **ailleurs).splitlines()[-1]
        expect(ecarts.endswith(" 0 écarts."), ecarts)
        self.say(f"Restaurée dans une seconde base vide : {ecarts}")

    def stop_cleanly(self) -> None:
        self.stop()
        codes = {nom.args[-1]: nom.returncode for nom in self.processus}  # type: ignore[index]
        expect(self.serveur.returncode == 0, f"gunicorn ne s’arrête pas proprement : {codes}")
        expect(all(ouvrier.returncode == 0 for ouvrier in self.ouvriers), f"Un ouvrier ne s’arrête pas proprement : {codes}")
        erreurs = [ligne for ligne in (self.dossier / "gunicorn.log").read_text().splitlines() if 'niveau="ERROR"' in ligne]
        expect(not erreurs, "\n".join(erreurs[:5]))
        self.say("Tout s’est arrêté proprement, sans erreur au journal.")

    def run(self) -> None:
        self.prepare()
        personne = self.start_all()
        self.live(personne)
        self.check_metrics()
        self.reload_under_load(personne)
        self.save_and_restore()
        self.stop_cleanly()


@contextlib.contextmanager
def opened() -> Iterator[Deploiement]:
    """A deployment that leaves nothing behind; its logs are shown when it is not as documented."""
    statiques_la = (ROOT / "staticfiles").exists()
    with tempfile.TemporaryDirectory(prefix="tu-deploiement-") as dossier:
        deploiement = Deploiement(Path(dossier))
        try:
            yield deploiement
        except Echec:
            for journal in sorted(Path(dossier).rglob("*.log")):
                print(f"--- {journal.name}\n{journal.read_text(errors='replace')[-1500:]}", file=sys.stderr)
            raise
        finally:
            deploiement.stop()
            if not statiques_la:
                shutil.rmtree(ROOT / "staticfiles", ignore_errors=True)


def main() -> int:
    """Everything, in order; 1 at the first thing that is not as documented."""
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        print("DATABASE_URL doit nommer un PostgreSQL : .ci/postgres le fait.", file=sys.stderr)
        return 2
    try:
        with opened() as deploiement:
            deploiement.run()
    except Echec as echec:
        print(f"Échec : {echec}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
