/** Elements without markup: attributes and text only, so neither a toast nor a CSP has anything to object to. */

export function element(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const name in attributes) node.setAttribute(name, attributes[name]);
  node.append(...children);
  return node;
}

/** Writes only what differs: setting a text again ends its selection. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Listens to several events, given as words. */
export function on(target, types, listener) {
  for (const type of types.split(" ")) target.addEventListener(type, listener);
}

/** Tells the page something: false when a listener has prevented the default. */
export const tell = (name, detail) =>
  document.dispatchEvent(new CustomEvent(`toasts:${name}`, { detail, cancelable: true }));
