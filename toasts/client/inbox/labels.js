/**
 * The texts of the bell and the inbox are written in English where they are used, and translated by the
 * element's (or an outer one's) `data-labels`: JSON, `{"Mark all as read": "Alles gelesen"}`.
 *
 * @returns a function from the English text to the one to show.
 */
export function translator(host) {
  const labels = JSON.parse(host.closest("[data-labels]")?.dataset.labels ?? "{}");
  return (text) => labels[text] ?? text;
}
