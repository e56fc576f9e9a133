"""What `make up` says before it starts anything."""
import os
import pathlib
import socket
import subprocess
import tempfile
import unittest

UP = pathlib.Path(__file__).resolve().parents[2] / "scripts/up"


class PreflightTests(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)
        self.folder.chmod(0o755)
        self.data = self.folder / "data"

    def tearDown(self):
        self.temporary.cleanup()

    def up(self, **settings):
        environment = os.environ | {"MARTLET_DATA": str(self.data), "MARTLET_ANY_SYSTEM": "1"} | settings
        return subprocess.run([UP], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)

    def refused(self, *words, **settings):
        done = self.up(**settings)
        self.assertEqual(done.returncode, 1, done.stdout)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertFalse(self.data.exists())

    def test_a_port_that_is_in_use_is_named_with_its_owner(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            base = port - 935
            self.refused(f"{port}: python", f"process {os.getpid()}", "MARTLET_PORT_BASE", MARTLET_PORT_BASE=str(base))

    def test_a_port_base_that_is_none_is_refused(self):
        for base in ("80", "70000", "abc"):
            self.refused("not a number from 1024 to 64000", MARTLET_PORT_BASE=base)

    if os.getuid() == 0:  # nobody else gives the data to another user

        def test_data_that_its_user_could_not_reach_is_refused(self):
            self.folder.chmod(0o700)
            self.refused("cannot enter", "MARTLET_DATA", MARTLET_PORT_BASE="30000")


if __name__ == "__main__":
    unittest.main()
