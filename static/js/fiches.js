// Ticks all the fiches that the filters show, or none when all are.
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-tout]")) return;
  const cases = [...document.querySelectorAll('input[name="fiche"]')];
  const toutes = cases.every((c) => c.checked);
  cases.forEach((c) => (c.checked = !toutes));
});
