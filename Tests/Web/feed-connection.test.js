import { test } from "node:test";
import assert from "node:assert/strict";
import { Problem } from "../../Services/Gateway/Web/api.js";
import { FeedConnection } from "../../Services/Gateway/Web/player/feed-connection.js";
import { FrameType } from "../../Services/Gateway/Web/player/feed-frames.js";
import { FeedPlaces } from "../../Services/Gateway/Web/player/feed-places.js";
import { hold } from "./timers.js";

/** @param {number} type @param {number} [track] @param {number} [msn] @param {number} [part] */
function frame(type, track = 0, msn = 0, part = 0) {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, 12, true);
  view.setUint8(4, type);
  view.setUint16(6, track, true);
  view.setUint32(8, msn, true);
  view.setUint16(12, part, true);
  return new Uint8Array(view.buffer);
}

/**
 * A connection to a server that gives one prepared answer after the other.
 * @param {((url: string) => Response)[]} answers
 */
function connectionTo(answers) {
  /** @type {string[]} */ const urls = [];
  /** @type {number[]} */ const frames = [];
  /** @type {string[]} */ const states = [];
  let done = () => {};
  const finished = new Promise((resolve) => { done = () => resolve(undefined); });
  const connection = new FeedConnection("/live/s/e/", async (url) => {
    urls.push(url);
    const answer = answers[urls.length - 1];
    if (!answer) throw new Error("one request too many");
    return answer(url);
  }, {
    onFrame: (one) => { frames.push(one.type); },
    onState: (state) => {
      states.push(state);
      if (state === "ended" || state === "refused") done();
    },
  });
  return { connection, urls, frames, states, finished };
}

const answer = (/** @type {Uint8Array[]} */ ...chunks) => () => new Response(Buffer.concat(chunks));
const end = frame(FrameType.end);

test("reads frames until the session's end, and asks no more", async () => {
  const { connection, urls, frames, states, finished } = connectionTo([
    answer(frame(FrameType.tracksChanged), frame(FrameType.part, 1, 5, 0), end)]);
  connection.start();
  await finished;
  assert.deepEqual(urls, ["/live/s/e/feed"]);
  assert.deepEqual(frames, [FrameType.tracksChanged, FrameType.part, FrameType.end]);
  assert.deepEqual(states, ["connecting", "open", "ended"]);
  assert.equal(connection.isRunning, false);
});

test("begins at a part, with the picture that is wanted", async () => {
  const { connection, urls, finished } = connectionTo([answer(end)]);
  connection.picture = 32769;
  connection.start({ msn: 7, part: 3 });
  await finished;
  assert.deepEqual(urls, ["/live/s/e/feed?picture=32769&from=7.3"]);
});

test("takes a broken feed up again at the earliest part that a track still lacks", async () => {
  const { connection, urls, states, finished } = connectionTo([
    answer(frame(FrameType.part, 1, 9, 4), frame(FrameType.part, 2, 9, 2)), answer(end)]);
  connection.start();
  await finished;
  assert.deepEqual(urls, ["/live/s/e/feed", "/live/s/e/feed?from=9.3"]);
  assert.deepEqual(states, ["connecting", "open", "waiting", "connecting", "open", "ended"]);
  assert.equal(connection.reconnects, 1);
});

test("a server that restarts is asked again, a refusal is final", async () => {
  const { connection, urls, states, finished } = connectionTo([
    () => { throw new Problem({ status: 503 }); }, () => { throw new Problem({ status: 404 }); }]);
  connection.start();
  await finished;
  assert.equal(urls.length, 2);
  assert.equal(states.at(-1), "refused");
});

test("the feed of a session that has just begun may be early: it is asked for again, without a word", async () => {
  const { connection, urls, states, finished } = connectionTo([
    () => { throw new Problem({ status: 404 }); }, () => { throw new Problem({ status: 404 }); }, answer(end)]);
  connection.mayBeEarly = () => true;
  connection.start();
  await finished;
  assert.equal(urls.length, 3);
  assert.deepEqual(states, ["connecting", "open", "ended"]);
  assert.equal(connection.reconnects, 0);
});

test("what is not a feed is not believed", async () => {
  const { connection, urls, finished } = connectionTo([
    () => new Response("<html>Bad gateway</html>"), answer(end)]);
  connection.start();
  await finished;
  assert.equal(urls.length, 2);
});

test("frames wait for the one before them", async () => {
  /** @type {string[]} */ const order = [];
  let finish = () => {};
  const finished = new Promise((resolve) => { finish = () => resolve(undefined); });
  const connection = new FeedConnection("/", async () => answer(frame(9), frame(2, 1), end)(), {
    onFrame: async (one) => {
      order.push(`in ${one.type}`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`out ${one.type}`);
    },
    onState: (state) => { if (state === "ended") finish(); },
  });
  connection.start();
  await finished;
  assert.deepEqual(order, ["in 9", "out 9", "in 2", "out 2", "in 5", "out 5"]);
});

const settled = () => new Promise((resolve) => setImmediate(resolve));

/**
 * A server whose feeds never end by themselves, and the feeds of a page that has few connections to it.
 * @param {number} count @param {boolean} isScarce
 */
async function feedsOf(count, isScarce) {
  const places = new FeedPlaces(() => isScarce);
  /** @type {Map<string, ReadableStreamDefaultController>} the responses that are held */ const held = new Map();
  /** @type {string[]} */ const urls = [];
  /** @type {string[]} */ const log = [];
  const feeds = Array.from({ length: count }, (_, index) => new FeedConnection(`/${index}/`, async (url, signal) => {
    urls.push(url);
    return new Response(new ReadableStream({
      start(controller) {
        held.set(`/${index}/`, controller);
        signal.addEventListener("abort", () => {
          if (held.get(`/${index}/`) === controller) held.delete(`/${index}/`);
          try { controller.error(new DOMException("", "AbortError")); } catch { /* it is over already */ }
        });
      },
    }));
  }, {
    onFrame: ({ track, msn, part }) => { log.push(`${index}: ${track}/${msn}.${part}`); },
    onState: (state) => { log.push(`${index}: ${state}`); },
  }, places));
  for (const feed of feeds) feed.start();
  await settled();
  return { feeds, held, urls, log };
}

test("where connections are scarce some feeds hold one, and one goes round among the others", async (context) => {
  const timers = hold(context);
  const { feeds, held, urls, log } = await feedsOf(5, true);
  assert.deepEqual(urls, ["/0/feed", "/1/feed", "/2/feed", "/3/feed"]);
  held.get("/3/")?.enqueue(Buffer.concat([frame(FrameType.part, 1, 7, 0), frame(FrameType.part, 2, 6, 4)]));
  await settled();
  timers.tick(50);
  await settled();
  assert.deepEqual([...held.keys()], ["/0/", "/1/", "/2/", "/4/"]);
  held.get("/4/")?.enqueue(frame(FrameType.part, 1, 7, 0));
  await settled();
  timers.tick(50);
  await settled();
  timers.tick(350);
  await settled();
  assert.deepEqual(urls.slice(4), ["/4/feed", "/3/feed?from=6.5"]);
  // Track 1 comes again because track 2 was behind: once is enough.
  held.get("/3/")?.enqueue(Buffer.concat([frame(FrameType.part, 2, 6, 5), frame(FrameType.part, 1, 7, 0), frame(FrameType.part, 1, 7, 1)]));
  await settled();
  assert.deepEqual(log.filter((line) => line.startsWith("3")), [
    "3: connecting", "3: open", "3: 1/7.0", "3: 2/6.4", "3: 2/6.5", "3: 1/7.1"]);
  assert.deepEqual(feeds.map(({ round, reconnects }) => [round, reconnects]), [[0, 0], [0, 0], [0, 0], [1, 0], [1, 0]]);
  // Who holds a connection leaves: the next that comes holds one.
  feeds[0].stop();
  timers.tick(400);
  await settled();
  assert.equal(feeds[4].round, 0);
  for (const feed of feeds) feed.stop();
});

test("a turn that gets no answer is no longer waited for", async (context) => {
  const timers = hold(context);
  const { feeds, held, log } = await feedsOf(5, true);
  timers.tick(2_000);
  await settled();
  assert.deepEqual([...held.keys()], ["/0/", "/1/", "/2/", "/4/"]);
  assert.deepEqual(log.filter((line) => line.startsWith("3")), ["3: connecting", "3: waiting"]);
  for (const feed of feeds) feed.stop();
});

test("where connections are plenty each feed holds one", async (context) => {
  hold(context);
  const { feeds, held } = await feedsOf(9, false);
  assert.equal(held.size, 9);
  for (const feed of feeds) feed.stop();
});

test("a track that has ended is not what a feed goes on from", async () => {
  const { connection, urls, finished } = connectionTo([
    answer(frame(FrameType.part, 1, 3, 0), frame(FrameType.part, 2, 9, 2)), answer(end)]);
  connection.start();
  await finished;
  assert.equal(urls[1], "/live/s/e/feed?from=9.3");
});
