"""Every page, dark and light, on a desk and on a phone: nothing sticks out, all can be read, named and hit."""

from publisher import wait_live
from recordings import finished
from waiting import wait_until

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
LONG_NAME = "looks-offline-and-has-a-name-that-is-longer-than-a-phone"
PAGES = {
    "home": "/", "studio": "/studio", "multi-view": "/multiview", "streams": "/streams", "login": "/login",
    "live": "/watch/looks", "replay": "/watch/looked", "offline": f"/watch/{LONG_NAME}", "nowhere": "/nowhere",
}
# What shows that a page is whole.
LANDMARKS = {
    "home": ".cards .card", "studio": ".go", "multi-view": ".tile-box video", "streams": f"[aria-label='Revoke {LONG_NAME}']", "login": "#password",
    "live": "m-live-badge button", "replay": ".recording", "offline": "m-stage h2", "nowhere": ".message-page h1",
}
# WCAG 2.2 §1.4.3, large text too; and what a finger hits, which the row of the player's controls has just so.
CONTRAST, LARGE_CONTRAST, TAP = 4.5, 3, 40

SIGHT = """
(() => {
  const parse = (text) => {
    const numbers = text.match(/[\\d.]+/g).map(Number);
    return { rgb: numbers.slice(0, 3), alpha: numbers[3] ?? 1 };
  };
  const over = (top, ground) => top.rgb.map((one, index) => one * top.alpha + ground[index] * (1 - top.alpha));
  const light = (rgb) => rgb.map((one) => one / 255)
    .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0);
  // The colour behind an element; null over pictures that no style knows.
  const ground = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) {
      const style = getComputedStyle(one);
      const layer = parse(style.backgroundColor);
      if (style.backgroundImage !== "none") return null;
      layers.push(layer);
      if (layer.alpha === 1) break;
      if (one.matches(".art, .frame, m-player, .tile-box")) return null;
    }
    return layers.reverse().reduce((rgb, layer) => over(layer, rgb), [255, 255, 255]);
  };
  const faint = [];
  let read = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const element = text.parentElement;
    if (!text.data.trim() || element.closest("script, option, .visually-hidden, :disabled, .skip-link")) continue;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const style = getComputedStyle(element);
    const behind = ground(element);
    if (!behind) continue;
    read += 1;
    const [high, low] = [light(over(parse(style.color), behind)), light(behind)].sort((one, other) => other - one);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < (isLarge ? LARGE_CONTRAST : CONTRAST)) faint.push([text.data.trim().slice(0, 40), Math.round(contrast * 100) / 100]);
  }
  const shown = [...document.querySelectorAll("button, a[href], input, select, textarea, [role=slider]")]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.matches(".skip-link"));
  const nameless = shown.filter((one) => ![one.textContent, one.ariaLabel, one.title, one.labels?.[0]?.textContent,
    document.getElementById(one.getAttribute("aria-labelledby"))?.textContent].some((name) => name?.trim()));
  const small = shown.filter((one) => !one.matches(".text-link, [type=checkbox], [type=radio], [type=range], [role=slider]"))
    .filter((one) => { const box = one.getBoundingClientRect(); return box.height < TAP || box.width < TAP; });
  const describe = (one) => `${one.outerHTML.slice(0, 120)} ${Math.round(one.offsetWidth)}×${Math.round(one.offsetHeight)}`;
  return {
    width: document.documentElement.scrollWidth, faint, nameless: nameless.map(describe), small: small.map(describe),
    read, title: document.title, language: document.documentElement.lang, theme: document.documentElement.dataset.theme,
  };
})()
""".replace("LARGE_CONTRAST", str(LARGE_CONTRAST)).replace("CONTRAST", str(CONTRAST)).replace("TAP", str(TAP))


def test_every_page_can_be_read_and_used(stack, publish, chromium, artifacts):
    _, url, _, _ = stack.new_stream("looks")
    kept, kept_url, _, _ = stack.new_stream("looked")
    stack.new_stream(LONG_NAME)
    assert publish(kept_url, frames=90).wait() == 0
    finished(stack, kept)
    publish(url)
    wait_live(stack, "looks")
    chromium.log_in(stack)
    wrong = {}
    for scheme in ("dark", "light"):
        chromium.prefer(scheme)
        for size, (width, height) in SIZES.items():
            chromium.resize(width, height)
            for page, path in PAGES.items():
                chromium.go(stack.site + path)
                wait_until(f"{page} is whole", lambda: chromium.evaluate(f"document.querySelector({LANDMARKS[page]!r}) !== null"))
                look = chromium.evaluate(SIGHT)
                chromium.screenshot(artifacts / f"page-{page}-{size}-{scheme}.png")
                if found := flaws(look, scheme, width, is_phone=size == "phone"):
                    wrong[f"{page}, {size}, {scheme}"] = found
    assert not wrong, "\n".join(f"{where}: {found}" for where, found in wrong.items())


def flaws(look, scheme, width, is_phone):
    """What is wrong with a page, by kind."""
    found = {name: look[name] for name in ("faint", "nameless") if look[name]}
    if is_phone and look["small"]:
        found["small"] = look["small"]
    if look["width"] > width:
        found["width"] = look["width"]
    if look["read"] == 0:
        found["read"] = "no text was found to look at"
    if not (look["title"] and look["language"] and look["theme"] == scheme):
        found["head"] = (look["title"], look["language"], look["theme"])
    return found
