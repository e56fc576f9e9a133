"""A stack that lives as long as a benchmark, also where that is ended by a signal."""
import contextlib
import pathlib
import shutil
import signal
import sys
import tempfile

from conftest import free_port_base
from stack import Stack


@contextlib.contextmanager
def bench_stack(settings):
    """Yields the stack and the first of its ports; in the end nothing of it runs and its data are gone."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="martlet-bench-"))
    folder.chmod(0o755)  # the services run as another user than root
    base = free_port_base()
    stack = Stack(folder / "data", base, settings)
    try:
        stack.up()
        stack.wait_until_ready()
        yield stack, base
    finally:
        stack.down()
        shutil.rmtree(folder, ignore_errors=True)
