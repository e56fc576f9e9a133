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
    const { pictures, wantedPicture, video } = player;
    const names = sizeNamesOf(pictures);
    const now = names[pictures.findIndex(({ width, height }) => width === video.videoWidth && height === video.videoHeight)];
    const auto = { label: "Auto", hint: wantedPicture === null ? now : undefined, isChosen: wantedPicture === null, choose: () => player.chooseFittingPicture() };
    return [auto, ...pictures.map(({ track }, index) => ({
      label: names[index], isChosen: track === wantedPicture, choose: () => player.choose("video", track) }))];
  }
}

customElements.define("m-quality", Quality);
