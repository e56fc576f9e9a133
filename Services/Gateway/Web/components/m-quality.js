import { sizeNamesOf } from "../player/picture-tracks.js";
import { Menu } from "./m-menu.js";

/** Which of several sizes of the picture plays. */
export class Quality extends Menu {
  constructor() {
    super("quality", "Quality");
  }

  /** @param {import("../player/player.js").Player} player */
  isUseful(player) {
    return player.pictures.length > 1;
  }

  /** @param {import("../player/player.js").Player} player */
  choices(player) {
    const { pictures, wantedPicture } = player;
    const names = sizeNamesOf(pictures);
    const best = { label: "Best", hint: names[0], isChosen: wantedPicture === null, choose: () => player.chooseBestPicture() };
    return [best, ...pictures.map(({ track }, index) => ({
      label: names[index], isChosen: track === wantedPicture, choose: () => player.choose("video", track) }))];
  }
}

customElements.define("m-quality", Quality);
