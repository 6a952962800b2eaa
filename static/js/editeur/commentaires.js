// Comments: quoting what is selected, anchoring to a cell, naming a colleague, and marking as read what was seen.
import { nommer } from "./fiche.js";
import "./lecture.js";

let derniere = null; // the field the person was in before opening the form

document.addEventListener("focusin", (event) => {
  if (event.target.matches('[form="formulaire"]')) derniere = event.target;
});

function preparer(details) {
  const formulaire = details.querySelector("form");
  const section = details.closest("section");
  const repere = formulaire.querySelector("[data-repere]");
  const el = derniere && section?.contains(derniere) ? derniere : null;
  const cellule = el?.matches('[name^="cout."]');
  formulaire.elements.champ.value = cellule ? el.name : "";
  formulaire.elements.repere.value = cellule ? nommer(el) : "";
  formulaire.elements.extrait.value = el?.tagName === "TEXTAREA" ? el.value.slice(el.selectionStart, el.selectionEnd).slice(0, 300) : "";
  const cite = formulaire.elements.repere.value || (formulaire.elements.extrait.value && `« ${formulaire.elements.extrait.value} »`);
  repere.textContent = cite ? `À propos de : ${cite}` : "";
  repere.hidden = !cite;
}

document.addEventListener(
  "toggle",
  (event) => {
    if (!event.target.matches?.("details.commenter") || !event.target.open) return;
    preparer(event.target);
    event.target.querySelector("textarea").focus();
  },
  true,
);

// From a cell, Ctrl+Alt+C opens the comment of that cell.
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey && event.altKey && event.key.toLowerCase() === "c")) return;
  const details = document.activeElement?.closest("section")?.querySelector("details.commenter");
  if (!details) return;
  event.preventDefault();
  details.open = false;
  details.open = true;
});
