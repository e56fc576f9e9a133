import { test } from "node:test";
import assert from "node:assert/strict";
import { Problem } from "../../Services/Gateway/Web/api.js";
import { LayerWish, usefulHeight } from "../../Services/Gateway/Web/player/layer-wish.js";
import { heightIn } from "../../Services/Gateway/Web/player/shown-size.js";
import { hold } from "./timers.js";

const LAYERS = [{ rid: "h", width: 1280, height: 720 }, { rid: "l", width: 320, height: 180 }];

/** A server that answers each wish when it is told to. */
function made() {
  const life = new AbortController();
  /** @type {any[]} */ const wishes = [];
  /** @type {any[]} */ const heard = [];
  /** @type {{resolve: (report: any) => void, reject: (error: unknown) => void}[]} */ const open = [];
  const wish = new LayerWish((one) => {
    wishes.push(one);
    return new Promise((resolve, reject) => open.push({ resolve, reject }));
  }, life.signal, (layers) => heard.push(layers));
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return {
    wish, wishes, heard, life,
    answer: () => { open.shift()?.resolve({ layers: LAYERS }); return settled(); },
    fail: (/** @type {unknown} */ error) => { open.shift()?.reject(error); return settled(); },
  };
}

test("a picture is shown whole in its box, whatever the shapes are", () => {
  assert.equal(heightIn({ width: 640, height: 360 }, { width: 1280, height: 720 }), 360);
  assert.equal(heightIn({ width: 375, height: 812 }, { width: 1280, height: 720 }), 211);
  assert.equal(heightIn({ width: 640, height: 360 }, { width: 720, height: 1280 }), 360);
  assert.equal(heightIn({ width: 320, height: 400 }, { width: 0, height: 0 }), 180);
});

test("a picture may be stretched a little, and any size is of use without a limit", () => {
  assert.equal(usefulHeight(240), 360);
  assert.equal(usefulHeight(0), 1);
  assert.equal(usefulHeight(100_000), 16_384);
  assert.equal(usefulHeight(null), null);
});

test("nothing is wished before it is known how large the picture is shown", async () => {
  const { wish, wishes, heard, answer } = made();
  wish.rid = null;
  assert.deepEqual(wishes, []);
  wish.shownHeight = 120;
  assert.deepEqual(wishes, [{ layer: "auto", maxHeight: 180 }]);
  await answer();
  assert.deepEqual(heard, [LAYERS]);
});

test("one wish at a time, and the newest at the end", async () => {
  const { wish, wishes, answer } = made();
  wish.shownHeight = 100;
  wish.shownHeight = 200;
  wish.shownHeight = null;
  wish.rid = "l";
  assert.equal(wishes.length, 1);
  await answer();
  assert.deepEqual(wishes.slice(1), [{ layer: "l", maxHeight: null }]);
  await answer();
  wish.shownHeight = null;
  assert.equal(wishes.length, 2);
  wish.again();
  assert.equal(wishes.length, 3);
});

test("a wish that was not heard is told again, but not to a session that is gone", async (context) => {
  const timers = hold(context);
  const { wish, wishes, answer, fail } = made();
  wish.shownHeight = 100;
  await fail(new Problem({}));
  assert.equal(wishes.length, 1);
  timers.tick(5_000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(wishes.length, 2);
  await answer();
  wish.shownHeight = 200;
  await fail(new Problem({ status: 404 }));
  timers.tick(5_000);
  assert.equal(wishes.length, 3);
});

test("an answer that comes after the end is not heard", async () => {
  const { wish, heard, life, answer } = made();
  wish.shownHeight = 100;
  life.abort();
  await answer();
  assert.deepEqual(heard, []);
});
