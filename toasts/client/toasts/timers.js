/** How long a toast stays. The countdown is an animation: it can be paused to the millisecond. */

/** @import { Toast } from "./types.d.ts" */
/** @import { Card } from "./card.js" */

/** Milliseconds at least, whatever the text (WCAG 2.2.1), and for each character: about 200 words a minute. */
const SHORTEST = 6_000;
const PER_CHARACTER = 45;

/**
 * Return how long a toast stays. Without a duration errors, what is to be acted on (WCAG 2.2.1) and work
 * under way stay until they are dismissed.
 *
 * @param {Toast} toast
 * @returns {number} milliseconds; 0: it stays
 */
export function lifetime({ duration, level, actions, progress, title, message }) {
  if (duration !== null) return duration * 1_000;
  const isUnderWay = progress !== null && progress !== 100;
  if (level === "error" || actions.length > 0 || isUnderWay) return 0;
  return SHORTEST + PER_CHARACTER * (title + message).length;
}

/**
 * Restart a card's countdown: a line that shrinks, and its end.
 *
 * @param {Card} card
 * @param {Toast} toast
 * @param {() => void} onEnd
 */
export function startCountdown(card, toast, onEnd) {
  card.countdown?.cancel();
  card.countdown = null;
  const time = lifetime(toast);
  if (!time) return;
  card.countdown = card.line.animate({ transform: ["none", "translateX(-100%)"] }, time);
  card.countdown.onfinish = onEnd;
}
