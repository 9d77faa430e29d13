/**
 * Full jitter: any time between none and a bound that doubles. Random over the whole range, so that
 * the pages which one restart cut off together do not come back together.
 *
 * @param base, cap milliseconds of the first and of the greatest bound; next(least) gives no less.
 */
export function createBackoff(world, base = 1000, cap = 30_000) {
  let failures = 0;
  return {
    next: (least = 0) => Math.max(least, world.random() * Math.min(cap, base * 2 ** failures++)),
    reset: () => {
      failures = 0;
    },
  };
}
