import { Menu } from "./m-menu.js";

/** How the live picture comes: with the least delay, or smoothly. */
export class Delay extends Menu {
  constructor() {
    super("bolt", "Delay");
  }

  /** @param {import("../player/player.js").Player} player */
  isUseful(player) {
    return player.lowDelay.isSupported && player.mode === "live";
  }

  /** @param {import("../player/player.js").Player} player */
  choices(player) {
    const { isWanted, reason } = player.lowDelay;
    const isDirect = player.engine?.name === "WebRTC";
    const state = isDirect ? "WebRTC, by a direct connection" : reason ? `Not now: ${reason.words}` : "Connecting…";
    return [
      { label: "Lowest delay", hint: isWanted ? state : "WebRTC, by a direct connection", isChosen: isWanted, choose: () => player.setLowDelay(true) },
      { label: "Smooth", hint: "LL-HLS, better on weak networks", isChosen: !isWanted, choose: () => player.setLowDelay(false) },
    ];
  }
}

customElements.define("m-delay", Delay);
