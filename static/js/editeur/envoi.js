// Asking the server, and telling apart the ways it can fail: no network, session expired, refused, broken.
import { jeton } from "./fiche.js";

export class Echec extends Error {
  constructor(nature, message = "") {
    super(message || nature);
    this.nature = nature; // reseau, session, refus, erreur
  }
}

export async function demander(adresse, corps, options = {}) {
  let reponse;
  const json = !(corps instanceof URLSearchParams);
  try {
    reponse = await fetch(adresse, {
      method: "POST",
      redirect: "manual", // a redirection leads to the sign-in page
      headers: { "X-CSRFToken": jeton(), "X-Requested-With": "XMLHttpRequest", ...(json ? { "Content-Type": "application/json" } : {}) },
      body: json ? JSON.stringify(corps) : corps,
      ...options,
    });
  } catch (erreur) {
    if (erreur.name === "AbortError") throw erreur;
    throw new Echec("reseau");
  }
  if (reponse.type === "opaqueredirect" || reponse.status === 401) throw new Echec("session");
  if (reponse.status === 403) {
    // Our refusals are JSON sentences; anything else is a form token that a new sign-in made old.
    const refus = await reponse.json().catch(() => null);
    throw refus?.message ? new Echec("refus", refus.message) : new Echec("session");
  }
  if (reponse.status === 404) throw new Echec("refus", "Cette fiche n’est plus là : elle a été supprimée, ou vous n’y avez plus accès.");
  if (!reponse.ok && reponse.status !== 422) throw new Echec("erreur");
  return reponse;
}
