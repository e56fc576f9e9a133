import { test } from "node:test";
import assert from "node:assert/strict";
import { JUMP_BEHIND, LiveEdge, MAX_RATE, MAX_TARGET, MIN_RATE, MIN_TARGET } from "../../Services/Gateway/Web/player/live-edge.js";

/** Parts of 0.3 s that arrive when they end, `late(index)` ms late. */
function fed(edge, { count = 40, late = () => 0, from = 0 } = {}) {
  for (let index = from; index < from + count; index += 1) edge.arrived(index * 300 + late(index), 5 + index * 0.3);
  return (from + count - 1) * 300;
}

test("knows no edge before anything has arrived", () => {
  const edge = new LiveEdge();
  assert.equal(edge.edge(1000), null);
  assert.deepEqual(edge.decide(1000, 3), { rate: 1, jumpTo: null, behind: 0 });
});

test("the edge runs on with the clock between parts", () => {
  const edge = new LiveEdge(0.3);
  const now = fed(edge);
  assert.ok(Math.abs(edge.edge(now + 150) - edge.edge(now) - 0.15) < 1e-9);
});

test("a steady arrival asks for one part of buffer", () => {
  const edge = new LiveEdge(0.3);
  assert.ok(Math.abs(edge.target(fed(edge)) - 0.3) < 1e-9);
});

test("jitter raises the target, within bounds", () => {
  const some = new LiveEdge(0.3);
  const now = fed(some, { late: (index) => (index % 4) * 30 });
  assert.ok(some.target(now) > 0.38 && some.target(now) < 0.4);
  const wild = new LiveEdge(0.3);
  assert.equal(wild.target(fed(wild, { late: (index) => (index % 4) * 300 })), MAX_TARGET);
  const tiny = new LiveEdge(0.1);
  assert.equal(tiny.target(fed(tiny)), MIN_TARGET);
});

test("a late part does not move the edge", () => {
  const edge = new LiveEdge(0.3);
  const now = fed(edge);
  const before = edge.edge(now + 900);
  edge.arrived(now + 900, 5 + 40 * 0.3);
  assert.equal(edge.edge(now + 900), before);
});

test("plays at the natural rate within the dead band", () => {
  const edge = new LiveEdge(0.3);
  const now = fed(edge);
  const there = edge.edge(now) - edge.target(now);
  for (const error of [-0.05, 0, 0.05]) assert.equal(edge.decide(now, there - error).rate, 1);
});

test("hurries and dawdles inside the rates nobody hears", () => {
  const edge = new LiveEdge(0.3);
  const now = fed(edge);
  const there = edge.edge(now) - edge.target(now);
  assert.equal(edge.decide(now, there - 2).rate, MAX_RATE);
  assert.equal(edge.decide(now, there + 0.25).rate, MIN_RATE);
});

test("goes on correcting until it is there", () => {
  const edge = new LiveEdge(0.3);
  const now = fed(edge);
  const there = edge.edge(now) - edge.target(now);
  assert.ok(edge.decide(now, there - 0.1).rate > 1);
  assert.ok(edge.decide(now, there - 0.03).rate > 1, "still on its way");
  assert.equal(edge.decide(now, there - 0.01).rate, 1);
  assert.equal(edge.decide(now, there - 0.03).rate, 1, "arrived: the dead band holds again");
});

test("converges on the target and stays there", () => {
  const edge = new LiveEdge(0.3);
  let playhead = 3.2;
  let now = 0;
  for (let index = 0; index < 200; index += 1) {
    edge.arrived(index * 300, 5 + index * 0.3);
    for (let tick = 0; tick < 3; tick += 1) {
      playhead += edge.decide(now, playhead).rate * 0.1;
      now += 100;
    }
  }
  assert.ok(Math.abs(edge.decide(now, playhead).behind - edge.target(now)) < 0.06);
});

test("jumps when it is hopelessly behind", () => {
  const edge = new LiveEdge(0.3);
  const now = fed(edge);
  const { rate, jumpTo } = edge.decide(now, edge.edge(now) - edge.target(now) - JUMP_BEHIND - 0.1);
  assert.equal(rate, 1);
  assert.equal(jumpTo, edge.edge(now) - edge.target(now));
});

test("a stall raises the target by half, and time lets it decay", () => {
  const edge = new LiveEdge(0.3);
  const now = fed(edge);
  const before = edge.target(now);
  edge.stalled(now);
  assert.ok(Math.abs(edge.target(now) - before * 1.5) < 1e-9);
  assert.ok(edge.target(now + 20_000) < before * 1.3);
  assert.equal(edge.target(now + 600_000), before);
});

test("forgets old arrivals, and all of them on a reset", () => {
  const edge = new LiveEdge(0.3);
  edge.arrived(0, 100);
  const now = fed(edge, { count: 10, from: 100 });
  assert.ok(edge.edge(now) < 60);
  edge.reset();
  assert.equal(edge.edge(now), null);
});
