#!/usr/bin/env python3
"""A web server on loopback that misbehaves as its paths say; Python's standard library alone.

    bad_server.py SIZE [CERTIFICATE KEY]

prints "PORT" and serves until its standard input ends. Every path is /WAY/NAME: NAME is any name, and WAY one of those
below. The file is SIZE bytes, byte i being (7 i + i // 251) % 256 (`content`). /log gives the requests so far as JSON,
[{"path", "range", "if_range"}], and empties the list."""

import http.server
import json
import ssl
import sys
import threading

TAG = '"one"'
PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>\n"


def content(size):
    return bytes((7 * i + i // 251) % 256 for i in range(size))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def log_message(self, *_):
        pass

    # ---- pieces of answers

    def head(self, code, length=None, **headers):
        self.send_response(code)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def put(self, data):
        try:
            self.wfile.write(data)
            self.wfile.flush()
            return True
        except OSError:
            return False

    def asked_from(self, tag):
        """Where the client wants to go on, if its file is still this one."""
        wanted, same = self.headers.get("Range", ""), self.headers.get("If-Range")
        if not wanted.startswith("bytes=") or (same is not None and same != tag):
            return 0
        return int(wanted[6:].split("-")[0])

    def serve(self, data=None, tag=TAG, stop=None):
        """The file, or what is left of it; at most `stop` bytes of it, after which the connection ends."""
        data = self.server.content if data is None else data
        start = self.asked_from(tag)
        if start >= len(data):
            return self.head(416, 0, Content_Range=f"bytes */{len(data)}")
        headers = {"ETag": tag, "Accept_Ranges": "bytes"}
        if start:
            headers["Content_Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.head(206 if start else 200, len(data) - start, **headers)
        self.put(data[start:] if stop is None else data[start:start + stop])

    def once(self, key):
        """True the first time."""
        with self.server.lock:
            seen = key in self.server.seen
            self.server.seen.add(key)
            return not seen

    # ---- the ways

    def way_good(self):
        self.serve()

    def way_cut(self):
        """Each connection ends after 40,000 bytes."""
        self.serve(stop=40000)

    def way_dead(self):
        """Half of it once, then nothing."""
        if self.once("dead " + self.path):
            return self.serve(stop=len(self.server.content) // 2)
        self.head(200, len(self.server.content), ETag=TAG) if not self.asked_from(TAG) else self.head(
            206, len(self.server.content) - self.asked_from(TAG), ETag=TAG,
            Content_Range=f"bytes {self.asked_from(TAG)}-{len(self.server.content) - 1}/{len(self.server.content)}")

    def way_wrong(self):
        self.serve(bytes(len(self.server.content)))

    def way_login(self):
        self.head(200, len(PAGE), Content_Type="text/html")
        self.put(PAGE)

    def way_page(self):
        """A page as large as the file."""
        self.serve((PAGE * (len(self.server.content) // len(PAGE) + 1))[:len(self.server.content)])

    def way_changed(self):
        """Half of an old file once; from then on the right one, under another tag."""
        if self.once("changed " + self.path):
            return self.serve(bytes(len(self.server.content)), tag='"old"', stop=len(self.server.content) // 2)
        self.serve()

    def way_noranges(self):
        if self.once("noranges " + self.path):
            return self.serve(stop=30000)
        self.head(200, len(self.server.content), ETag=TAG)
        self.put(self.server.content)

    def way_badrange(self):
        """Another piece than was asked for, once."""
        if self.once("badrange " + self.path):
            return self.serve(stop=30000)
        if self.headers.get("Range") and self.once("badrange again " + self.path):
            total = len(self.server.content)
            self.head(206, total - 10, ETag=TAG, Content_Range=f"bytes 10-{total - 1}/{total}")
            return self.put(self.server.content[10:])
        self.serve()

    def way_notag(self):
        """No tag at all; half once, then all."""
        self.head(200, len(self.server.content))
        half = self.once("notag " + self.path)
        self.put(self.server.content[:len(self.server.content) // 2] if half else self.server.content)

    def way_loop(self):
        self.head(302, 0, Location=self.path)

    def way_hop3(self):
        self.head(302, 0, Location=self.path.replace("/hop3/", "/hop2/"))

    def way_hop2(self):
        self.head(307, 0, Location=self.path.replace("/hop2/", "/hop1/"))

    def way_hop1(self):
        self.head(301, 0, Location=self.path.replace("/hop1/", "/good/"))

    def way_tofile(self):
        self.head(302, 0, Location="file:///etc/passwd")

    def way_toftp(self):
        self.head(302, 0, Location="ftp://example.com/file")

    def way_tolink(self):
        self.head(302, 0, Location="http://169.254.169.254/latest/meta-data")

    def way_toloopback(self):
        self.head(302, 0, Location=f"http://127.0.0.2:{self.server.server_port}/good/file")

    def way_tolocalhost(self):
        self.head(302, 0, Location=f"http://localhost:{self.server.server_port}/good/file")

    def way_tootherport(self):
        self.head(302, 0, Location="http://127.0.0.1:9/good/file")

    def way_tohttp(self):
        self.head(302, 0, Location=f"http://127.0.0.1:{self.server.server_port}/good/file")

    def way_slow(self):
        """A byte a second."""
        self.head(200, len(self.server.content), ETag=TAG)
        for i in range(60):
            if not self.put(self.server.content[i:i + 1]) or self.server.ended.wait(1):
                return

    def way_stall(self):
        """The first time it stops in the middle without ending."""
        if self.once("stall " + self.path):
            self.serve(stop=50000)
            self.close_connection = False
            self.server.ended.wait(60)
            self.close_connection = True
            return
        self.serve()

    def way_huge(self):
        """10 TB, it says."""
        self.head(200, 10 * 10**12, ETag=TAG)
        self.put(self.server.content)

    def way_hugetotal(self):
        """The same, where it resumes."""
        if self.once("hugetotal " + self.path):
            return self.serve(stop=30000)
        start = self.asked_from(TAG)
        self.head(206, 10**13 - start, ETag=TAG, Content_Range=f"bytes {start}-{10**13 - 1}/{10**13}")
        self.put(self.server.content[start:])

    def way_endless(self):
        """No length, and no end."""
        self.head(200, None, ETag=TAG)
        while self.put(bytes(65536)):
            pass

    def way_nolength(self):
        self.head(200, None, ETag=TAG)
        self.put(self.server.content)

    def way_short(self):
        """A file that is too small, whole."""
        self.serve(self.server.content[:1000])

    def way_empty(self):
        self.head(200, 0)

    def way_busy(self):
        if self.once("busy " + self.path):
            return self.head(429, 0, Retry_After="20")
        self.serve()

    def way_away(self):
        if self.once("away " + self.path):
            return self.head(503, 0)
        self.serve()

    def way_longbusy(self):
        self.head(503, 0, Retry_After="86400")

    def way_down(self):
        self.head(500, len(PAGE))
        self.put(PAGE)

    def way_gone(self):
        self.head(404, len(PAGE), Content_Type="text/html")
        self.put(PAGE)

    def way_junk(self):
        """Not HTTP at all."""
        self.put(b"\x00\xff" * 500)
        self.close_connection = True

    def way_headers(self):
        """Headers without end."""
        self.put(b"HTTP/1.1 200 OK\r\n")
        while self.put(b"X-More: " + b"a" * 4000 + b"\r\n"):
            pass
        self.close_connection = True

    def do_GET(self):
        if self.path == "/log":
            with self.server.lock:
                text = json.dumps(self.server.requests).encode()
                self.server.requests.clear()
            self.head(200, len(text))
            return self.put(text)
        with self.server.lock:
            self.server.requests.append({"path": self.path, "range": self.headers.get("Range"),
                                         "if_range": self.headers.get("If-Range")})
        way = getattr(self, "way_" + self.path.split("/")[1], None)
        if way:
            way()
        else:
            self.head(404, 0)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, size, certificate=None, key=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content(size)
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.requests, self.seen = [], set()
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate, key)
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def handle_error(self, *_):
        pass

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.shutdown()
        self.server_close()


def main():
    with Server(int(sys.argv[1]), *sys.argv[2:4]) as server:
        print(server.server_port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
