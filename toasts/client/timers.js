/** How long a toast stays. The countdown itself is an animation: it can be paused to the millisecond. */

/** Milliseconds at least, whatever the text, and for each character of it (WCAG 2.2.1; about 200 words a minute). */
const LEAST = 6_000;
const READING = 45;

/**
 * @returns {number} milliseconds; 0: stays. Unless told how long, so do errors, what is to be acted on
 *   (WCAG 2.2.1) and work under way.
 */
export function lifetime({ duration, level, actions, progress, title, message }) {
  if (duration !== null) return duration * 1000;
  if (level === "error" || actions.length || progress === true || (progress ?? 100) < 100) return 0;
  return LEAST + READING * (title + message).length;
}

/**
 * Starts the countdown anew: a line that shrinks, and its end.
 *
 * @param running Animation | undefined: the one before.
 */
export function countdown(running, bar, toast, onEnd) {
  running?.cancel();
  const time = lifetime(toast);
  if (!time) return;
  const still = matchMedia("(prefers-reduced-motion:reduce)").matches;
  const animation = bar.animate(still ? null : { transform: ["none", "scaleX(0)"] }, time);
  animation.onfinish = onEnd;
  return animation;
}
