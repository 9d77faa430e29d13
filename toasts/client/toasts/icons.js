/** Icons, drawn as SVG paths in a square of 24. */

/** @import { Level } from "./types.d.ts" */

/** @type {Record<Level, string>} */
const LEVEL_SHAPES = {
  info: "M12 16v-5m0-3.5v.01",
  success: "m8 12.5 3 3 5.5-6.5",
  warning: "M12 7.5v5.5m0 3.5v.01",
  error: "m8.5 8.5 7 7m0-7-7 7",
};
const CLOSE_SHAPE = "m7 7 10 10M17 7 7 17";

/**
 * @param {string} tag
 * @param {string} name
 * @param {string} value
 */
function svgElement(tag, name, value) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  node.setAttribute(name, value);
  return node;
}

/**
 * Create an icon: a cross, until another shape is drawn.
 */
export function createIcon() {
  const icon = svgElement("svg", "viewBox", "0 0 24 24");
  icon.ariaHidden = "true";
  icon.append(svgElement("path", "d", CLOSE_SHAPE));
  return icon;
}

/**
 * @param {Element} icon
 * @param {Level} level
 */
export const drawLevel = (icon, level) =>
  icon.firstElementChild?.setAttribute("d", LEVEL_SHAPES[level]);
