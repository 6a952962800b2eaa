// Comments where they are read or written: naming a colleague, refusals shown in place, what was seen marked as read.
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-citer]") || !event.target.value) return;
  const zone = event.target.closest("form").elements.texte;
  zone.value = `${zone.value}${zone.value && !zone.value.endsWith(" ") ? " " : ""}${event.target.value} `;
  event.target.value = "";
  zone.focus();
});

// htmx leaves refusals aside by default; ours come with the form to show again.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 422) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

const nouveaux = document.querySelectorAll(".commentaire.nouveau");
const lus = document.querySelector("[data-lus]");
if (nouveaux.length && lus) {
  const vus = new IntersectionObserver((entrees) => {
    if (!entrees.some((e) => e.isIntersecting)) return;
    vus.disconnect();
    const jeton = document.querySelector("[name=csrfmiddlewaretoken]").value;
    fetch(lus.dataset.lus, { method: "POST", headers: { "X-CSRFToken": jeton, "X-Requested-With": "XMLHttpRequest" } }).catch(() => {});
  });
  nouveaux.forEach((el) => vus.observe(el));
}

// A menu or a small form opened over the page closes when one leaves it.
document.addEventListener("click", (event) => {
  for (const ouvert of document.querySelectorAll("details.menu-fiche[open], details.motif[open]")) {
    if (!ouvert.contains(event.target)) ouvert.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const ouvert = document.querySelector("details.menu-fiche[open], details.motif[open]");
  if (!ouvert) return;
  ouvert.open = false;
  ouvert.querySelector("summary").focus();
});
