/**
 * The ICE servers that a `Link` header names: `<turn:host>; rel="ice-server"; username="u"; credential="c"`.
 * @param {string} header @returns {RTCIceServer[]}
 */
export function iceServersIn(header) {
  /** @type {RTCIceServer[]} */ const servers = [];
  for (const [, url, parameters] of header.matchAll(/<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^;,"\s]*))*)/g)) {
    const of = new Map([...parameters.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;,"\s]*))/g)]
      .map(([, name, quoted, plain]) => [name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, "$1") ?? plain]));
    if (of.get("rel") !== "ice-server" || !/^(stun|turn)s?:/.test(url)) continue;
    servers.push(of.has("username")
      ? { urls: url, username: of.get("username"), credential: of.get("credential") ?? "" } : { urls: url });
  }
  return servers;
}
