// Sends forms with data-fetch without leaving the page. Without this script they work as plain
// forms: the server redirects, or shows the page again with its errors. A form with data-clears is
// emptied when the server has accepted it.

for (const form of document.querySelectorAll("form[data-fetch]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit(form, event.submitter);
  });
}

async function submit(form, button) {
  const body = new FormData(form, button);
  setBusy(button, true);
  showStatus(form, "");
  try {
    const headers = { Accept: "application/json" };
    const response = await fetch(form.action, { method: "POST", body, headers });
    await handleResponse(form, response);
  } catch {
    showStatus(form, "The server can't be reached. Try again in a moment.");
  } finally {
    setBusy(button, false);
  }
}

async function handleResponse(form, response) {
  if (response.redirected) return location.reload(); // signed out: the login page follows
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  const { errors = {} } = isJson ? await response.json() : {};
  showErrors(form, errors);
  if (response.ok && "clears" in form.dataset) form.reset();
  if (!response.ok && response.status !== 400) {
    showStatus(form, `The server answered ${response.status}. Reload the page and try again.`);
  }
}

function showErrors(form, errors) {
  for (const field of form.querySelectorAll("[data-field]")) {
    showFieldErrors(field, errors[field.dataset.field] ?? []);
  }
  form.querySelector("[aria-invalid]")?.focus();
}

function showFieldErrors(field, texts) {
  const input = field.querySelector("input, textarea, select");
  const place = field.querySelector("[data-field-error]");
  place.textContent = texts.join(" ");
  if (texts.length) {
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", `${input.id}_helptext ${place.id}`);
  } else {
    input.removeAttribute("aria-invalid");
    input.setAttribute("aria-describedby", `${input.id}_helptext`);
  }
}

function showStatus(form, text) {
  form.querySelector("[data-form-status]").textContent = text;
}

function setBusy(button, isBusy) {
  // A disabled button would lose the keyboard focus.
  if (isBusy) button?.setAttribute("aria-busy", "true");
  else button?.removeAttribute("aria-busy");
}
