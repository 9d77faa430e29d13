/**
 * Django's CSRF token: the cookie's, read anew each time because a login changes it, else the one that
 * the poll view names. Pages can't read the cookie under CSRF_COOKIE_HTTPONLY and CSRF_USE_SESSIONS,
 * and have none before the server's first form.
 *
 * @returns headers(refused): the header to post with; `refused` when the last one was turned down.
 */
export function createCsrf({ config, page, world }) {
  let given = ""; // by the server

  async function ask() {
    const response = await world.fetch(`${config.pollUrl}?csrf=1`);
    return response.headers.get("X-CSRFToken") ?? "";
  }

  return async function headers(refused) {
    if (refused) given = await ask();
    const token = given || readCookie(page.cookie, config.csrfCookie) || (given = await ask());
    return { [config.csrfHeader]: token };
  };
}

/** "" when there is none, or when its name is "": scripts are not meant to read it. */
export function readCookie(cookies, name) {
  for (const cookie of name ? cookies.split("; ") : []) {
    if (cookie.startsWith(`${name}=`)) return cookie.slice(name.length + 1);
  }
  return "";
}
