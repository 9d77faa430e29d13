/** The server's list of the user's toasts. The client's own script tag says where it is. */

/** @returns a promise of the answer's JSON; rejects with the response that refused. */
export async function ask(path, post) {
  const {
    apiUrl = "/toasts/api/toasts/",
    pollUrl = "/toasts/poll/",
    csrfCookie = "csrftoken",
    csrfHeader = "X-CSRFToken",
  } = document.querySelector("script[data-toasts]")?.dataset ?? {};
  const options = { keepalive: true }; // a link of the inbox may lead away
  if (post) {
    // The cookie's, or the one that the poll view names where scripts can't read that.
    const token =
      document.cookie.match(`(?:^|; )${csrfCookie}=([^;]+)`)?.[1] ??
      (await fetch(`${pollUrl}?csrf=1`)).headers.get("X-CSRFToken");
    options.method = "POST";
    options.headers = { [csrfHeader]: token };
  }
  const response = await fetch(apiUrl + path, options);
  if (!response.ok) throw response;
  return response.json();
}
