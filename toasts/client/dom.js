/** Elements without markup: attributes and text only, so neither a toast nor a CSP has anything to object to. */

const SVG = "http://www.w3.org/2000/svg";

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export function icon(name, shape = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `toasts-icon toasts-${name}`);
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "path"));
  svg.firstChild.setAttribute("d", shape);
  return svg;
}

/** Writes only what differs: a text that is set again is a change to a screen reader. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = text === "";
}

/** Listens to several events, given as words. */
export function on(target, types, listener) {
  for (const type of types.split(" ")) target.addEventListener(type, listener);
}

/** Tells the page something: false when a listener has prevented the default. */
export function tell(name, detail) {
  return document.dispatchEvent(new CustomEvent(`toasts:${name}`, { detail, cancelable: true }));
}
