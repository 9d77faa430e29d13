/** Elements without markup, by their properties: small, and nothing for a CSP to object to. */

export function make(tag, properties, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}
