"""Two real browsers behind one small interface: open a page, evaluate, look, close."""
import atexit
import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading

from playwright.sync_api import sync_playwright
from websockets.sync.client import connect

# What pages have complained of since somebody looked: errors of scripts, and what was written to a console as an error.
complaints = []

# Browsers tell of each answer that is none of success as an error; the page has been told by itself, and acts on it.
EXPECTED = re.compile(r"^Failed to load resource: ")


def complain(browser, text):
    if not EXPECTED.search(text):
        complaints.append(f"{browser}: {text}")


class Chromium:
    """Debian's Chromium, headless, driven by Playwright."""

    name = "chromium"

    def __init__(self, shared=None, rewrite_answer=None, first_script=None, program=None):
        """`rewrite_answer` changes what WHIP and WHEP answer before the page sees it, as `UDPRelay.rewrite` does;
        `first_script` is run in every page before its own scripts are; `program` starts Chromium elsewhere."""
        self._page = None
        self._first_script = first_script
        self.messages = []
        self.rewrite_answer = rewrite_answer
        self._owns = shared is None
        if shared is not None:
            self._playwright, self._browser = shared._playwright, shared._browser
            return
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(
            executable_path=program or shutil.which("chromium"),
            headless=True,
            args=[
                "--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio=false",
                # Cameras and a microphone that are none: moving pictures and beeps, allowed without a question.
                "--use-fake-device-for-media-stream=device-count=3", "--use-fake-ui-for-media-stream",
                "--auto-select-desktop-capture-source=Entire screen", "--allow-loopback-in-peer-connection",
            ],
        )

    def another(self, rewrite_answer=None, **options):
        """A second window of the same browser, with cookies of its own."""
        return Chromium(shared=self, rewrite_answer=rewrite_answer, **options)

    def log_in(self, stack):
        """Logs in as the administrator, by the form."""
        self.open(stack.site + "/login")
        self._page.fill("#user", stack.access["admin_user"])
        self._page.fill("#password", stack.access["admin_password"])
        self._page.click("form .primary")
        self._page.wait_for_url(stack.site + "/")

    def go(self, url):
        """Opens another page in the same window."""
        self._page.goto(url, wait_until="domcontentloaded")

    def click(self, selector):
        self._page.click(selector)

    def fill(self, selector, text):
        """Types into a field, and leaves it."""
        self._page.fill(selector, text)
        self._page.press(selector, "Tab")

    def select(self, selector, value):
        """Chooses one of a list."""
        self._page.select_option(selector, value)

    def answer_dialogs(self, accept):
        """Answers the page's questions from now on; returns the list of what they said."""
        said = []

        def answer(dialog):
            said.append(dialog.message)
            dialog.accept() if accept else dialog.dismiss()

        self._page.on("dialog", answer)
        return said

    def open(self, url, width=1280, height=800, is_phone=False):
        """A phone has a touch screen, and shows pages as one does."""
        options = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2} if is_phone else {}
        self._page = self._browser.new_page(viewport={"width": width, "height": height}, **options)
        self._fingers = None
        self._listen()
        if self._first_script:
            self._page.add_init_script(self._first_script)
        if self.rewrite_answer:
            self._page.route(re.compile("/wh[ie]p/"), self._rewrite)
        self._page.goto(url, wait_until="domcontentloaded")

    def _listen(self):
        def heard(message):
            self.messages.append(message.text)
            if message.type == "error":
                complain(self.name, message.text)

        self._page.on("console", heard)
        self._page.on("pageerror", lambda error: complain(self.name, f"{error}\n{error.stack}"))

    def _rewrite(self, route):
        answer = route.fetch()
        route.fulfill(response=answer, body=self.rewrite_answer(answer.text()))

    def prefer(self, scheme):
        """Has the system be dark or light; what is opened from now on is."""
        self._page.emulate_media(color_scheme=scheme)

    def resize(self, width, height):
        """Makes the window larger or smaller."""
        self._page.set_viewport_size({"width": width, "height": height})

    def evaluate(self, expression):
        return self._page.evaluate(expression)

    def call(self, function, argument=None):
        """Calls a function of JavaScript with an argument."""
        return self._page.evaluate(function, argument)

    def press(self, key):
        self._page.keyboard.press(key)

    def point(self, x, y):
        """Moves the mouse there, in CSS pixels."""
        self._page.mouse.move(x, y)

    def hold(self):
        self._page.mouse.down()

    def release(self):
        self._page.mouse.up()

    def touch(self, kind, *points):
        """One event of a touch screen: touchStart, touchMove or touchEnd, with where the fingers are."""
        self._fingers = self._fingers or self._page.context.new_cdp_session(self._page)
        self._fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    def hide(self):
        """Puts the page into the background. Headless Chromium shows every page in a window of its own, so the page
        is told what a hidden one sees: its state, the event, and that a picture without a viewer is paused."""
        self.evaluate("""(() => {
          Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });
          Object.defineProperty(document, 'visibilityState', { get: () => 'hidden', configurable: true });
          document.dispatchEvent(new Event('visibilitychange'));
          document.querySelector('video').pause();
        })()""")

    def show(self):
        """Brings the page back."""
        self.evaluate("""(() => {
          delete document.hidden;
          delete document.visibilityState;
          document.querySelector('video').play();
          document.dispatchEvent(new Event('visibilitychange'));
        })()""")

    def screenshot(self, path):
        self._page.screenshot(path=str(path))

    def close(self):
        if self._owns:
            self._browser.close()
            self._playwright.stop()
        elif self._page:
            self._page.close()


class FirefoxProgram:
    """Debian's Firefox, headless, driven by WebDriver BiDi: one for all windows, for it takes seconds to start."""

    preferences = {
        "media.autoplay.default": 0,
        "media.autoplay.blocking_policy": 0,
        "datareporting.policy.dataSubmissionEnabled": False,
        "app.update.enabled": False,
        "browser.shell.checkDefaultBrowser": False,
        "network.captive-portal-service.enabled": False,
        "network.connectivity-service.enabled": False,
        "media.gmp-manager.updateEnabled": False,
        "remote.active-protocols": 1,
    }
    _running = None

    @classmethod
    def running(cls):
        """The one that runs; another where it has died."""
        if cls._running is None or cls._running._process.poll() is not None:
            cls._running = cls()
            atexit.register(cls._running.stop)
        return cls._running

    def __init__(self):
        self._profile = tempfile.mkdtemp(prefix="firefox-")
        with open(os.path.join(self._profile, "user.js"), "w") as file:
            for name, value in self.preferences.items():
                file.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
        self._process = subprocess.Popen(
            [shutil.which("firefox-esr"), "--headless", "--no-remote", "--profile", self._profile,
             "--remote-debugging-port=0"],
            env=dict(os.environ, HOME=self._profile, MOZ_DISABLE_CONTENT_SANDBOX="1"),
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        )
        address = self._await_address()
        threading.Thread(target=self._process.stderr.read, daemon=True).start()
        self._socket = connect(address + "/session", max_size=None, open_timeout=30)
        self._count = 0
        self.listeners = {}
        self.call("session.new", {"capabilities": {}})
        self.call("session.subscribe", {"events": ["log.entryAdded"]})

    def _await_address(self):
        for line in self._process.stderr:
            if "WebDriver BiDi listening on" in line:
                return line.split("listening on")[1].strip()
        raise AssertionError("Firefox did not start")

    def call(self, method, parameters):
        """Sends a command and returns its result; what pages say meanwhile goes to the listener of their tab."""
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while True:
            try:
                answer = json.loads(self._socket.recv(timeout=60))
            except TimeoutError:
                self._process.kill()  # the next test has another one
                raise
            if answer.get("method") == "log.entryAdded":
                self._heard(answer["params"])
            if answer.get("id") == self._count:
                assert answer.get("type") != "error", answer
                return answer["result"]

    def _heard(self, entry):
        listener = self.listeners.get(entry["source"].get("context"))
        if listener:
            listener(entry)

    def stop(self):
        self._socket.close()
        self._process.terminate()
        self._process.wait(20)
        shutil.rmtree(self._profile, ignore_errors=True)


class Firefox:
    """A tab of Firefox with cookies and a store of its own."""

    name = "firefox"

    def __init__(self):
        self._program = FirefoxProgram.running()
        self._call = self._program.call
        self._user = self._call("browser.createUserContext", {})["userContext"]
        self._context = self._open_tab()
        self._program.listeners[self._context] = self._heard
        self.messages = []

    def _open_tab(self):
        return self._call("browsingContext.create", {"type": "tab", "userContext": self._user})["context"]

    def _heard(self, entry):
        self.messages.append(entry["text"] or "")
        if entry["level"] == "error":
            complain(self.name, entry["text"] or entry["type"])

    def open(self, url, width=1280, height=800):
        self._call(
            "browsingContext.setViewport",
            {"context": self._context, "viewport": {"width": width, "height": height}},
        )
        self._call("browsingContext.navigate", {"context": self._context, "url": url, "wait": "interactive"})

    def evaluate(self, expression):
        wrapped = f"(async () => JSON.stringify(await ({expression})) ?? 'null')()"
        result = self._call(
            "script.evaluate",
            {"expression": wrapped, "target": {"context": self._context}, "awaitPromise": True},
        )
        assert result["type"] == "success", result
        return json.loads(result["result"]["value"])

    def press(self, key):
        codes = {"ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014", "ArrowDown": "\ue015",
                 "End": "\ue010", "Home": "\ue011", "Escape": "\ue00c"}
        value = codes.get(key, key)
        self._call("input.performActions", {
            "context": self._context,
            "actions": [{"type": "key", "id": "keyboard", "actions": [
                {"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]}],
        })

    def _mouse(self, action):
        self._call("input.performActions", {
            "context": self._context,
            "actions": [{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": [action]}],
        })

    def point(self, x, y):
        """Moves the mouse there, in CSS pixels."""
        self._mouse({"type": "pointerMove", "x": round(x), "y": round(y)})

    def hold(self):
        self._mouse({"type": "pointerDown", "button": 0})

    def release(self):
        self._mouse({"type": "pointerUp", "button": 0})

    def hide(self):
        """Puts the page into the background, behind another tab."""
        self._call("browsingContext.activate", {"context": self._open_tab()})

    def show(self):
        """Brings the page back."""
        self._call("browsingContext.activate", {"context": self._context})

    def screenshot(self, path):
        picture = self._call("browsingContext.captureScreenshot", {"context": self._context})
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture["data"]))

    def close(self):
        self._call("session.status", {})  # what the page has said until now comes before the answer
        del self._program.listeners[self._context]
        self._call("browser.removeUserContext", {"userContext": self._user})
