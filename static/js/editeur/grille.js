// The cost grid as a spreadsheet: Enter, Tab and arrows, a pasted range, undo and redo, rows that come and go.
import { calculer } from "./calcul.js";
import { ecrire, element, poserBase } from "./fiche.js";
import { envoyer, noter, renommerCles } from "./enregistrement.js";

export const faits = []; // groups of { champ, avant, apres }, latest last
const defaits = [];
const valides = new WeakMap(); // cell -> value last accepted by the person

const table = document.querySelector("[data-grille]");
const avis = document.querySelector("[data-avis-grille]");

function cellules(ligne) {
  return [...ligne.querySelectorAll("td [form=formulaire]:not([type=hidden])")];
}

function lignes(t) {
  return [...t.querySelectorAll("tbody tr:not([hidden])")].filter((tr) => cellules(tr).length);
}

export function suivre(t) {
  for (const el of t.querySelectorAll("tbody [form=formulaire]:not([type=hidden])")) valides.set(el, el.value);
}

// The person is done with some cells: one entry of undo, one saving.
export function valider(elements) {
  const groupe = [];
  for (const el of elements) {
    const precedent = valides.get(el) ?? "";
    if (el.value === precedent) continue;
    groupe.push({ champ: el.name, avant: precedent, apres: el.value });
    valides.set(el, el.value);
  }
  if (groupe.length) {
    faits.push(groupe);
    defaits.length = 0;
    groupe.forEach(({ champ }) => noter(champ));
    calculer({ aVoix: true });
    envoyer();
  } else {
    elements.forEach((el) => noter(el.name));
  }
}

function rejouer(source, cible, sens) {
  const groupe = source.pop();
  if (!groupe) return;
  cible.push(groupe);
  for (const { champ, avant, apres } of groupe) {
    const el = element(champ);
    if (!el) continue;
    const ligne = el.closest("tr");
    if (ligne?.hidden) ligne.hidden = false;
    ecrire(champ, sens < 0 ? avant : apres);
    valides.set(el, el.value);
    noter(champ);
  }
  element(groupe[0].champ)?.focus();
  calculer({ aVoix: true });
  envoyer();
}

export function annuler() {
  rejouer(faits, defaits, -1);
}

function bouger(el, dLigne, dColonne) {
  const rangees = lignes(el.closest("table"));
  const rang = rangees.indexOf(el.closest("tr"));
  const colonne = cellules(rangees[rang]).indexOf(el);
  const suivante = rangees[rang + dLigne];
  const but = suivante && cellules(suivante)[colonne + dColonne];
  if (!but) return false;
  but.focus();
  but.select?.();
  return true;
}

function auClavier(event) {
  const el = event.target;
  if (!el.matches("td input")) return;
  const combine = event.ctrlKey || event.metaKey;
  if (event.key === "Enter" && !combine) {
    event.preventDefault();
    el.dispatchEvent(new Event("change", { bubbles: true })); // done with the cell, as Tab would say
    bouger(el, event.shiftKey ? -1 : 1, 0);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    bouger(el, event.key === "ArrowDown" ? 1 : -1, 0);
  } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    const droite = event.key === "ArrowRight";
    const tout = el.selectionStart === 0 && el.selectionEnd === el.value.length;
    const bord = el.selectionStart === el.selectionEnd && el.selectionStart === (droite ? el.value.length : 0);
    if (!event.shiftKey && (tout || bord) && bouger(el, 0, droite ? 1 : -1)) event.preventDefault();
  } else if (event.key === "Escape") {
    if (el.value !== valides.get(el)) {
      event.preventDefault();
      ecrire(el.name, valides.get(el) ?? "");
      noter(el.name);
      calculer();
    }
  } else if (combine && !event.altKey && event.key.toLowerCase() === "z") {
    if (el.value !== valides.get(el)) return; // what is being typed: the browser undoes it itself
    event.preventDefault();
    if (event.shiftKey) rejouer(defaits, faits, 1);
    else rejouer(faits, defaits, -1);
  } else if (combine && event.key.toLowerCase() === "y") {
    event.preventDefault();
    rejouer(defaits, faits, 1);
  }
}

// Text of a range copied from a spreadsheet: rows by line ends, cells by tabs, quotes around cells that hold either.
export function lirePlage(texte) {
  const plage = [[""]];
  let cite = false;
  const propre = texte.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  for (let i = 0; i < propre.length; i += 1) {
    const c = propre[i];
    const cellule = plage.at(-1);
    if (c === '"' && (cite || cellule.at(-1) === "")) {
      if (cite && propre[i + 1] === '"') {
        cellule[cellule.length - 1] += '"';
        i += 1;
      } else cite = !cite;
    } else if (c === "\t" && !cite) cellule.push("");
    else if (c === "\n" && !cite) plage.push([""]);
    else cellule[cellule.length - 1] += c;
  }
  return plage;
}

function auColler(event) {
  const el = event.target;
  if (!el.matches("td input")) return;
  const plage = lirePlage(event.clipboardData.getData("text/plain"));
  if (plage.length === 1 && plage[0].length === 1) return; // one value: the browser pastes it
  event.preventDefault();
  const rangees = lignes(el.closest("table"));
  const depart = rangees.indexOf(el.closest("tr"));
  const colonne = cellules(rangees[depart]).indexOf(el);
  const touches = [];
  let dehors = 0;
  plage.forEach((valeurs, i) => {
    const cibles = rangees[depart + i] ? cellules(rangees[depart + i]) : [];
    valeurs.forEach((valeur, j) => {
      const but = cibles[colonne + j];
      if (!but) {
        if (valeur.trim()) dehors += 1;
        return;
      }
      ecrire(but.name, valeur.trim());
      touches.push(but);
    });
  });
  valider(touches);
  const n = touches.length;
  dire(
    `${n} cellule${n > 1 ? "s" : ""} collée${n > 1 ? "s" : ""}.` +
      (dehors ? ` ${dehors} valeur${dehors > 1 ? "s" : ""} ${dehors > 1 ? "dépassent" : "dépasse"} la grille et n’${dehors > 1 ? "ont" : "a"} pas été collée${dehors > 1 ? "s" : ""} : ajoutez d’abord les lignes ou les années.` : ""),
    Boolean(dehors),
  );
}

function dire(texte, alerte = false) {
  avis.textContent = texte;
  avis.classList.toggle("avis-alerte", alerte);
  avis.hidden = false;
}

export function brancher(t) {
  suivre(t);
  t.addEventListener("keydown", auClavier);
  t.addEventListener("paste", auColler);
  t.addEventListener("focusin", (event) => event.target.matches("td input") && event.target.select());
  t.addEventListener("input", (event) => {
    const el = event.target;
    if (!el.matches("[form=formulaire]")) return;
    noter(el.name, true);
    calculer();
  });
  t.addEventListener("change", (event) => event.target.matches("[form=formulaire]") && valider([event.target]));
  t.addEventListener("recu", (event) => valides.set(event.target, event.target.value));
  // The answer to a question belongs to the typing that asked it: they are undone together.
  t.addEventListener("tranche", (event) => {
    const el = event.target;
    const demande = faits.at(-1)?.find(({ champ }) => champ === el.name);
    if (demande) {
      demande.apres = el.value;
      valides.set(el, el.value);
    } else valider([el]);
    calculer({ aVoix: true });
  });
  t.addEventListener("click", (event) => {
    const bouton = event.target.closest("[data-retirer]");
    if (bouton) retirer(bouton.closest("tr"));
  });
}

// A removed row is emptied and hidden: it comes back by « Annuler » or Ctrl+Z.
export function retirer(ligne) {
  const champs = [...ligne.querySelectorAll("[form=formulaire]:not([type=hidden])")].filter((el) => !el.name.startsWith("ligne."));
  champs.forEach((el) => ecrire(el.name, ""));
  const nom = ligne.querySelector(".nature")?.textContent.trim() ?? ligne.querySelector("input")?.value ?? "";
  const table_ = ligne.closest("table");
  ligne.hidden = true;
  valider(champs);
  const suite = table_.closest("section").querySelector("[data-avis-retrait]") ?? creerAvis(table_);
  suite.hidden = false;
  suite.querySelector("span").textContent = `Ligne retirée${nom ? ` : ${nom}` : ""}. `;
  suite.querySelector("button").focus();
}

function creerAvis(t) {
  const p = document.createElement("p");
  p.className = "avis mt-2";
  p.dataset.avisRetrait = "";
  p.setAttribute("role", "status");
  p.append(document.createElement("span"));
  const bouton = Object.assign(document.createElement("button"), { type: "button", className: "lien", textContent: "Annuler" });
  bouton.addEventListener("click", () => {
    annuler();
    p.hidden = true;
  });
  p.append(bouton);
  t.closest(".defile").after(p);
  return p;
}

// --- Rows of costs ------------------------------------------------------------------------------------------------
export function modele(selecteur, valeurs) {
  const noeud = document.querySelector(selecteur).content.cloneNode(true);
  const parcours = document.createTreeWalker(noeud, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  const remplacer = (texte) => texte.replace(/__(\w+?)__/g, (tout, nom) => valeurs[nom] ?? tout);
  for (let n = parcours.nextNode(); n; n = parcours.nextNode()) {
    if (n.nodeType === Node.TEXT_NODE) n.data = remplacer(n.data);
    else for (const attribut of [...n.attributes]) attribut.value = remplacer(attribut.value);
  }
  return noeud.firstElementChild;
}

export function ajouterLigne(nature, libelle) {
  const cle = `${nature}.${libelle}`;
  const existante = table.querySelector(`[data-ligne="${CSS.escape(cle)}"]`);
  if (existante) {
    existante.hidden = false;
    return existante;
  }
  const nom = document.querySelector(`#n-nature option[value="${CSS.escape(nature)}"]`)?.textContent;
  if (!nom) return null;
  const ligne = modele("[data-modele-ligne]", { cle, libelle, titre: libelle ? `${nom} : ${libelle}` : nom });
  table.querySelector("[data-lignes]").append(ligne);
  suivre(table);
  return ligne;
}

// What waits to be saved, undone or redone under an old key follows the new one.
export function suivreCles(renommer_) {
  renommerCles(renommer_);
  for (const groupe of [...faits, ...defaits]) for (const m of groupe) m.champ = renommer_(m.champ);
}

// The libellé of a row is in the key of its cells: once renamed by the server, the page follows.
export function renommer(champ, libelle) {
  const ancienne = champ.slice("ligne.".length);
  const nature = ancienne.split(".", 1)[0];
  const nouvelle = `${nature}.${libelle}`;
  const ligne = table.querySelector(`[data-ligne="${CSS.escape(ancienne)}"]`);
  if (!ligne) return;
  ligne.dataset.ligne = nouvelle;
  const nom = document.querySelector(`#n-nature option[value="${CSS.escape(nature)}"]`)?.textContent ?? "";
  const ancienTitre = ligne.querySelector(".nature").textContent;
  const titre = libelle ? `${nom} : ${libelle}` : nom;
  ligne.querySelector(".nature").textContent = titre;
  for (const el of ligne.querySelectorAll("[aria-label]")) el.setAttribute("aria-label", el.getAttribute("aria-label").replace(ancienTitre, titre));
  for (const el of ligne.querySelectorAll("[name], [data-place], [data-echo]")) {
    if (el.name?.endsWith(ancienne)) el.name = el.name.slice(0, -ancienne.length) + nouvelle;
    if (el.dataset.place) el.dataset.place = el.dataset.place.replace(ancienne, nouvelle);
    if (el.dataset.echo) el.dataset.echo = el.dataset.echo.replace(ancienne, nouvelle);
  }
  suivreCles((champ) => (champ.endsWith(`.${ancienne}`) ? champ.slice(0, -ancienne.length) + nouvelle : champ));
  poserBase(`ligne.${nouvelle}`, libelle);
}

for (const grille of document.querySelectorAll("[data-grille]")) brancher(grille);

if (document.querySelector("[data-ajouter-ligne]")) {
  document.querySelector("[data-ajouter-ligne]").addEventListener("click", () => {
    const choix = document.getElementById("n-nature");
    const libelle = document.getElementById("n-libelle");
    if (!choix.value) {
      dire("Choisissez d’abord une nature de dépense.", true);
      choix.focus();
      return;
    }
    const ligne = ajouterLigne(choix.value, libelle.value.trim().replace(/\s+/g, " "));
    choix.value = "";
    libelle.value = "";
    avis.hidden = true;
    ligne.querySelector("td input").focus();
  });
  document.querySelector("[data-ajouter-annee]").addEventListener("click", async (event) => {
    event.preventDefault();
    const annee = document.getElementById("n-annee").value.trim();
    if (!/^(199\d|20\d\d|2100)$/.test(annee)) {
      dire("Écrivez une année entre 1990 et 2100.", true);
      document.getElementById("n-annee").focus();
      return;
    }
    await envoyer();
    const adresse = new URL(location.href);
    if (!adresse.searchParams.getAll("annee").includes(annee)) adresse.searchParams.append("annee", annee);
    adresse.hash = "couts";
    location.assign(adresse);
    if (adresse.pathname + adresse.search === location.pathname + location.search) location.reload();
  });
}

export function remplirLigne(champ, valeur) {
  const [, annee, nature, ...reste] = champ.split(".");
  const ligne = ajouterLigne(nature, reste.join("."));
  if (ligne && element(champ)) {
    poserBase(champ, valeur);
    ecrire(champ, valeur, true);
  }
  return Boolean(annee && ligne);
}
