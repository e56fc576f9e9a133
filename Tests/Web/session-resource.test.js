import { test } from "node:test";
import assert from "node:assert/strict";
import { Problem } from "../../Services/Gateway/Web/api.js";
import { iceServersIn } from "../../Services/Gateway/Web/rtc/ice-servers.js";
import { SessionResource } from "../../Services/Gateway/Web/rtc/session-resource.js";

const ENDPOINT = "http://martlet.test/whep/abc";
const { signal } = new AbortController();

/** A server that writes down its requests and gives prepared answers. @param {(() => Response)[]} answers */
function server(answers) {
  /** @type {any[]} */ const requests = [];
  return {
    requests,
    /** @param {string} url @param {RequestInit} options */
    send: async (url, options) => {
      requests.push({ url, ...options });
      const answer = answers[requests.length - 1];
      if (!answer) throw new Error("one request too many");
      return answer();
    },
  };
}

const created = () => new Response("the answer", { status: 201, headers: {
  "Content-Type": "application/sdp", Location: "/whep/abc/2-xyz", ETag: '"1"', Link: '<stun:stun.test>; rel="ice-server"' } });

test("an offer makes a session with an address of its own, which ends with a DELETE", async () => {
  const { requests, send } = server([created, () => new Response()]);
  const resource = new SessionResource(ENDPOINT, send);
  assert.equal(await resource.open("the offer", signal), "the answer");
  assert.equal(resource.isOpen, true);
  assert.deepEqual(resource.iceServers, [{ urls: "stun:stun.test" }]);
  resource.close();
  resource.close();
  assert.deepEqual(requests.map(({ method, url, body }) => [method, url, body]), [
    ["POST", ENDPOINT, "the offer"], ["DELETE", "http://martlet.test/whep/abc/2-xyz", undefined]]);
  assert.equal(requests[0].headers["Content-Type"], "application/sdp");
  assert.equal(requests[1].keepalive, true);
});

test("a restart matches every version, a candidate the newest one", async () => {
  const { requests, send } = server([created,
    () => new Response("theirs", { headers: { ETag: '"2"' } }), () => new Response(null, { status: 204 })]);
  const resource = new SessionResource(ENDPOINT, send, { Authorization: "Bearer key" });
  await resource.open("the offer", signal);
  assert.equal(await resource.restart("ours", signal), "theirs");
  await resource.trickle("a candidate", signal);
  assert.deepEqual(requests.slice(1).map(({ method, headers }) => [method, headers["If-Match"], headers.Authorization]), [
    ["PATCH", "*", "Bearer key"], ["PATCH", '"2"', "Bearer key"]]);
});

test("an answer without an address, or that is no SDP, is refused", async () => {
  for (const headers of [{ "Content-Type": "application/sdp" }, { "Content-Type": "text/html", Location: "/x" }]) {
    const { send } = server([() => new Response("", { status: 201, headers: /** @type {any} */ (headers) })]);
    await assert.rejects(new SessionResource(ENDPOINT, send).open("", signal), Problem);
  }
});

test("ICE servers are read from the Link header, and other links are left out", () => {
  const header = '<turn:t.test?transport=udp>; rel="ice-server"; username="a, b"; credential="c\\"d"; credential-type="password", ' +
    "<https://martlet.test>; rel=help, <stun:s.test:3478>; rel=ice-server, <http://evil.test>; rel=\"ice-server\"";
  assert.deepEqual(iceServersIn(header), [
    { urls: "turn:t.test?transport=udp", username: "a, b", credential: 'c"d' }, { urls: "stun:s.test:3478" }]);
  assert.deepEqual(iceServersIn(""), []);
});
