import assert from "node:assert/strict";
import { test } from "node:test";
import { picturesIn, sizeNamesOf } from "../../Services/Gateway/Web/player/picture-tracks.js";
import { parseMaster } from "../../Services/Gateway/Web/player/playlist.js";

const MASTER = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Sound",DEFAULT=YES,URI="1/live.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2500000,CODECS="avc1.42001f,opus",RESOLUTION=1280x720,AUDIO="sound"
0/live.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=700000,CODECS="avc1.42001f,opus",RESOLUTION=640x360,AUDIO="sound"
51060/live.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=710000,CODECS="avc1.42001f,mp4a.40.2",RESOLUTION=640x360,AUDIO="sound-1"
51060/live.m3u8
`;

test("every size of the picture is found once, the best first", () => {
  const renditions = parseMaster(MASTER, "https://example.org/live/");
  assert.deepEqual(picturesIn(renditions), [
    { track: 0, width: 1280, height: 720 }, { track: 51060, width: 640, height: 360 },
  ]);
  assert.deepEqual(renditions.filter(({ isDefault }) => isDefault).map(({ track }) => track), [0, 1]);
});

test("sizes are called by their shorter side, and by both where two have the same", () => {
  const of = (/** @type {number[][]} */ sizes) => sizeNamesOf(sizes.map(([width, height], track) => ({ track, width, height })));
  assert.deepEqual(of([[1280, 720], [360, 640]]), ["720p", "360p"]);
  assert.deepEqual(of([[1280, 720], [960, 720], [320, 180]]), ["1280 × 720", "960 × 720", "180p"]);
});
