import { afterEach, beforeEach, mock, test } from "node:test";
import assert from "node:assert/strict";
import { Problem } from "../../Services/Gateway/Web/api.js";
import { NativeEngine } from "../../Services/Gateway/Web/player/engines/native.js";
import { DatedMediaElement, MediaElement } from "./media-element.js";
import { HeldTimers } from "./timers.js";

const BEGAN = Date.UTC(2026, 0, 1);
const WINDOW = "/live/~token/stream/session/index.m3u8";
const WHOLE = `${WINDOW}?dvr=1`;
/** Safari keeps three segments of two seconds behind the end of a playlist. */
const HOLD_BACK = 6;

/** @type {NativeEngine[]} */ let opened = [];
/** @type {HeldTimers} */ let timers;

beforeEach(() => {
  timers = new HeldTimers("setInterval");
  globalThis.fetch = async () => Response.json({ hlsUrl: "/live/~token/stream/index.m3u8" });
});

afterEach(() => {
  for (const engine of opened) engine.close();
  opened = [];
  timers.reset();
});

/** A session that has gone on for some seconds, before an element that plays it by itself. */
function watching({ age = 600, Element = MediaElement, startedAt = BEGAN, mayBeEarly = () => false, media = async () => new Response() } = {}) {
  const session = { age, isOver: false, isThere: true };
  const heard = { refused: [], failed: [], ended: 0 };
  const video = new Element((source) => {
    if (!session.isThere) return null;
    const isWhole = source.endsWith("?dvr=1");
    // The last minute has times of its own: they begin where the playlist did when it was loaded first.
    const zero = isWhole ? 0 : Math.max(0, age - 60);
    const start = isWhole ? 0 : Math.max(0, session.age - 60) - zero;
    const end = session.age - zero - (session.isOver ? 0 : isWhole ? HOLD_BACK : 0);
    return { start, end, begin: session.isOver ? start : end, startDate: BEGAN + zero * 1000, isOver: session.isOver };
  });
  const engine = new NativeEngine(/** @type {any} */ (video), /** @type {any} */ ({
    streamId: "stream", base: "/live/stream/session/", startedAt, clock: { now: () => BEGAN + session.age * 1000 },
    fetchMedia: media, mayBeEarly,
    hooks: {
      onChange() {}, onEnded: () => { heard.ended += 1; },
      onRefused: (problem) => heard.refused.push(problem.code), onFailed: (failure) => heard.failed.push(failure.code),
    },
  }));
  opened.push(engine);
  return { session, engine, video, heard };
}

/** What was asked for has an answer, and the element has loaded what it was given. */
async function settle(video) {
  await new Promise((resolve) => setImmediate(resolve));
  video.arrive();
}

const near = (one, other, by = 0.5) => assert.ok(Math.abs(one - other) <= by, `${one} is not ${other}`);

async function live(options) {
  const all = watching(options);
  all.engine.goLive();
  void all.video.play();
  await settle(all.video);
  return all;
}

test("the live edge is the playlist with parts, and plays although a new source pauses the element", async () => {
  const { engine, video } = await live();
  assert.deepEqual(video.sources, [WINDOW]);
  assert.equal(video.paused, false);
  assert.equal(engine.following, true);
  near(engine.edge, 600);
});

for (const Element of [MediaElement, DatedMediaElement]) {
  test(`the last minute's times become the session's: ${Element.name}`, async () => {
    const { engine, video, session } = await live({ Element });
    near(engine.position, 600);
    assert.deepEqual(engine.seekable, { start: 0, end: 600 });
    session.age += 5;
    video.pass(5);
    near(engine.position, 605);
    near(engine.edge, 605);
  });
}

test("an element that tells of no window is never ahead of the session", async () => {
  class Silent extends MediaElement {
    get seekable() {
      return { length: 0, start: () => 0, end: () => 0 };
    }
  }
  const { engine, video, session } = await live({ Element: Silent });
  video.pass(8);
  session.age += 2;
  assert.equal(engine.position, 602);
});

test("who rewinds past the last minute gets there, by the playlist of the whole session", async () => {
  const { engine, video } = await live();
  engine.seek(100);
  near(engine.position, 100, 0);
  assert.equal(engine.following, false);
  await settle(video);
  assert.deepEqual(video.sources, [WINDOW, WHOLE]);
  near(video.currentTime, 100);
  near(engine.position, 100);
  assert.equal(video.paused, false);
  engine.seek(300);
  near(video.currentTime, 300);
  near(engine.delay, 300);
  assert.equal(video.sources.length, 2, "the whole session is not opened twice");
});

test("a rewind while paused stays paused", async () => {
  const { engine, video } = await live();
  video.pause();
  engine.seek(100);
  await settle(video);
  near(engine.position, 100);
  assert.equal(video.paused, true);
});

test("the last place counts when somebody drags on before it is opened", async () => {
  const { engine, video } = await live();
  engine.seek(100);
  engine.seek(200);
  await settle(video);
  near(engine.position, 200);
  assert.deepEqual(video.sources, [WINDOW, WHOLE]);
});

test("live again is the playlist with parts again, at its end and at the natural rate", async () => {
  const { engine, video, session } = await live();
  engine.speed = 2;
  engine.seek(100);
  await settle(video);
  assert.equal(video.playbackRate, 2);
  session.age += 30;
  engine.goLive();
  await new Promise((resolve) => setImmediate(resolve));
  near(engine.position, 630);
  await settle(video);
  assert.deepEqual(video.sources, [WINDOW, WHOLE, WINDOW]);
  assert.equal(engine.following, true);
  assert.equal(video.playbackRate, 1);
  near(video.currentTime, video.seekable.end());
  assert.equal(video.paused, false);
});

test("a seek next to the edge means live", async () => {
  const { engine, video } = await live();
  engine.seek(100);
  await settle(video);
  engine.seek(598);
  await settle(video);
  assert.equal(video.sources.at(-1), WINDOW);
  assert.equal(engine.following, true);
});

test("who wants to go live while the rewind is being opened goes live", async () => {
  const { engine, video } = await live();
  engine.seek(100);
  engine.goLive();
  await settle(video);
  assert.equal(video.sources.at(-1), WINDOW);
  near(engine.position, 600);
});

test("at the end the rest is played, then the whole session can be watched from its start", async () => {
  const { engine, video, session, heard } = await live();
  session.isOver = true;
  engine.sessionEnded();
  assert.equal(heard.ended, 1);
  assert.deepEqual(video.sources, [WINDOW], "what is left is played first");
  video.pass(10);
  assert.equal(video.ended, true);
  near(engine.position, 600);
  assert.deepEqual(engine.seekable, { start: 0, end: 600 });
  engine.seek(0);
  void video.play();
  await settle(video);
  assert.deepEqual(video.sources, [WINDOW, WHOLE]);
  assert.equal(video.paused, false);
  near(engine.position, 0);
  assert.deepEqual(engine.seekable, { start: 0, end: 600 });
  engine.seek(500);
  near(video.currentTime, 500);
});

test("who has rewound watches on when the session ends, and goes where they want", async () => {
  const { engine, video, session } = await live();
  engine.seek(100);
  await settle(video);
  session.isOver = true;
  engine.sessionEnded();
  engine.seek(599);
  near(video.currentTime, 599);
  assert.deepEqual(video.sources, [WINDOW, WHOLE]);
});

test("who paused at the edge for long goes on where they paused, and is not live any more", async () => {
  let now = 0;
  const clock = mock.method(performance, "now", () => now);
  const { engine, video, session } = await live();
  engine.holdStill();
  video.pause();
  now += 120_000;
  session.age += 120;
  void video.play();
  assert.equal(engine.following, false);
  await settle(video);
  near(engine.position, 600);
  assert.equal(video.sources.at(-1), WHOLE);
  clock.mock.restore();
});

test("a replay of another session begins at its place", async () => {
  const { engine, video, session } = watching({ startedAt: null });
  session.isOver = true;
  void engine.startStored(42, false);
  void video.play();
  await settle(video);
  assert.deepEqual(video.sources, [WHOLE]);
  near(engine.position, 42);
  assert.equal(engine.edge, 600);
  assert.equal(engine.delay, null);
});

test("what the server refuses is a refusal, with its reason", async () => {
  const refused = async () => { throw new Problem({ status: 404, code: "not_found" }); };
  const { session, engine, video, heard } = watching({ media: refused });
  session.isThere = false;
  engine.goLive();
  await settle(video);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(heard, { refused: ["not_found"], failed: [], ended: 0 });
});

test("a session without a whole segment yet is tried again, and then opened anew", async () => {
  const { session, engine, video, heard } = watching({ age: 1, mayBeEarly: () => true });
  session.isThere = false;
  engine.goLive();
  void video.play();
  await settle(video);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(heard, { refused: ["nothing-yet"], failed: [], ended: 0 });
  session.isThere = true;
  engine.goLive();
  await settle(video);
  assert.deepEqual(video.sources, [WINDOW, WINDOW]);
  assert.equal(video.paused, false);
});

test("a source that breaks under way is taken up again and plays on", async () => {
  const { engine, video, session } = await live({ mayBeEarly: () => true });
  session.isThere = false;
  video.arrive();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(video.paused, true);
  session.isThere = true;
  engine.goLive();
  await settle(video);
  assert.equal(video.paused, false);
});

test("what the browser cannot play at all is a failure", async () => {
  const { session, engine, video, heard } = watching();
  session.isThere = false;
  engine.goLive();
  await settle(video);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(heard, { refused: [], failed: ["playback-failed"], ended: 0 });
});
