import { namesOf } from "../player/sound-tracks.js";
import { Menu } from "./m-menu.js";

/** Which of several sound tracks plays: languages, commentary. */
export class Sounds extends Menu {
  constructor() {
    super("sounds", "Sound track");
  }

  /** @param {import("../player/player.js").Player} player */
  isUseful(player) {
    return player.sounds.length > 1;
  }

  /** @param {import("../player/player.js").Player} player */
  choices(player) {
    const { sounds } = player;
    const names = namesOf(sounds);
    return sounds.map(({ track }, index) => ({
      label: names[index], isChosen: track === player.soundTrack, choose: () => player.choose("audio", track) }));
  }
}

customElements.define("m-sounds", Sounds);
