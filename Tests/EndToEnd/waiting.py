"""Waiting for something to become true, bounded, without guessing how long it takes."""
import threading
import time

_never = threading.Event()


def pause(seconds):
    """Lets `seconds` pass between two looks at something; never used to wait for an effect."""
    _never.wait(seconds)


def wait_until(description, condition, timeout=20.0, interval=0.05):
    """Calls `condition` until it returns something true, and returns that.

    Raises AssertionError with `description`, the last value and the last error after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (OSError, ValueError, KeyError, LookupError, AssertionError) as error:
            last = error
        if time.monotonic() >= deadline:
            raise AssertionError(f"{description}: not within {timeout} s; last seen: {last!r}")
        pause(interval)
