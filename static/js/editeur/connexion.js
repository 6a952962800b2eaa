// Signing in again without leaving the page: the text stays where it is, and is saved as soon as the door opens.
import { adresses, jeton, poserJeton } from "./fiche.js";
import { dire, etat, reprendre } from "./enregistrement.js";

const boite = document.querySelector("[data-connexion]");
const erreur = boite.querySelector("[data-erreur]");
const travail = document.querySelector("[data-etat-saisie]");
let rouvrir = null;

etat.connexion = () => {
  etat.expiree = true;
  dire();
  if (!boite.open && !rouvrir) boite.showModal();
};

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
    reponse = await fetch(event.target.action, { method: "POST", body: corps, headers: { "X-Requested-With": "XMLHttpRequest" } });
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
