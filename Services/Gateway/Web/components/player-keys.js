const SPEEDS = [0.25, 0.5, 1, 1.25, 1.5, 2];

/**
 * @typedef {object} Screen what the keys reach beside the player
 * @property {() => void} toggleFullscreen
 * @property {() => void} togglePictureInPicture
 * @property {() => void} toggleDetails
 * @property {() => void} toggleShortcuts
 * @property {() => void} closeOverlays
 */

/**
 * Does what a key means; false when it means nothing here.
 * @param {KeyboardEvent} event @param {import("../player/player.js").Player} player @param {Screen} screen
 */
export function press(event, player, screen) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target, event.key)) return false;
  const action = ACTIONS[event.key] ?? ACTIONS[event.key.toLowerCase()];
  // What a key turns on and off it does so once, however long it is held.
  if (event.repeat && !REPEATED.has(event.key.toLowerCase())) return action !== undefined;
  if (/^[0-9]$/.test(event.key)) seekToTenth(player, Number(event.key));
  else if (action && !(event.key === " " && isButton(event.target))) action(player, screen);
  else return false;
  return true;
}

/** @type {Record<string, (player: import("../player/player.js").Player, screen: Screen) => void>} */
const ACTIONS = {
  " ": (player) => player.togglePlay(),
  k: (player) => player.togglePlay(),
  j: (player) => player.seekBy(-10),
  l: (player) => player.goLive(),
  arrowleft: (player) => player.seekBy(-5),
  arrowright: (player) => player.seekBy(5),
  arrowup: (player) => player.sound.setVolume(player.video.volume + 0.05),
  arrowdown: (player) => player.sound.setVolume(player.video.volume - 0.05),
  m: (player) => player.sound.toggleMute(),
  f: (_, screen) => screen.toggleFullscreen(),
  p: (_, screen) => screen.togglePictureInPicture(),
  i: (_, screen) => screen.toggleDetails(),
  "?": (_, screen) => screen.toggleShortcuts(),
  escape: (_, screen) => screen.closeOverlays(),
  "<": (player) => stepSpeed(player, -1),
  ">": (player) => stepSpeed(player, 1),
};

/** @param {import("../player/player.js").Player} player @param {number} tenth */
function seekToTenth(player, tenth) {
  const { start, end } = player.seekable;
  player.seek(start + ((end - start) * tenth) / 10);
}

/** @param {import("../player/player.js").Player} player @param {number} step */
function stepSpeed(player, step) {
  if (player.mode === "live") return;
  const index = SPEEDS.indexOf(player.engine?.speed ?? 1);
  player.setSpeed(SPEEDS[Math.min(Math.max(index + step, 0), SPEEDS.length - 1)]);
}

const REPEATED = new Set(["j", "arrowleft", "arrowright", "arrowup", "arrowdown"]);

/**
 * Whether a key belongs to the field that has the focus; a slider takes those that move it.
 * @param {EventTarget | null} target @param {string} key
 */
function isTyping(target, key) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.matches("input[type=range]")) return /^(Arrow|Page|Home|End)/.test(key);
  return target.matches("input, textarea, select, [contenteditable]");
}

/** @param {EventTarget | null} target */
function isButton(target) {
  return target instanceof HTMLElement && target.closest("button, a, [role=menuitemradio]") !== null;
}
