#!/usr/bin/env python3
"""Thousands of slow connections to `graft serve` (half a header, half a body, nothing), and a good client among them: its times,
the server's memory and its processor's time with and without. slow_clients.py COMMAND [CONNECTIONS]"""

import http.client
import os
import resource
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))
import pictures  # noqa: E402
from serving import Server  # noqa: E402

KINDS = [b"POST /predict HTTP/1.1\r\nHost: localhost\r\nX: ",
         b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n" + bytes(2000), b""]
MOST_MEMORY = 40 << 20


def times(server, image, n=400):
    """(median, 99th percentile) in ms of n requests, one after the other."""
    c, took = http.client.HTTPConnection("127.0.0.1", server.port), []
    for _ in range(n):
        begun = time.perf_counter()
        c.request("POST", "/predict", image)
        answer = c.getresponse()
        answer.read()
        assert answer.status == 200
        took.append(1e3 * (time.perf_counter() - begun))
    c.close()
    took.sort()
    return took[n // 2], took[n * 99 // 100]


def processor_seconds(server):
    with open(f"/proc/{server.process.pid}/stat") as f:
        return sum(map(int, f.read().split()[13:15])) / os.sysconf("SC_CLK_TCK")


def main():
    graft, n = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 9900
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory(prefix="graft-slow-") as folder:
        data = pictures.data_set(f"{folder}/data", train=4, validation=2)
        subprocess.run([graft, "train", data, "--size", "96", "--alpha", "0.35", "--epochs", "1", "--no-report", "--out", "run"],
                       cwd=folder, check=True, capture_output=True)
        image = pictures.picture(0, 1)
        server = Server(graft, folder, "run", "--head-seconds", "100", "--body-seconds", "100", "--idle-seconds", "100")
        times(server, image, 100)
        alone, memory = times(server, image), server.rss()
        slow = []
        for i in range(n):
            slow.append(server.connect())
            slow[-1].sendall(KINDS[i % len(KINDS)])
        time.sleep(1)
        grown, before = server.rss() - memory, processor_seconds(server)
        time.sleep(3)
        share = (processor_seconds(server) - before) / 3
        beside, there = times(server, image), server.metric("graft_connections")
        for s in slow:
            s.close()
        status = server.end()
    print(f"{n} slow connections: p50 {alone[0]:.2f} -> {beside[0]:.2f} ms, p99 {alone[1]:.2f} -> {beside[1]:.2f} ms, "
          f"memory + {grown / (1 << 20):.1f} MiB, {100 * share:.1f} % of a processor")
    good = there >= n and grown < MOST_MEMORY and beside[1] <= 2 * alone[1] + 5 and status == 0
    sys.exit(0 if good else 1)


main()
