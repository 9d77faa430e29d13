/** How long a toast stays. The countdown itself is an animation: it can be paused to the millisecond. */

/** Milliseconds at least, whatever the text, and for each character of it (WCAG 2.2.1; about 200 words a minute). */
const LEAST = 6_000;
const READING = 45;

/**
 * @returns {number} milliseconds; 0: stays. Unless told how long, so do errors, what is to be acted on
 *   (WCAG 2.2.1) and work under way.
 */
export function lifetime({ duration, level, actions, progress, title, message }) {
  // `true` is less than 100.
  const stays = level === "error" || actions[0] || (progress ?? 100) < 100;
  return duration === null ? (stays ? 0 : LEAST + READING * (title + message).length) : duration * 1000;
}

/** Starts the card's countdown anew: a line that shrinks, and its end. */
export function countdown(card, toast, onEnd) {
  const time = lifetime(toast);
  card._timer?.cancel();
  card._timer = time ? card.firstChild.lastChild.animate({ transform: ["none", "translateX(-100%)"] }, time) : null;
  if (time) card._timer.onfinish = onEnd;
}
