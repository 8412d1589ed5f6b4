"""A server of `graft serve` for tests, and clients of it that send just the bytes they are told to."""

import contextlib
import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import tempfile
import time

import pictures
from graft_cli import CommandTest

SLOW = 5 if os.environ.get("GRAFT_TEST_SLOW") else 1


class Server:
    """`graft serve RUN --listen 127.0.0.1:0 ARGUMENTS`, from its address on until it is ended."""

    def __init__(self, binary, cwd, *arguments, listen="127.0.0.1:0", descriptors=None):
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors,) * 2)) if descriptors else None
        self.err = tempfile.TemporaryFile()
        self.process = subprocess.Popen([binary, "serve", *arguments, "--listen", listen], cwd=cwd, stdout=subprocess.PIPE,
                                        stderr=self.err, preexec_fn=limit)
        self.address = self.process.stdout.readline().decode().strip()
        match = re.fullmatch(r"http://127\.0\.0\.1:(\d+)", self.address)
        self.port = int(match[1]) if match else 0
        self.where = self.address[5:] if self.address.startswith("unix:") else ("127.0.0.1", self.port)

    def said(self):
        self.err.seek(0)
        return self.err.read().decode()

    def rss(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+) kB", f.read())[1]) << 10

    def end(self, number=signal.SIGTERM, timeout=60):
        self.process.send_signal(number)
        status = self.process.wait(timeout)
        self.process.stdout.close()
        return status

    def connect(self, refused=None):
        """A connection; with a list `refused` None, and one more in the list, where there is nobody who listens."""
        s = socket.socket(socket.AF_UNIX if isinstance(self.where, str) else socket.AF_INET)
        s.settimeout(30)
        try:
            s.connect(self.where)
        except OSError:
            s.close()
            if refused is None:
                raise
            refused.append(self.where)
            return None
        return s

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, body) of one request on a connection of its own."""
        c = http.client.HTTPConnection("127.0.0.1", self.port or 80, timeout=60)
        c.sock = self.connect()
        try:
            c.request(method, path, body, headers or {})
            answer = c.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            c.close()

    def document(self, method, path, body=None, headers=None):
        status, _, text = self.ask(method, path, body, headers)
        return status, json.loads(text)

    def raw(self, data, wait=10):
        """Everything that comes back for these bytes until the server closes, or for `wait` seconds."""
        with contextlib.closing(self.connect()) as s:
            s.settimeout(wait)
            got = b""
            try:
                s.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass
            try:
                while block := s.recv(1 << 16):
                    got += block
            except (socket.timeout, ConnectionResetError):
                pass
            return got

    def metric(self, name):
        text = self.ask("GET", "/metrics")[2].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(re.escape(name) + r"[ {]", line))


def form(parts, boundary="xyz"):
    """A body of multipart/form-data of (name, filename, bytes)."""
    body = b""
    for name, filename, data in parts:
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'.encode()
        body += data + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


class ServeTest(CommandTest):
    """One run for all tests of a class; one server with default options."""

    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="graft-serve-")
        cls.addClassCleanup(holder.cleanup)
        cls.shared = holder.name
        data = pictures.data_set(f"{cls.shared}/data", train=6, validation=6)
        subprocess.run([cls.binary, "train", data, "--size", "96", "--alpha", "0.35", "--epochs", "1", "--no-report", "--out",
                        "run"], cwd=cls.shared, check=True, capture_output=True, timeout=300)
        cls.paths = [f"{data}/validation/{name}/00{i}.png" for name in ("dark", "bright") for i in range(6)]
        cls.images = []
        for path in cls.paths:
            with open(path, "rb") as f:
                cls.images.append(f.read())
        told = subprocess.run([cls.binary, "predict", "run", *cls.paths, "--top", "2", "--json"], cwd=cls.shared, check=True,
                              capture_output=True, timeout=300)
        cls.wanted = [(p["label"], p["probability"], p["top"]) for p in json.loads(told.stdout)["predictions"]]

    def serve(self, *arguments, **more):
        server = Server(self.binary, self.shared, "run", *arguments, **more)
        self.addCleanup(self.stop, server)
        self.assertTrue(server.address, server.said())
        return server

    def stop(self, server):
        if server.process.poll() is None:
            self.assertEqual(server.end(), 0, server.said())
        server.process.stdout.close()
        server.err.close()

    def assert_right(self, i, got):
        self.assertEqual((got["label"], got["probability"], got["top"]), self.wanted[i])

    def assert_serves(self, server):
        status, got = server.document("POST", "/predict", self.images[0])
        self.assertEqual(status, 200, got)
        self.assert_right(0, got)


def until(true, seconds=10):
    """Waits for it."""
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False
