// Forms marked data-fetch are sent without leaving the page. Without this script they work as
// plain forms do: the server redirects, or shows the page again with the errors in it. With
// data-clears a form is empty again once it was taken.

for (const form of document.querySelectorAll("form[data-fetch]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(form, event.submitter);
  });
}

async function send(form, button) {
  const body = new FormData(form, button);
  busy(button, true);
  say(form, "");
  try {
    const headers = { Accept: "application/json" };
    const response = await fetch(form.action, { method: "POST", body, headers });
    await answer(form, response);
  } catch {
    say(form, "The server can't be reached. Try again in a moment.");
  } finally {
    busy(button, false);
  }
}

async function answer(form, response) {
  if (response.redirected) return location.reload(); // signed out meanwhile: the page asks again
  const isJSON = response.headers.get("Content-Type")?.startsWith("application/json");
  const { errors = {} } = isJSON ? await response.json() : {};
  show(form, errors);
  if (response.ok && "clears" in form.dataset) form.reset();
  if (!response.ok && response.status !== 400) {
    say(form, `The server answered ${response.status}. Reload the page and try again.`);
  }
}

function show(form, errors) {
  for (const field of form.querySelectorAll("[data-field]")) {
    const texts = errors[field.dataset.field] ?? [];
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
  form.querySelector("[aria-invalid]")?.focus();
}

function say(form, text) {
  form.querySelector("[data-form-status]").textContent = text;
}

function busy(button, on) {
  // Not disabled: that would take the keyboard's place away.
  if (on) button?.setAttribute("aria-busy", "true");
  else button?.removeAttribute("aria-busy");
}
