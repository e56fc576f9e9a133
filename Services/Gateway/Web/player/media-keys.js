/**
 * Lets headsets, keyboards and lock screens play, pause and seek.
 * @param {import("./player.js").Player} player @param {AbortSignal} signal
 */
export function useMediaKeys(player, signal) {
  const { mediaSession } = navigator;
  if (!mediaSession) return;
  /** @type {[MediaSessionAction, MediaSessionActionHandler][]} */
  const actions = [
    ["play", () => void player.play()],
    ["pause", () => player.pause()],
    ["seekbackward", ({ seekOffset }) => player.seekBy(-(seekOffset ?? 10))],
    ["seekforward", ({ seekOffset }) => player.seekBy(seekOffset ?? 10)],
    ["seekto", ({ seekTime }) => player.seek(seekTime ?? 0)],
  ];
  for (const [action, handler] of actions) mediaSession.setActionHandler(action, handler);
  player.addEventListener("change", () => {
    const title = player.watch?.title ?? "";
    if (mediaSession.metadata?.title !== title) mediaSession.metadata = new MediaMetadata({ title, artist: "Martlet" });
  }, { signal });
  signal.addEventListener("abort", () => {
    for (const [action] of actions) mediaSession.setActionHandler(action, null);
    mediaSession.metadata = null;
  }, { once: true });
}
