import { Menu } from "./m-menu.js";

const SPEEDS = [0.25, 0.5, 1, 1.25, 1.5, 2];

/** How fast what is not live plays. */
export class Speed extends Menu {
  constructor() {
    super("speed", "Speed");
  }

  /** @param {import("../player/player.js").Player} player */
  isUseful(player) {
    return player.mode !== "live" && player.engine !== null;
  }

  /** @param {import("../player/player.js").Player} player */
  choices(player) {
    return SPEEDS.map((speed) => ({
      label: speed === 1 ? "Normal" : `${speed}×`, isChosen: speed === (player.engine?.speed ?? 1),
      choose: () => player.setSpeed(speed) }));
  }
}

customElements.define("m-speed", Speed);
