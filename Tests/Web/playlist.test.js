import { test } from "node:test";
import assert from "node:assert/strict";
import { PlaylistError, endOf, parseMaster, parseMedia, segmentIndexAt } from "../../Services/Gateway/Web/player/playlist.js";

const BASE = "http://martlet.test/live/abc/def/";

const MASTER = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="English, stereo",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="2/live.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="Commentary",DEFAULT=NO,URI="3/live.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2500000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30.000,AUDIO="aac"
1/live.m3u8
`;

const DVR = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:4
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-MAP:URI="init-1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.000Z
#EXTINF:2.00000,
0.m4s
#EXTINF:2.00000,
1.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init-2.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:19.500Z
#EXTINF:1.50000,
2.m4s
#EXT-X-GAP
#EXTINF:2.00000,
3.m4s
`;

test("a master names the video, its codec and every audio rendition", () => {
  const renditions = parseMaster(MASTER, BASE + "index.m3u8");
  assert.deepEqual(renditions.map((one) => [one.kind, one.uri, one.codec, one.label, one.isDefault]), [
    ["video", BASE + "1/live.m3u8", "avc1.64001f", "", true],
    ["audio", BASE + "2/live.m3u8", "mp4a.40.2", "English, stereo", true],
    ["audio", BASE + "3/live.m3u8", "mp4a.40.2", "Commentary", false],
  ]);
});

test("each group of sounds has the codec of the variant that names it, and each sound its track", () => {
  const text = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Sound",DEFAULT=YES,URI="s/1/dvr.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound-1",NAME="Surround",DEFAULT=YES,URI="s/2/dvr.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2,CODECS="avc1.64001f,mp4a.40.2",AUDIO="sound"
s/0/dvr.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2,CODECS="avc1.64001f,opus",AUDIO="sound-1"
s/0/dvr.m3u8
`;
  assert.deepEqual(parseMaster(text, BASE).map((one) => [one.kind, one.codec, one.track]), [
    ["video", "avc1.64001f", 0], ["audio", "mp4a.40.2", 1], ["audio", "opus", 2]]);
});

test("a master of several sounds alone has them all", () => {
  const text = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="opus"\n1/live.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="mp4a.40.2"\n2/live.m3u8\n';
  assert.deepEqual(parseMaster(text, BASE).map((one) => [one.codec, one.track, one.isDefault]), [["opus", 1, true], ["mp4a.40.2", 2, false]]);
});

test("a master of sound alone has one audio rendition", () => {
  const text = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="opus"\n1/live.m3u8\n';
  assert.deepEqual(parseMaster(text, BASE).map((one) => [one.kind, one.codec]), [["audio", "opus"]]);
});

test("segments know their place, map, program time and gap", () => {
  const playlist = parseMedia(DVR, BASE + "1/dvr.m3u8");
  assert.deepEqual(playlist.segments.map((one) => [one.msn, one.start, one.duration, one.discontinuity, one.gap]), [
    [0, 0, 2, 0, false], [1, 2, 2, 0, false], [2, 14.5, 1.5, 1, false], [3, 16, 2, 1, true]]);
  assert.equal(playlist.segments[2].map, BASE + "1/init-2.mp4");
  assert.equal(playlist.segments[1].programTime, Date.parse("2026-01-02T03:04:07Z"));
  assert.equal(playlist.nextMsn, 4);
  assert.equal(playlist.ended, false);
  assert.equal(endOf(playlist), 18);
});

test("the end of the list is the end of the session", () => {
  assert.equal(parseMedia(DVR + "#EXT-X-ENDLIST\n", BASE).ended, true);
});

test("a delta update is completed from the playlist before", () => {
  const first = parseMedia(DVR, BASE + "1/dvr.m3u8");
  const delta = `#EXTM3U
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-SKIP:SKIPPED-SEGMENTS=3
#EXTINF:2.0,
3.m4s
#EXTINF:1.0,
4.m4s
`;
  const next = parseMedia(delta, BASE + "1/dvr.m3u8", first);
  assert.deepEqual(next.segments.map((one) => one.msn), [0, 1, 2, 3, 4]);
  assert.equal(next.segments[4].map, BASE + "1/init-2.mp4");
  assert.equal(next.segments[4].start, 18);
  assert.equal(next.segments[4].discontinuity, 1);
  assert.throws(() => parseMedia(delta, BASE), PlaylistError);
});

test("finds the segment at a time, or the first after a hole", () => {
  const playlist = parseMedia(DVR, BASE);
  assert.equal(segmentIndexAt(playlist, 0), 0);
  assert.equal(segmentIndexAt(playlist, 2), 1);
  assert.equal(segmentIndexAt(playlist, 9), 2);
  assert.equal(segmentIndexAt(playlist, 17.9), 3);
  assert.equal(segmentIndexAt(playlist, 18), -1);
});

test("refuses what is not a playlist", () => {
  for (const text of ["", "<html>", "#EXTM3U\n#EXTINF:x,\n0.m4s", "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:-1\n"]) {
    assert.throws(() => parseMedia(text, BASE), PlaylistError);
  }
});

test("parts and hints of a live playlist do not disturb it", () => {
  const text = DVR + '#EXT-X-PART:DURATION=0.3,URI="4.0.m4s",INDEPENDENT=YES\n' +
    '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="4.1.m4s"\n#EXT-X-RENDITION-REPORT:URI="../2/live.m3u8",LAST-MSN=4,LAST-PART=0\n';
  assert.equal(parseMedia(text, BASE).segments.length, 4);
});
