import js from "@eslint/js";
import globals from "globals";

/** Names of one letter say nothing. */
const READABLE = {
  "id-length": ["error", { min: 2, properties: "never" }],
  "max-depth": ["error", 3],
  "max-lines": ["error", 300],
  "max-lines-per-function": ["error", { max: 50, skipBlankLines: true, skipComments: true }],
  "no-nested-ternary": "error",
  "no-sequences": "error",
  "no-shadow": "error",
  "no-unused-expressions": "error",
  "no-var": "error",
  "object-shorthand": "error",
  "prefer-const": "error",
  complexity: ["error", 15],
  eqeqeq: "error",
};

/** The rooms that a room's modules must not import from. */
function closedTo(room, ...others) {
  const patterns = others.map((other) => ({
    group: [`**/../${other}/**`],
    message: `client/${room} knows nothing of client/${other}.`,
  }));
  return {
    files: [`toasts/client/${room}/**/*.js`],
    rules: { "no-restricted-imports": ["error", { patterns }] },
  };
}

export default [
  { ignores: ["**/vendor/**"] },
  js.configs.recommended,
  { rules: READABLE },
  {
    files: ["toasts/client/**/*.js"],
    languageOptions: { globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
  },
  closedTo("shared", "toasts", "inbox", "feeds"),
  closedTo("toasts", "inbox", "feeds"),
  closedTo("inbox", "toasts", "feeds"),
  closedTo("feeds", "toasts", "inbox"),
  {
    files: ["static/site/*.js"],
    languageOptions: { globals: { ...globals.browser, htmx: "readonly", toastFeeds: "readonly" } },
  },
  {
    files: ["tests/client/**/*.js", "**/*.mjs", "eslint.config.js"],
    languageOptions: { globals: globals.node },
  },
  {
    files: ["tests/client/**/*.js"],
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: { "max-lines": ["error", 320] },
  },
];
