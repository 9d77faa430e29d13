/** Icons, drawn as SVG paths in a square of 24. */

/** @import { Level } from "./types.d.ts" */

const SVG = "http://www.w3.org/2000/svg";

/** @type {Record<Level, string>} */
export const LEVEL_SHAPES = {
  info: "M12 16v-5m0-3.5v.01",
  success: "m8 12.5 3 3 5.5-6.5",
  warning: "M12 7.5v5.5m0 3.5v.01",
  error: "m8.5 8.5 7 7m0-7-7 7",
};
export const CLOSE_SHAPE = "m7 7 10 10M17 7 7 17";

export class Icon {
  #path = document.createElementNS(SVG, "path");
  element = document.createElementNS(SVG, "svg");

  /** @param {string} [shape] the path's data */
  constructor(shape = "") {
    this.element.setAttribute("viewBox", "0 0 24 24");
    this.element.setAttribute("aria-hidden", "true");
    this.element.append(this.#path);
    this.draw(shape);
  }

  /** @param {string} shape the path's data */
  draw(shape) {
    this.#path.setAttribute("d", shape);
  }
}
