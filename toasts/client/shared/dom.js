/** Elements without markup: attributes and text only. A toast cannot inject anything, and no CSP objects. */

/**
 * Create an element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const name in attributes) node.setAttribute(name, `${attributes[name]}`);
  node.append(...children);
  return node;
}

/**
 * Set a text only where it differs: to set the same text again would end its selection.
 *
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Listen to several events.
 *
 * @param {EventTarget} target
 * @param {string} types separated by spaces
 * @param {(event: any) => void} listener
 */
export function listen(target, types, listener) {
  for (const type of types.split(" ")) target.addEventListener(type, listener);
}

/**
 * Dispatch `toasts:NAME` on the document.
 *
 * @param {string} name
 * @param {unknown} [detail]
 * @returns {boolean} false when a listener prevented the default
 */
export function emit(name, detail) {
  return document.dispatchEvent(new CustomEvent(`toasts:${name}`, { detail, cancelable: true }));
}
