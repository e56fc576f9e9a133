"""The home page of somebody who has logged in: who is live, and what was recorded."""
import json

from waiting import wait_until


def shown(browser, expression):
    """What the page says, None while it is being left for another."""
    try:
        return browser.evaluate(expression)
    except Exception as error:  # noqa: BLE001 - each browser's driver has its own
        if "context" not in str(error).lower() and "no such frame" not in str(error).lower():
            raise
        return None


def section(browser, title):
    return shown(browser, f"""
        [...document.querySelectorAll("section")]
          .find((one) => one.querySelector("h2")?.textContent === {json.dumps(title)})?.textContent ?? ""
    """) or ""


def log_in(stack, browser):
    browser.open(stack.site + "/login")
    wait_until("the form is there", lambda: shown(browser, "document.querySelector('#password') !== null"))
    user, password = json.dumps(stack.access["admin_user"]), json.dumps(stack.access["admin_password"])
    shown(browser, f"""
        (() => {{
          document.querySelector("#user").value = {user};
          document.querySelector("#password").value = {password};
          document.querySelector("form").requestSubmit();
          return true;
        }})()
    """)
    wait_until("the home page is there", lambda: shown(browser, "location.pathname") == "/")


def test_the_home_page_tells_who_is_live_and_what_was_recorded(stack, publish, browser, artifacts):
    slug = f"at-home-{browser.name}"
    _, url, _, _ = stack.new_stream(slug)
    log_in(stack, browser)
    shown(browser, "(window.__marker = 'never reloaded')")
    publisher = publish(url)
    wait_until("the stream is told to be live", lambda: slug in section(browser, "Live now"))
    browser.screenshot(artifacts / f"home-{browser.name}.png")
    assert slug not in section(browser, "Recordings")
    assert publisher.stop() == 0
    wait_until("its recording is told", lambda: slug in section(browser, "Recordings"))
    wait_until("it is live no more", lambda: slug not in section(browser, "Live now"))
    assert shown(browser, "window.__marker") == "never reloaded"
