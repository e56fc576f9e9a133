"""A person's hand on a page: a mouse and a finger that go where something is shown."""
from waiting import wait_until

BOX = """(() => {
  const element = document.querySelector(SELECTOR);
  if (!element) return null;
  const {x, y, width, height} = element.getBoundingClientRect();
  const over = document.elementFromPoint(x + width / 2, y + height / 2);
  return {x, y, width, height, isReached: over !== null && (element.contains(over) || over.contains(element))};
})()"""


class Hand:
    """Uses what a page shows, by the events that the browser itself makes of a mouse or a finger."""

    def __init__(self, browser):
        self.browser = browser

    def box(self, selector):
        return self.browser.evaluate(BOX.replace("SELECTOR", repr(selector)))

    def place(self, selector, across=0.5, down=0.5):
        """A point of an element that is shown, as shares of its width and height."""
        box = self.box(selector)
        return box["x"] + box["width"] * across, box["y"] + box["height"] * down

    def reach(self, selector):
        """Moves the mouse, which brings the controls, until it is on the element and nothing covers that."""

        def reached():
            self.browser.point(*self.place("m-player video", 0.4, 0.4))
            self.browser.point(*self.place(selector))
            box = self.box(selector)
            return box["width"] > 0 and box["isReached"]

        wait_until(f"{selector} is within reach", reached)

    def click(self, selector):
        self.reach(selector)
        self.browser.hold()
        self.browser.release()

    def drag(self, selector, start, end, while_held=lambda: None):
        """Drags along an element, from one share of its width to another."""
        self.reach(selector)
        self.browser.point(*self.place(selector, start))
        self.browser.hold()
        for step in range(1, 6):
            self.browser.point(*self.place(selector, start + (end - start) * step / 5))
        while_held()
        self.browser.release()

    def tap(self, selector, across=0.5, down=0.5):
        place = self.place(selector, across, down)
        self.browser.touch("touchStart", place)
        self.browser.touch("touchEnd")

    def tap_twice(self, selector, across=0.5, down=0.5):
        for _ in range(2):
            self.tap(selector, across, down)

    def swipe(self, selector, start, end):
        """Drags a finger along an element."""
        self.browser.touch("touchStart", self.place(selector, start))
        for step in range(1, 6):
            self.browser.touch("touchMove", self.place(selector, start + (end - start) * step / 5))
        self.browser.touch("touchEnd")
