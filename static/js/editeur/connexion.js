// Signing in again without leaving the page: the text stays where it is, and is saved as soon as the door opens.
import { adresses, jeton, poserJeton } from "./fiche.js";
import { etat, expirer, reprendre, surReponse } from "./enregistrement.js";

const boite = document.querySelector("[data-connexion]");
const erreur = boite.querySelector("[data-erreur]");
const travail = document.querySelector("[data-etat-saisie]");
let rouvrir = null;

// The door may be open already: another tab signed in again, and only the form token of this page is old.
let enCours = null; // one question at a time, its answer good for a few seconds
let reprises = 0;
etat.connexion = async () => {
  if (boite.open) return;
  enCours ??= rafraichir().finally(() => setTimeout(() => (enCours = null), 3000));
  if ((await enCours) && reprises < 3) {
    reprises += 1; // a token taken and still refused must not be asked for ever
    await reprendre();
    return;
  }
  expirer();
  if (!boite.open && !rouvrir) boite.showModal();
};
surReponse(() => (reprises = 0));

// A fresh form token, when the session is the one of who opened the page.
async function rafraichir() {
  try {
    const reponse = await fetch(adresses.jeton, { redirect: "manual", headers: { "X-Requested-With": "XMLHttpRequest" } });
    const donnees = reponse.ok ? await reponse.json() : null;
    if (String(donnees?.utilisateur) !== adresses.utilisateur) return false;
    poserJeton(donnees.jeton);
    return true;
  } catch {
    return false;
  }
}

// The token of the sign-in page itself, for a page whose own was replaced.
async function jetonDePorte(adresse) {
  const page = await (await fetch(adresse)).text();
  return new DOMParser().parseFromString(page, "text/html").querySelector("[name=csrfmiddlewaretoken]")?.value ?? jeton();
}

boite.querySelector("[data-plus-tard]").addEventListener("click", () => boite.close());
boite.addEventListener("close", () => {
  if (!etat.expiree || rouvrir) return;
  rouvrir = Object.assign(document.createElement("button"), { type: "button", className: "lien", textContent: "Se reconnecter" });
  rouvrir.addEventListener("click", () => {
    rouvrir.remove();
    rouvrir = null;
    boite.showModal();
  });
  travail.append(" ", rouvrir);
});

boite.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  erreur.textContent = "";
  const corps = new URLSearchParams(new FormData(event.target));
  corps.set("csrfmiddlewaretoken", jeton());
  let reponse;
  try {
    const porte = () => fetch(event.target.action, { method: "POST", body: corps, headers: { "X-Requested-With": "XMLHttpRequest" } });
    reponse = await porte();
    if (reponse.status === 403) {
      corps.set("csrfmiddlewaretoken", await jetonDePorte(event.target.action));
      reponse = await porte();
    }
  } catch {
    erreur.textContent = "La connexion au réseau est perdue. Réessayez à son retour.";
    return;
  }
  if (!reponse.ok) {
    erreur.textContent = reponse.status === 400 ? "L’adresse ou le mot de passe ne convient pas." : "Connexion refusée. Réessayez dans un quart d’heure, ou dans un autre onglet.";
    return;
  }
  const donnees = await (await fetch(adresses.jeton, { headers: { "X-Requested-With": "XMLHttpRequest" } })).json();
  if (String(donnees.utilisateur) !== adresses.utilisateur) {
    erreur.textContent = "Ce compte n’est pas celui qui a ouvert cette page. Reconnectez-vous avec le même, ou rechargez la page.";
    return;
  }
  poserJeton(donnees.jeton);
  etat.expiree = false;
  rouvrir?.remove();
  rouvrir = null;
  boite.close();
  await reprendre();
});
