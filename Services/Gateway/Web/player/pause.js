/**
 * Waits, or returns at once when given up.
 * @param {number} seconds @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function pause(seconds, signal) {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      // Who waits thousands of times on one signal leaves nothing behind there.
      signal.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, seconds * 1000);
    signal.addEventListener("abort", over);
  });
}

/** Seconds to wait before the next attempt, by how many have failed. */
const BACKOFF_SECONDS = [0.25, 0.5, 1, 2, 4];

/**
 * Waits longer after each failure, with jitter, so that a thousand viewers do not come back in one instant.
 * @param {number} failures @param {AbortSignal} signal
 */
export function backOff(failures, signal) {
  const seconds = BACKOFF_SECONDS[Math.min(failures, BACKOFF_SECONDS.length - 1)];
  return pause(seconds * (0.5 + Math.random() / 2), signal);
}
