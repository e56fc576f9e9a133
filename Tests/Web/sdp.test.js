import { test } from "node:test";
import assert from "node:assert/strict";
import { fragmentOf, videoCodecsIn, withStereo, withTransport } from "../../Services/Gateway/Web/rtc/sdp.js";

const sdp = (/** @type {string[]} */ ...lines) => lines.join("\r\n") + "\r\n";

const OFFER = sdp("v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1",
  "m=video 9 UDP/TLS/RTP/SAVPF 96 102 103", "c=IN IP4 0.0.0.0", "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host",
  "a=ice-ufrag:abcd", "a=ice-pwd:secretsecretsecretsecret", "a=mid:0", "a=rtpmap:96 VP8/90000", "a=rtpmap:102 H264/90000",
  "a=rtpmap:103 rtx/90000",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=ice-ufrag:abcd", "a=ice-pwd:secretsecretsecretsecret", "a=mid:1",
  "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1");

const ANSWER = sdp("v=0", "a=ice-lite", "m=video 9 UDP/TLS/RTP/SAVPF 102", "a=candidate:1 1 udp 1 198.51.100.1 8189 typ host",
  "a=end-of-candidates", "a=ice-ufrag:old", "a=ice-pwd:old", "a=mid:0", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=ice-ufrag:old", "a=ice-pwd:old", "a=mid:1");

test("a restart sends the credentials and the first section's candidates, and nothing of the media", () => {
  assert.equal(fragmentOf(OFFER), sdp("a=group:BUNDLE 0 1", "a=ice-ufrag:abcd", "a=ice-pwd:secretsecretsecretsecret",
    "m=video 9 UDP/TLS/RTP/SAVPF 96 102 103", "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host", "a=mid:0"));
});

test("the server's new credentials and candidates replace the old ones everywhere", () => {
  const fragment = sdp("a=ice-lite", "a=ice-ufrag:new", "a=ice-pwd:fresh", "m=video 9 UDP/TLS/RTP/SAVPF 102", "a=mid:0",
    "a=candidate:1 1 udp 1 203.0.113.7 8189 typ host", "a=end-of-candidates");
  assert.equal(withTransport(ANSWER, fragment), sdp("v=0", "a=ice-lite", "m=video 9 UDP/TLS/RTP/SAVPF 102",
    "a=ice-ufrag:new", "a=ice-pwd:fresh", "a=mid:0", "a=candidate:1 1 udp 1 203.0.113.7 8189 typ host", "a=end-of-candidates",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=ice-ufrag:new", "a=ice-pwd:fresh", "a=mid:1"));
});

test("a fragment without candidates keeps those that are known, one without credentials is refused", () => {
  assert.match(withTransport(ANSWER, sdp("a=ice-ufrag:new", "a=ice-pwd:fresh")), /198\.51\.100\.1/);
  assert.throws(() => withTransport(ANSWER, sdp("m=video 9 UDP/TLS/RTP/SAVPF 102")));
});

test("stereo is asked for once, and only of Opus", () => {
  const stereo = withStereo(OFFER);
  assert.match(stereo, /a=fmtp:111 stereo=1;sprop-stereo=1;minptime=10;useinbandfec=1/);
  assert.equal(withStereo(stereo), stereo);
  assert.equal(withStereo("v=0\r\n"), "v=0\r\n");
});

test("the codecs of an offer are named without those that only repair", () => {
  assert.deepEqual(videoCodecsIn(OFFER), ["VP8", "H264"]);
  assert.deepEqual(videoCodecsIn("v=0\r\n"), []);
});
