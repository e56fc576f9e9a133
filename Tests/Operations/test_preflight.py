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

    def up(self, beforehand="true", **settings):
        """Runs `make up`'s script, after shell commands that see mounts of their own where we are root."""
        environment = os.environ | {"MARTLET_DATA": str(self.data), "MARTLET_ANY_SYSTEM": "1"} | settings
        command = ["bash", "-ec", f'{beforehand}\nexec "$0"', UP]
        if beforehand != "true":
            command = ["unshare", "--mount", "--propagation", "private", *command]
        return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
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

    def test_a_udp_port_that_is_in_use_is_named_too(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            self.refused(f"{port} (UDP): python", MARTLET_PORT_BASE=str(port - 191), MARTLET_SFU_REPLICAS="2")

    def put_program(self, name, text):
        """Puts a program before all others; returns the PATH with it."""
        file = self.folder / "programs" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("#!/bin/sh\n" + text)
        file.chmod(0o755)
        return f"{file.parent}:{os.environ['PATH']}"

    def test_a_swift_that_is_too_old_is_refused_before_anything_is_installed(self):
        path = self.put_program("swift", "echo 'Swift version 6.1.2 (swift-6.1.2-RELEASE)'\n")
        self.refused("Swift 6.1 is too old", "swift.org", PATH=path, MARTLET_PORT_BASE="30000")

    def test_a_swift_that_is_too_old_and_does_not_run_yet_is_refused_too(self):
        path = self.put_program("swift", "exit 127\n")
        self.put_program("swift-frontend", "# Swift version 5.10\n")
        self.refused("Swift 5.10 is too old", PATH=path, MARTLET_PORT_BASE="30000")

    def test_a_port_base_that_is_none_is_refused(self):
        for base in ("80", "70000", "abc"):
            self.refused("not a number from 1024 to 64000", MARTLET_PORT_BASE=base)

    if os.getuid() == 0:  # nobody else gives the data to another user

        def test_data_that_its_user_could_not_reach_is_refused(self):
            self.folder.chmod(0o700)
            self.refused("cannot enter", "MARTLET_DATA", MARTLET_PORT_BASE="30000")

        def test_a_disk_that_is_full_is_refused(self):
            self.refused("MB free; 1000 MB are needed", "MARTLET_DATA", MARTLET_PORT_BASE="30000",
                         beforehand=f"mount -t tmpfs -o size=16m,mode=755 tmpfs {self.folder}")

        def test_a_disk_without_room_for_the_packages_is_refused(self):
            path = self.put_program("dpkg-query", "exit 1\n")
            self.refused("The disk of /var/cache/apt has 16 MB free; 2500 MB are needed", PATH=path,
                         MARTLET_PORT_BASE="30000",
                         beforehand="mount -t tmpfs -o size=16m,mode=755 tmpfs /var/cache/apt")

        def test_a_machine_without_swift_is_told_where_to_get_it(self):
            hidden = [folder for folder in ("/opt/swift", "/usr/local/swift") if os.path.isdir(folder)]
            mounts = "\n".join(f"mount -t tmpfs -o size=1m tmpfs {folder}" for folder in hidden)
            self.refused("There is no Swift toolchain", "swift.org", PATH="/usr/sbin:/usr/bin:/sbin:/bin",
                         MARTLET_PORT_BASE="30000", beforehand=mounts or ":")


if __name__ == "__main__":
    unittest.main()
