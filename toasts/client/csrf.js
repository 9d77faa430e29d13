/**
 * Django's CSRF token: the cookie's, read anew each time because a login changes it, else the one that
 * the poll view names. Pages can't read the cookie under CSRF_COOKIE_HTTPONLY and CSRF_USE_SESSIONS,
 * and have none before the server's first form.
 *
 * @returns headers(refused): the header to post with; `refused` when the last one was turned down.
 */
export function createCsrf(config) {
  let given = ""; // by the server

  return async (refused) => {
    let token = !refused && (given || readCookie(document.cookie, config.csrfCookie));
    if (!token) {
      const response = await fetch(`${config.pollUrl}?csrf=1`);
      token = given = response.headers.get("X-CSRFToken") ?? "";
    }
    return { [config.csrfHeader]: token };
  };
}

/** "" when there is none, or when its name is "": scripts are not meant to read it. */
export function readCookie(cookies, name) {
  const cookie = name && cookies.split("; ").find((cookie) => cookie.startsWith(`${name}=`));
  return cookie ? cookie.slice(name.length + 1) : "";
}
