import { rangesOf } from "./ranges.js";

/** What an engine tells of itself, where there is none. */
const NO_FACTS = {
  source: "", target: /** @type {number | null} */ (null), codecs: /** @type {string[]} */ ([]), bytesReceived: 0,
  reconnects: 0, stalls: 0, gaps: 0, errors: /** @type {string[]} */ ([]),
  inbound: /** @type {import("../rtc/inbound-stats.js").Inbound | null} */ (null), jitterBuffer: /** @type {number | null} */ (null),
};

/**
 * A player's state as plain data: for the details overlay, reports and tests.
 * @param {import("./player.js").Player} player
 */
export function snapshotOf(player) {
  const { video, engine } = player;
  const quality = video.getVideoPlaybackQuality?.();
  // Where the element has times of its own, they are the session's but for a constant.
  const shift = engine ? player.position - video.currentTime : 0;
  const buffered = rangesOf(video.buffered).map(([start, end]) => /** @type {import("./ranges.js").Range} */ ([start + shift, end + shift]));
  const facts = { ...NO_FACTS, ...(engine?.facts ?? {}) };
  return {
    mode: player.mode, slug: player.watch?.slug ?? null, streamId: player.watch?.streamId ?? null,
    sessionId: player.sessionId, engine: engine?.name ?? null, ...facts,
    whyNotDirect: player.lowDelay.reason, wantsLowDelay: player.lowDelay.isWanted,
    currentTime: player.position, seekable: player.seekable, paused: video.paused, ended: video.ended,
    readyState: video.readyState, isWaiting: player.isWaiting, isAway: player.isAway,
    delay: engine?.delay ?? null, behind: engine ? engine.edge - player.position : null,
    rate: video.playbackRate, buffered,
    width: video.videoWidth, height: video.videoHeight,
    frames: {
      decoded: facts.inbound?.framesDecoded ?? quality?.totalVideoFrames ?? 0,
      dropped: facts.inbound?.framesDropped ?? quality?.droppedVideoFrames ?? 0,
      shown: engine?.meter.frames ?? 0, rate: engine?.meter.frameRate ?? 0,
    },
    failure: player.failure, problem: player.problem?.code ?? null,
    sounds: player.sounds, soundTrack: player.soundTrack, pictures: player.pictures, wantedPicture: player.wantedPicture,
    muted: video.muted, volume: video.volume, needsUnmute: player.sound.needsUnmute,
    firstPictureMs: player.firstPictureMs,
  };
}
