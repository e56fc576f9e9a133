import { test } from "node:test";
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const WEB = new URL("../../Services/Gateway/Web/", import.meta.url).pathname;
const html = readFileSync(join(WEB, "index.html"), "utf8");
const files = readdirSync(WEB, { recursive: true }).map(String);
const scripts = files.filter((file) => file.endsWith(".js"));

/** The modules that `entry` needs before it can run. @param {string} entry @param {Set<string>} seen */
function needs(entry, seen = new Set()) {
  const text = readFileSync(join(WEB, entry), "utf8");
  for (const [, path] of text.matchAll(/^(?:import|export)\s(?:[^"']*?from\s)?"(\.[^"]+)";/gm)) {
    const file = normalize(join(dirname(entry), path));
    if (seen.has(file)) continue;
    seen.add(file);
    needs(file, seen);
  }
  return seen;
}

test("every import is a file", () => {
  for (const script of scripts) {
    for (const file of needs(script)) assert.ok(existsSync(join(WEB, file)), `${script} needs ${file}`);
  }
});

test("the shell preloads exactly what the watch page needs, so that one round trip brings all", () => {
  const preloaded = [...html.matchAll(/rel="modulepreload" href="\/_\/([^"]+)"/g)].map((match) => match[1]).sort();
  const needed = new Set([...needs("app.js"), "routes/watch.js", ...needs("routes/watch.js")]);
  assert.deepEqual(preloaded, [...needed].sort());
});

test("what the shell links to exists, and nothing comes from elsewhere", () => {
  for (const [, path] of html.matchAll(/(?:href|src)="([^"#]+)"/g)) {
    assert.match(path, /^\/(_\/.+)?$/, "the gateway puts its version behind /_/");
    assert.ok(existsSync(join(WEB, path.replace("/_/", "/"))), path);
  }
});

test("nothing needs an unsafe content security policy", () => {
  assert.doesNotMatch(html, /<style|style="|<script(?![^>]*\ssrc=)|\son[a-z]+="/);
  for (const script of scripts) {
    const text = readFileSync(join(WEB, script), "utf8");
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, script);
    assert.doesNotMatch(text, /https?:\/\/(?!www\.w3\.org\/2000\/svg)/, script);
  }
});

test("files stay small enough to read", () => {
  for (const file of files.filter((one) => /\.(js|css)$/.test(one))) {
    assert.ok(readFileSync(join(WEB, file), "utf8").split("\n").length <= 400, file);
  }
});
