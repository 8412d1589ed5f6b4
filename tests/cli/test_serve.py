"""`graft serve`: answers as `graft predict` gives them, to the bit; what a client may get wrong, or mean badly; limits; the end.
Over loopback alone."""

import base64
import http.client
import json
import os
import shutil
import signal
import socket
import struct
import threading
import time

import pictures
from graft_cli import main
from serving import SLOW, Server, ServeTest, form, until

POST = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"
GET = b"GET /healthz HTTP/1.1\r\n"

# What two programs could read in two ways, and what HTTP/1.1 has not: bytes, status. The connection is closed after each.
ODD = [
    ("two lengths that differ", POST + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", 400),
    ("two lengths that agree", POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    ("length, then chunks", POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("chunks, then length", POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
    ("length +3", POST + b"Content-Length: +3\r\n\r\nabc", 400),
    ("length -3", POST + b"Content-Length: -3\r\n\r\nabc", 400),
    ("length 0x3", POST + b"Content-Length: 0x3\r\n\r\nabc", 400),
    ("length 3,3", POST + b"Content-Length: 3,3\r\n\r\nabc", 400),
    ("length of nothing", POST + b"Content-Length:\r\n\r\n", 400),
    ("length above 64 bits", POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    ("length above the limit", POST + b"Content-Length: 10485761\r\n\r\n", 413),
    ("a folded header", GET + b"Host: localhost\r\nX: a\r\n b\r\n\r\n", 400),
    ("bare line feeds", b"GET /healthz HTTP/1.1\nHost: localhost\n\n", 400),
    ("a bare carriage return", GET + b"Host: localhost\r\nX: a\rb\r\n\r\n", 400),
    ("space before a colon", GET + b"Host : localhost\r\n\r\n", 400),
    ("a header without a name", GET + b"Host: localhost\r\n: x\r\n\r\n", 400),
    ("a NUL in a value", GET + b"Host: localhost\r\nX: a\0b\r\n\r\n", 400),
    ("a NUL in a name", GET + b"Host: localhost\r\nX\0: a\r\n\r\n", 400),
    ("a NUL in the target", b"GET /health\0z HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("another coding", POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    ("a coding that ends so", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    ("identity", POST + b"Transfer-Encoding: identity\r\n\r\n", 501),
    ("chunked twice", POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("chunks in HTTP/1.0", b"POST /predict HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("a chunk size with a sign", POST + b"Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n", 400),
    ("a chunk size with 0x", POST + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", 400),
    ("a chunk size above 64 bits", POST + b"Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", 400),
    ("a chunk that is longer than it says", POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", 400),
    ("a chunk size and a line feed", POST + b"Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", 400),
    ("no host", GET + b"\r\n", 400),
    ("two hosts", GET + b"Host: localhost\r\nHost: localhost\r\n\r\n", 400),
    ("HTTP/0.9", b"GET /healthz\r\n\r\n", 505),
    ("HTTP/2.0", b"GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
    ("HTTP/1.2", b"GET /healthz HTTP/1.2\r\nHost: localhost\r\n\r\n", 400),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ("an absolute target", b"GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("a target of nothing", b"GET  HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("a proxy's request", b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("no method", b"PREDICT / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("a method in small letters", b"get /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), 400),
    ("codes that are none", b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("the code of a NUL", b"GET /healthz%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("another expectation", POST + b"Expect: 200-ok\r\nContent-Length: 1\r\n\r\na", 417),
    ("a long target", b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    ("a header of 1 MB", GET + b"Host: localhost\r\nX: " + b"a" * 1000000 + b"\r\n\r\n", 431),
    ("10,000 headers", GET + b"Host: localhost\r\n" + b"X: a\r\n" * 10000 + b"\r\n", 431),
    ("101 headers", GET + b"Host: localhost\r\n" + b"X: a\r\n" * 100 + b"\r\n", 431),
    ("a name without end", GET + b"X" * 100000, 431),
    ("trailers without end", POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: a\r\n" * 10000, 431),
    ("a chunk extension without end", POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 100000, 431),
    ("a path that goes up", b"GET /../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    ("the same in codes", b"GET /%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    ("a method that is not the path's", b"DELETE /predict HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    ("another host", b"GET /labels HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
    ("a host that begins as this one", b"GET /labels HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 421),
]


def answer_of(raw):
    """(status, document) of the bytes of one answer."""
    head, _, body = raw.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), json.loads(body)


class Answers(ServeTest):
    def test_answers_are_those_of_predict(self):
        server = self.serve()
        for i, image in enumerate(self.images):
            status, got = server.document("POST", "/predict", image, {"Content-Type": "image/png"})
            self.assertEqual((status, got["model"]), (200, "run"))
            self.assert_right(i, got)
        text = base64.b64encode(self.images[1]).decode()
        json_type = {"Content-Type": "application/json"}
        self.assert_right(1, server.document("POST", "/predict/run", json.dumps({"image": text}), json_type)[1])
        many = json.dumps({"images": [base64.b64encode(image).decode() for image in self.images]})
        got = server.document("POST", "/predict", many, json_type)[1]["predictions"]
        parts = form([("image", f"{i}.png", image) for i, image in enumerate(self.images)])
        more = server.document("POST", "/predict", parts, {"Content-Type": "multipart/form-data; boundary=xyz"})[1]["predictions"]
        self.assertEqual([p["name"] for p in more], [f"{i}.png" for i in range(len(self.images))])
        for i in range(len(self.images)):
            self.assert_right(i, got[i])
            self.assert_right(i, more[i])
        self.assertEqual(len(server.document("POST", "/predict?top=1", self.images[0])[1]["top"]), 1)

    def test_features(self):
        server = self.serve()
        got = server.document("POST", "/embed", self.images[0])[1]["embedding"]
        status, headers, npy = server.ask("POST", "/embed", form([("a", "a", i) for i in self.images[:3]]), {
            "Content-Type": 'multipart/form-data; boundary="xyz"', "Accept": "application/x-npy"})
        self.assertEqual((status, headers["Content-Type"], npy[:8]), (200, "application/x-npy", b"\x93NUMPY\x01\x00"))
        (n,) = struct.unpack("<H", npy[8:10])
        self.assertEqual((10 + n) % 64, 0)
        self.assertIn(b"'shape': (3, 1280)", npy[10:10 + n])
        values = struct.unpack(f"<{3 * 1280}f", npy[10 + n:])
        self.assertEqual([struct.unpack("f", struct.pack("f", v))[0] for v in got], list(values[:1280]))

    def test_other_servers_words(self):
        """TensorFlow Serving, the Open Inference Protocol, Hugging Face: the same numbers in each."""
        server = self.serve()
        kind = {"Content-Type": "application/json"}
        texts = [base64.b64encode(image).decode() for image in self.images[:3]]
        wanted = [{t["label"]: t["probability"] for t in top} for _, _, top in self.wanted[:3]]
        wanted = [[w["bright"], w["dark"]] for w in wanted]
        version = server.document("GET", "/labels")[1]["models"][0]["version"]

        got = server.document("POST", "/v1/models/run:predict", json.dumps({"instances": [{"b64": t} for t in texts]}), kind)
        self.assertEqual(got, (200, {"predictions": wanted}))
        status = server.document("GET", "/v1/models/run")[1]["model_version_status"]
        self.assertEqual([(s["version"], s["state"]) for s in status], [(version, "AVAILABLE")])

        self.assertEqual(server.document("GET", "/v2")[1]["name"], "graft")
        for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/run/ready", f"/v2/models/run/versions/{version}/ready"):
            self.assertEqual(server.document("GET", path)[0], 200)
        for path in ("/v2/models/run/versions/1/ready", "/v2/models/none", "/v2/models/none/ready", "/v1/models/none"):
            self.assertEqual(server.document("GET", path)[0], 404)
        told = server.document("GET", f"/v2/models/run/versions/{version}")[1]
        self.assertEqual([(o["name"], o["shape"]) for o in told["outputs"]],
                         [("probabilities", [-1, 2]), ("logits", [-1, 1]), ("embedding", [-1, 1280])])
        files = {"name": "image", "datatype": "BYTES", "shape": [3], "data": texts, "parameters": {"content_type": "base64"}}
        got = server.document("POST", "/v2/models/run/infer", json.dumps({"id": "seven", "inputs": [files]}), kind)[1]
        self.assertEqual((got["id"], got["model_name"], got["model_version"]), ("seven", "run", version))
        self.assertEqual(got["outputs"], [{"name": "probabilities", "datatype": "FP32", "shape": [3, 2], "data": sum(wanted, [])}])
        ask = [{"name": "embedding"}, {"name": "probabilities", "parameters": {"classification": 1}}, {"name": "logits"}]
        got = server.document("POST", f"/v2/models/run/versions/{version}/infer", json.dumps({"inputs": [files], "outputs": ask}), kind)[1]
        self.assertEqual([(o["name"], o["shape"], len(o["data"])) for o in got["outputs"]],
                         [("embedding", [3, 1280], 3840), ("probabilities", [3, 1], 3), ("logits", [3, 1], 3)])
        embedding = server.document("POST", "/embed", self.images[2])[1]["embedding"]
        self.assertEqual(got["outputs"][0]["data"][2560:], embedding)
        for text, (label, probability, _) in zip(got["outputs"][1]["data"], self.wanted):
            p, number, name = text.split(":")
            self.assertEqual((float(p), name, number), (probability, label, "0" if label == "bright" else "1"))

        pixels = {"name": "x", "datatype": "UINT8", "shape": [2, 40, 30, 3]}
        rows = [[[[(7 * x + y + 99 * n) % 256] * 3 for x in range(30)] for y in range(40)] for n in range(2)]
        flat = [v for image in rows for row in image for pixel in row for v in pixel]
        got = [server.document("POST", "/v2/models/run/infer", json.dumps({"inputs": [{**pixels, "data": data}]}), kind)[1]["outputs"]
               for data in (rows, flat)]
        self.assertEqual(got[0], got[1])
        files = [pictures.png(30, 40, [bytes(v for pixel in row for v in pixel) for row in image]) for image in rows]
        same = [server.document("POST", "/predict", file)[1]["top"] for file in files]
        self.assertEqual(got[0][0]["data"], [p for top in same for p in (lambda d: [d["bright"], d["dark"]])(
            {t["label"]: t["probability"] for t in top})])

        got = server.document("POST", "/", self.images[0], {"Content-Type": "image/png"})
        self.assertEqual(got, (200, [{"label": t["label"], "score": t["probability"]} for t in self.wanted[0][2]]))

    def test_a_bad_image_fails_alone(self):
        server = self.serve()
        parts = form([("a", "a.png", self.images[0]), ("b", '<script>.png', b"no image"), ("c", "c.png", self.images[1][:200]),
                      ("d", "d.png", self.images[2])])
        got = server.document("POST", "/predict", parts, {"Content-Type": "multipart/form-data; boundary=xyz"})[1]["predictions"]
        self.assert_right(0, got[0])
        self.assert_right(2, got[3])
        self.assertEqual((got[1]["error"]["code"], got[1]["error"]["status"], got[1]["name"]), ("E1202", 415, "<script>.png"))
        self.assertEqual(got[2]["error"]["status"], 422)

    def test_several_models(self):
        server = Server(self.binary, self.shared, "pets=run", "other=run", "--listen", "127.0.0.1:0")
        self.addCleanup(self.stop, server)
        for name in ("pets", "other"):
            status, got = server.document("POST", f"/predict/{name}", self.images[0])
            self.assertEqual((status, got["model"]), (200, name))
            self.assert_right(0, got)
        self.assertEqual(server.document("POST", "/predict/none", self.images[0])[0], 404)
        got = server.document("GET", "/labels")[1]["models"]
        self.assertEqual([(m["model"], m["labels"], m["width"]) for m in got],
                         [(name, ["bright", "dark"], 96) for name in ("pets", "other")])

    def test_every_route_of_the_document(self):
        server = self.serve()
        told = server.document("GET", "/openapi.json")[1]
        version = server.document("GET", "/labels")[1]["models"][0]["version"]
        self.assertEqual(told["openapi"], "3.1.0")
        self.assertGreaterEqual(len(told["paths"]), 21)
        for path, methods in told["paths"].items():
            for method, operation in methods.items():
                bodies = operation.get("requestBody", {}).get("content", {None: None})
                for kind in bodies:
                    body, headers = None, {}
                    if kind:
                        text = base64.b64encode(self.images[0]).decode()
                        document = {"image": text}
                        if path.startswith("/v1"):
                            document = {"instances": [{"b64": text}]}
                        if path.startswith("/v2"):
                            document = {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [text],
                                                    "parameters": {"content_type": "base64"}}]}
                        body = {"application/json": json.dumps(document),
                                "multipart/form-data": form([("image", "a.png", self.images[0])])}.get(kind, self.images[0])
                        headers = {"Content-Type": kind.replace("*", "png").replace("form-data", "form-data; boundary=xyz")}
                    status, got, _ = server.ask(method.upper(), path.replace("{model}", "run").replace("{version}", version), body, headers)
                    if path == "/admin/reload":
                        self.assertEqual(status, 401)
                        continue
                    self.assertEqual(status, 200, (path, method, kind))
                    self.assertEqual(got["Content-Type"].split(";")[0], next(iter(operation["responses"]["200"]["content"])))
                    self.assertEqual(got["X-Content-Type-Options"], "nosniff")

    def test_requests_behind_each_other(self):
        server = self.serve()
        n = 40
        one = POST + f"Content-Length: {len(self.images[0])}\r\n\r\n".encode() + self.images[0]
        got = server.raw((GET + b"Host: localhost\r\n\r\n" + one) * n + GET + b"Host: localhost\r\nConnection: close\r\n\r\n", 30)
        self.assertEqual(got.count(b"HTTP/1.1 200 OK"), 2 * n + 1)
        self.assertEqual(got.count(b'"label": "%s"' % self.wanted[0][0].encode()), 2 * n)
        self.assertEqual(server.raw(b"\r\n" + GET + b"Host: localhost\r\nConnection: close\r\n\r\n").count(b"200 OK"), 1)
        head = server.raw(b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertTrue(head.endswith(b"\r\n\r\n") and b"Content-Length: 1" in head, head)

    def test_bodies_in_pieces(self):
        server = self.serve()
        image = self.images[3]
        chunks = b"".join(b"%x;name=value\r\n%s\r\n" % (len(image[i:i + 100]), image[i:i + 100]) for i in range(0, len(image), 100))
        got = server.raw(POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nTrailer: x\r\n\r\n")
        self.assert_right(3, answer_of(got)[1])
        with server.connect() as s:
            s.sendall(POST + f"Expect: 100-continue\r\nContent-Length: {len(image)}\r\n\r\n".encode())
            self.assertEqual(s.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
            for i in range(0, len(image), 777):
                s.sendall(image[i:i + 777])
                time.sleep(0.001)
            answer = http.client.HTTPResponse(s)
            answer.begin()
            self.assert_right(3, json.loads(answer.read()))

    def test_many_at_once_have_the_same_bytes(self):  # G13
        server = self.serve()
        wrong, answers = [], []

        def ask(k):
            c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            for i in range(60):
                j = (i * (k + 3)) % len(self.images)
                c.request("POST", "/predict", self.images[j])
                got = json.loads(c.getresponse().read())
                answers.append(j)
                if (got.get("label"), got.get("probability"), got.get("top")) != self.wanted[j]:
                    wrong.append((j, got))
            c.close()

        threads = [threading.Thread(target=ask, args=(k,)) for k in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual((wrong, len(answers)), ([], 480))


class BadInput(ServeTest):
    def test_odd_requests(self):  # G6, G7, P1
        server = self.serve()
        for what, data, wanted in ODD:
            begun = time.monotonic()
            raw = server.raw(data)
            self.assertTrue(raw.startswith(b"HTTP/1.1 "), (what, raw))
            status, document = answer_of(raw)
            self.assertEqual(status, wanted, (what, document))
            self.assertEqual((document["status"], document["code"][0]), (wanted, "E"), what)
            self.assertTrue(document["error"].startswith(document["code"] + ": "), what)
            self.assertEqual(raw.count(b"HTTP/1.1 %d " % wanted), 1, what)
            self.assertLess(time.monotonic() - begun, 5 * SLOW, what)
        self.assertGreaterEqual(len(ODD), 50)
        self.assert_serves(server)
        self.assertEqual(server.raw(GET + b"Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + GET +
                                    b"Host: localhost\r\nConnection: close\r\n\r\n").count(b"200 OK"), 2)

    def test_an_error_has_no_header_of_the_one_before(self):
        server = self.serve()
        status, headers, _ = server.ask("DELETE", "/predict")
        self.assertEqual((status, headers["Allow"]), (405, "POST"))
        raw = server.raw(GET + b"\r\n")
        self.assertEqual((answer_of(raw)[0], raw.count(b"Allow")), (400, 0), raw)

    def test_images(self):  # G2, G3
        server = self.serve()
        bomb = pictures.png(8, 8, [bytes(24)] * 8)
        bomb = bomb[:16] + struct.pack(">II", 30000, 30000) + bomb[24:]
        before = server.rss()
        for data, wanted in ((b"", 422), (b"no image", 415), (self.images[0][:300], 422), (bomb, 422), (bytes(100000), 415)):
            status, document = server.document("POST", "/predict", data)
            self.assertEqual((status, document["status"]), (wanted, wanted), document)
            self.assertRegex(document["code"], r"^E12\d\d$")
        self.assertLess(server.rss() - before, 32 << 20)
        self.assert_serves(server)

    def test_json_and_base64(self):  # G5, P5
        server = self.serve()
        good = base64.b64encode(self.images[0]).decode()
        for body, word in ((b"{", "body:1:"), (b"[" * 1000000, "nested"), (b'{"image": 1e999}', "body:1:"), (b'{"image": -5}', "base64"),
                           (b'{"image": "", "image": ""}', "duplicate"), (b'{"x": 1}', "wanted"), (b"[]", "wanted"), (b"", "body:1:"),
                           (b'{"images": []}', "1 to 32"), (b'{"images": "x"}', "1 to 32"), (b'{"image": "\xff"}', "body:1:"),
                           (b'{"images": [1]}', "images[0]"), (b'{"image": null}', "base64"),
                           (json.dumps({"image": good, "images": [good]}).encode(), "wanted"),
                           (json.dumps({"images": [good] * 33}).encode(), "1 to 32"),
                           (json.dumps({"image": good[:40] + "\n" + good[40:]}).encode(), "character 40"),
                           (json.dumps({"image": good[:41]}).encode(), "multiple of 4"),
                           (json.dumps({"image": good[:40] + "-_" + good[42:]}).encode(), "character 40"),
                           (json.dumps({"image": "QQ="}).encode(), "multiple of 4"), (json.dumps({"image": "QR=="}).encode(), "bits behind"),
                           (json.dumps({"image": "===="}).encode(), "character 0")):
            status, document = server.document("POST", "/predict", body, {"Content-Type": "application/json"})
            self.assertEqual(status, 400, (body[:60], document))
            self.assertIn(word, document["error"], body[:60])
        self.assertEqual(server.document("POST", "/predict", '{"image": ""}', {"Content-Type": "application/json"})[0], 422)
        self.assert_serves(server)

    def test_requests_of_inference(self):  # P4
        server = self.serve()
        good = base64.b64encode(self.images[0]).decode()
        files = {"name": "a", "datatype": "BYTES", "shape": [1], "data": [good], "parameters": {"content_type": "base64"}}
        pixels = {"name": "a", "datatype": "UINT8", "shape": [1, 2, 2, 3], "data": [0] * 12}
        deep = [[[[[[0] * 12]]]]]
        for document, word in (
                ({}, "inputs"), ({"inputs": {}}, "inputs"), ({"inputs": [files, files]}, "a list of one"), ({"inputs": [1]}, "datatype"),
                ({"inputs": [{**pixels, "datatype": "FP32"}]}, "datatype"), ({"inputs": [{**pixels, "shape": [10**9, 10**9, 3]}]}, "shape"),
                ({"inputs": [{**pixels, "shape": [1, 10**9, 10**9, 3]}]}, "shape"), ({"inputs": [{**pixels, "shape": [1, 65536, 65536, 3]}]}, "12 values"),
                ({"inputs": [{**pixels, "shape": [1, -2, -2, 3]}]}, "shape"), ({"inputs": [{**pixels, "shape": [1, 3, 2, 2]}]}, "colors"),
                ({"inputs": [{**pixels, "shape": [0, 2, 2, 3]}]}, "shape"), ({"inputs": [{**pixels, "shape": None}]}, "shape"),
                ({"inputs": [{**pixels, "shape": [1.5, 2, 2, 3]}]}, "shape"), ({"inputs": [{**pixels, "data": [0] * 11}]}, "11 values"),
                ({"inputs": [{**pixels, "data": [0] * 13}]}, "13 values"), ({"inputs": [{**pixels, "data": [0] * 11 + [256]}]}, "value 11"),
                ({"inputs": [{**pixels, "data": [-1] + [0] * 11}]}, "value 0"), ({"inputs": [{**pixels, "data": [0.5] * 12}]}, "value 0"),
                ({"inputs": [{**pixels, "data": "x"}]}, "0 values"), ({"inputs": [{**pixels, "data": deep}]}, "deep"),
                ({"inputs": [{**pixels, "shape": [33, 1, 1, 3], "data": [0] * 99}]}, "the limit is 32"),
                ({"inputs": [{**files, "parameters": {}}]}, "content_type"), ({"inputs": [{**files, "data": good}]}, "as many texts"),
                ({"inputs": [{**files, "data": [good] * 2}]}, "as many texts"), ({"inputs": [{**files, "data": [1]}]}, "inputs[0].data[0]"),
                ({"inputs": [{**files, "data": [good[:-1]]}]}, "inputs[0].data[0]"), ({"inputs": [{**files, "shape": [1, 1]}]}, "shape"),
                ({"inputs": [files], "outputs": [{"name": "x"}]}, "outputs[0].name"), ({"inputs": [files], "outputs": []}, "outputs"),
                ({"inputs": [files], "outputs": [{"name": "logits"}] * 2}, "twice"), ({"inputs": [files], "outputs": [{}] * 4}, "1 to 3"),
                ({"inputs": [files], "outputs": [{"name": "logits", "parameters": {"classification": 1}}]}, "of probabilities"),
                ({"inputs": [files], "outputs": [{"name": "probabilities", "parameters": {"classification": 0}}]}, "classification"),
                ({"inputs": [files], "id": "x" * 128}, "id")):
            status, got = server.document("POST", "/v2/models/run/infer", json.dumps(document), {"Content-Type": "application/json"})
            self.assertEqual(status, 400, (document, got))
            self.assertIn(word, got["error"], document)
        for document, word in (({}, "instances"), ({"instances": []}, "instances"), ({"instances": [{}]}, "instances[0]"),
                               ({"instances": [{"b64": good}, {"b64": "?"}]}, "instances[1]"), ({"instances": [{"b64": good}] * 33}, "1 to 32")):
            status, got = server.document("POST", "/v1/models/run:predict", json.dumps(document), {"Content-Type": "application/json"})
            self.assertEqual((status, word in got["error"]), (400, True), got)
        bad = base64.b64encode(b"no image").decode()
        one = {"instances": [{"b64": good}, {"b64": bad}]}
        self.assertEqual(server.document("POST", "/v1/models/run:predict", json.dumps(one), {"Content-Type": "application/json"})[0], 415)
        self.assertEqual(server.document("POST", "/v2/models/run/infer", b"x", {"Content-Type": "image/png"})[0], 415)
        self.assert_serves(server)

    def test_forms(self):  # P3
        server = self.serve()
        part = b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\nabc\r\n'
        kind = "multipart/form-data; boundary=xyz"
        for body, what, word in (
                (part + b"--xyz--\r\n", "multipart/form-data", "boundary"), (part, "multipart/form-data; boundary=", "boundary"),
                (part, f"multipart/form-data; boundary={'x' * 71}", "boundary"), (part, 'multipart/form-data; boundary="xyz', "boundary"),
                (b"", kind, "begin"), (part, kind, "end"), (b"--xyz--\r\n", kind, "no parts"), (part[:30], kind, "byte"),
                (b"--xyz\r\n\r\nabc\r\n--xyz--\r\n", kind, "without a name"), (b"--xyz\r\nX\r\n\r\nabc\r\n--xyz--", kind, "colon"),
                (b'--xyz\r\nContent-Disposition: form-data; filename="a"\r\n\r\n\r\n--xyz--', kind, "without a name"),
                (b'--xyz\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: multipart/mixed\r\n\r\n\r\n--xyz--', kind, "has parts"),
                (part * 33 + b"--xyz--\r\n", kind, "more than 32"), (part + b"--xyz", kind, "byte"),
                (b"--xyz\r\n" + b"X: a\r\n" * 1000 + b"\r\n", kind, "too long")):
            status, document = server.document("POST", "/predict", body, {"Content-Type": what})
            self.assertEqual(status, 400, (body[:60], document))
            self.assertIn(word, document["error"], body[:60])
            self.assertIn("byte ", document["error"])
        got = server.document("POST", "/predict", form([("a", "../../x", self.images[0])]), {"Content-Type": kind})[1]
        self.assertEqual(got["predictions"][0]["name"], "../../x")
        self.assertEqual(server.document("POST", "/predict", b"x", {"Content-Type": "text/html"})[0], 415)
        for top in ("0", "-1", "x", "1001", "1e3", "%zz", "99999999999999999999"):
            self.assertEqual(server.document("POST", f"/predict?top={top}", self.images[0])[0], 400, top)
        self.assert_serves(server)

    def test_large_bodies(self):  # G1
        server = self.serve()
        before = server.rss()
        for head, body in ((b"Content-Length: 1000000000000\r\n\r\n", b"a" * 1000000),
                           (b"Transfer-Encoding: chunked\r\n\r\n", (b"100000\r\n" + b"a" * (1 << 20) + b"\r\n") * 12)):
            self.assertEqual(answer_of(server.raw(POST + head + body))[0], 413)
        self.assertLess(server.rss() - before, 48 << 20)
        small = self.serve("--max-body", "2048", "--max-bodies", "8192")
        self.assertEqual(answer_of(small.raw(POST + b"Content-Length: 2049\r\n\r\n"))[0], 413)
        held = [small.connect() for _ in range(2)]
        for s in held:
            s.sendall(POST + b"Content-Length: 2000\r\n\r\n" + b"a" * 1000)
        until(lambda: small.metric("graft_connections") >= 3, 2)
        status, headers, text = small.ask("POST", "/predict", b"a" * 2000)
        self.assertEqual((status, json.loads(text)["code"], "Retry-After" in headers), (503, "E3516", True))
        for s in held:
            s.close()
        self.assertTrue(until(lambda: small.document("POST", "/predict", b"a" * 2000)[0] == 415))

    def test_token_and_host(self):  # P6, H5
        token = os.path.join(self.shared, "token")
        pictures.write(token, b"secret word\nsecond line\n")
        server = self.serve("--token-file", token, "--host-name", "pets.example")
        for headers in ({}, {"Authorization": "Bearer secret"}, {"Authorization": "Basic secret word"}, {"Authorization": "Bearer "},
                        {"Authorization": "Bearer secret word\tx"}, {"Authorization": "Bearer " + "x" * 10000}):
            for path in ("/labels", "/nothing"):
                status, got, text = server.ask("GET", path, None, headers)
                self.assertEqual((status, got["WWW-Authenticate"], json.loads(text)["code"]), (401, "Bearer", "E3515"))
        twice = b"Authorization: Bearer secret word\r\n" * 2
        self.assertEqual(answer_of(server.raw(b"GET /labels HTTP/1.1\r\nHost: localhost\r\n" + twice + b"\r\n"))[0], 401)
        good = {"Authorization": "bearer secret word"}
        self.assertEqual(server.document("GET", "/labels", None, good)[0], 200)
        self.assertEqual(server.document("GET", "/healthz")[0], 200)
        for host, wanted in (("pets.example", 200), ("PETS.example:99", 200), ("[::1]:8080", 200), ("127.0.0.1", 200),
                             ("pets.example.org", 421), ("", 421), ("[::2]", 421)):
            status, got, _ = server.ask("GET", "/labels", None, {"Host": host, "Origin": "null", **good})
            self.assertEqual((status, got["Access-Control-Allow-Origin"]), (wanted, None), host)
        self.refused(2, "E3002", "serve", f"{self.shared}/run", "--listen", "0.0.0.0:0")
        self.refused(2, "E3520", "serve", f"{self.shared}/run", "--listen", f"127.0.0.1:{server.port}")
        for where in ("nowhere", "1.2.3:80", "127.0.0.1:99999", "unix:", "unix:/nowhere/x", "unix:" + "x" * 200, "300.0.0.1:1"):
            self.refused(2, "E3520", "serve", f"{self.shared}/run", "--listen", where)
        pictures.write(token, b"\n")
        self.refused(2, "E3002", "serve", f"{self.shared}/run", "--token-file", token)

    def test_what_cannot_be_served(self):
        self.refused(2, "E3007", "serve", self.shared)
        self.refused(2, "E3002", "serve", f"a b={self.shared}/run")
        self.refused(2, "E3002", "serve", f"a={self.shared}/run", f"a={self.shared}/run")


class Time(ServeTest):
    def test_slow_clients_are_closed_and_others_served(self):  # G4, P2
        n = 300
        server = self.serve("--head-seconds", "1", "--body-seconds", "2", "--idle-seconds", "1", "--unread-seconds", "1")
        before = server.rss()
        slow = []
        for begin in (b"", b"POST /pre", POST + b"Content-Length: 5000\r\n\r\n", POST + b"Transfer-Encoding: chunked\r\n\r\n1"):
            for _ in range(n):
                s = server.connect()
                s.sendall(begin)
                slow.append(s)
        for _ in range(10):
            self.assert_serves(server)
        self.assertLess(server.rss() - before, 40 << 20)
        self.assertTrue(until(lambda: server.metric("graft_connections") <= 2, 20))
        told = [s.recv(12) for s in slow]
        self.assertEqual(set(told[:n]), {b""})
        self.assertEqual(set(told[n:]), {b"HTTP/1.1 408"})
        for s in slow:
            s.close()

    def test_a_client_that_does_not_read(self):
        server = self.serve("--unread-seconds", "1")
        s = server.connect()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        ask = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
        s.settimeout(1)
        try:
            for _ in range(20000):
                s.sendall(ask * 20)
        except (socket.timeout, ConnectionResetError, BrokenPipeError):
            pass
        self.assertTrue(until(lambda: server.metric("graft_connections") <= 1, 20))
        self.assert_serves(server)
        s.close()

    def test_a_client_that_goes_is_not_computed_for(self):  # G9
        server = self.serve("--threads", "1", "--deadline", "60")
        big = pictures.png(1500, 1500, [bytes(4500)] * 1500)
        body = form([("a", "a", big)] * 32)
        head = (POST + f"Content-Type: multipart/form-data; boundary=xyz\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        clients = [server.connect() for _ in range(2)]
        for s in clients:
            s.sendall(head + body)
        self.assertTrue(until(lambda: server.metric("graft_images_in_flight") >= 32))
        for s in clients:
            s.close()
        self.assertTrue(until(lambda: server.metric("graft_images_in_flight") == 0, 20))
        text = server.ask("GET", "/metrics")[2].decode()
        self.assertRegex(text, r'graft_images_total\{result="cancelled"\} [1-9]')
        self.assert_serves(server)

    def test_more_than_there_is_time_for(self):  # G8
        server = self.serve("--threads", "1", "--deadline", "0.2")
        body = form([("a", "a", pictures.png(1000, 1000, [bytes(3000)] * 1000))] * 16)
        status, slow, done = [], [], threading.Event()

        def press():
            while not done.is_set():
                begun = time.monotonic()
                code, headers, text = server.ask("POST", "/predict", body, {"Content-Type": "multipart/form-data; boundary=xyz"})
                status.append(code)
                if code == 503 and "Retry-After" not in headers:
                    status.append(0)
                slow.append(time.monotonic() - begun)

        threads = [threading.Thread(target=press) for _ in range(12)]
        for t in threads:
            t.start()
        time.sleep(2)
        done.set()
        for t in threads:
            t.join()
        self.assertEqual(set(status), {200, 503})
        self.assertLess(max(slow), 5 * SLOW)
        self.assertGreater(server.metric("graft_rejected_total"), 0)
        self.assertTrue(until(lambda: server.document("POST", "/predict", self.images[0])[0] == 200))
        self.assert_serves(server)

    def test_descriptors_run_out(self):  # G12
        server = self.serve(descriptors=40)
        clients = [server.connect() for _ in range(80)]
        time.sleep(0.5)
        for s in clients:
            s.close()
        self.assertTrue(until(lambda: server.document("GET", "/healthz")[0] == 200))
        self.assert_serves(server)
        few = self.serve("--max-connections", "5")
        clients = [few.connect() for _ in range(20)]
        self.assert_serves(few)
        for s in clients:
            s.close()


class SeveralLabels(ServeTest):
    def test_what_is_told_is_that_of_predict(self):
        """Labels from their thresholds on, in graft's own words and in those of the Open Inference Protocol; the command's lines."""
        rows = ["path,label,split"]
        for part, n in (("train", 6), ("validation", 6)):
            rows += [f"{part}/{name}/{i:03d}.png,{name}{'|even' if i % 2 == 0 else ''},{part}" for name in ("bright", "dark") for i in range(n)]
        pictures.write(f"{self.shared}/data/several.csv", "\n".join(rows + [""]).encode())
        made = self.good("train", "data/several.csv", "--size", "96", "--alpha", "0.35", "--epochs", "3", "--lr", "0.01", "--no-report",
                           "--out", "several", cwd=self.shared)
        self.assertIn("multilabel", made.err)
        told = self.document("predict", "several", *self.paths, "--top", "3", cwd=self.shared)
        lines = self.good("predict", "several", *self.paths, cwd=self.shared).out.splitlines()
        server = Server(self.binary, self.shared, "several")
        self.addCleanup(self.stop, server)
        one = server.document("GET", "/labels")[1]["models"][0]
        self.assertEqual((one["labels"], one["thresholds"]), (["bright", "dark", "even"], told["thresholds"]))
        kind = {"Content-Type": "application/json"}
        for image, path, want, line in zip(self.images, self.paths, told["predictions"], lines):
            got = server.document("POST", "/predict?top=3", image)[1]
            by_name = sorted(want["labels"], key=lambda row: row["label"])
            self.assertEqual((got["labels"], got["top"]), (by_name, want["top"]))
            self.assertEqual(want["label"], "|".join(row["label"] for row in by_name))
            least = dict(zip(one["labels"], one["thresholds"]))
            self.assertEqual({row["label"] for row in by_name}, {t["label"] for t in want["top"] if t["probability"] >= least[t["label"]]})
            names = line.split("\t")[1::2]
            self.assertEqual((line.split("\t")[0], names), (path, [row["label"] for row in want["labels"]] or ["none"]))
            text = base64.b64encode(image).decode()
            files = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [text], "parameters": {"content_type": "base64"}}
            v2 = server.document("POST", "/v2/models/several/infer", json.dumps({"inputs": [files]}), kind)[1]["outputs"][0]
            each = {t["label"]: t["probability"] for t in want["top"]}
            self.assertEqual((v2["shape"], v2["data"]), ([1, 3], [each[name] for name in one["labels"]]))
        every = self.document("predict", "several", self.paths[0], "--threshold", "0", cwd=self.shared)["predictions"][0]
        self.assertEqual((every["label"], len(every["labels"])), ("bright|dark|even", 3))
        self.refused(2, "E3002", "predict", "several", self.paths[0], "--unknown", "0.9", cwd=self.shared)
        self.refused(2, "E3002", "predict", "run", self.paths[0], "--threshold", "0.9", cwd=self.shared)


class Reload(ServeTest):
    def train(self, run, classes, seed):
        data = pictures.data_set(f"{self.shared}/data-{run}", classes=classes, train=4, validation=3)
        self.good("train", data, "--size", "96", "--alpha", "0.35", "--epochs", "1", "--seed", str(seed), "--no-report", "--out",
                  run, cwd=self.shared)

    def put(self, run):
        """Another run's model in the place of the one that is served, as a whole."""
        shutil.copy(f"{self.shared}/{run}/model.safetensors", f"{self.shared}/live/next")
        os.rename(f"{self.shared}/live/next", f"{self.shared}/live/model.safetensors")

    def test_models_are_opened_anew_under_load(self):  # G11, P7
        self.train("second", ("bright", "dark"), 7)
        self.train("others", ("left", "right"), 1)
        os.mkdir(f"{self.shared}/live")
        self.put("run")
        token = pictures.write(f"{self.shared}/reload-token", b"t")
        server = Server(self.binary, self.shared, "live", "--token-file", token)
        self.addCleanup(self.stop, server)
        key = {"Authorization": "Bearer t"}
        reload = lambda: server.document("POST", "/admin/reload", b"", key)  # noqa: E731
        self.assertEqual(server.document("POST", "/admin/reload", b"")[0], 401)
        versions, wanted = {}, {}
        for run in ("second", "run"):
            self.put(run)
            status, got = reload()
            self.assertEqual(status, 200, got)
            versions[run] = got["models"][0]["version"]
            told = json.loads(self.good("predict", run, self.paths[0], "--top", "2", "--json", cwd=self.shared).out)["predictions"][0]
            wanted[versions[run]] = (told["label"], told["probability"])
        self.assertNotEqual(versions["run"], versions["second"])
        answers, done = [], threading.Event()

        def ask():
            while not done.is_set():
                answers.append(server.document("POST", "/predict", self.images[0], key))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for t in threads:
            t.start()
        for i in range(6):
            run = ("second", "run")[i % 2]
            self.put(run)
            self.assertEqual(reload()[1]["models"][0]["version"], versions[run])
        pictures.write(f"{self.shared}/live/model.safetensors", b"damaged")
        status, got = reload()
        self.assertEqual((status, got["code"][:2]), (422, "E2"), got)
        self.put("others")
        status, got = reload()
        self.assertEqual((status, got["code"]), (422, "E1105"), got)
        os.unlink(f"{self.shared}/live/model.safetensors")
        self.assertEqual(reload()[0], 400)
        done.set()
        for t in threads:
            t.join()
        self.assertEqual({status for status, _ in answers}, {200})
        self.assertEqual({got["version"] for _, got in answers}, set(versions.values()))
        for _, got in answers:
            self.assertEqual((got["label"], got["probability"]), wanted[got["version"]])
        self.assertEqual(server.document("GET", "/labels", None, key)[1]["models"][0]["version"], versions["run"])
        self.assertIn("were not opened anew", server.said())
        plain = self.serve()
        self.assertEqual(plain.document("POST", "/admin/reload", b"")[0], 401)


class End(ServeTest):
    def test_nothing_that_was_accepted_is_lost(self):  # G10
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.serve()
            cut, answered, refused = [], [], []

            def ask():
                while True:
                    s = server.connect(refused)
                    if not s:
                        return
                    try:
                        s.sendall(POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(self.images[0]) + self.images[0])
                        got = b""
                        while block := s.recv(1 << 16):
                            got += block
                        (answered if b'"probability"' in got else cut).append(got)
                    except OSError as e:
                        cut.append(e)
                    finally:
                        s.close()

            threads = [threading.Thread(target=ask) for _ in range(8)]
            for t in threads:
                t.start()
            time.sleep(0.5)
            self.assertEqual(server.end(number), 0, server.said())
            for t in threads:
                t.join()
            self.assertGreater(len(answered), 20)
            self.assertEqual((cut, len(refused)), ([], 8))

    def test_a_request_that_does_not_end_is_cut_off(self):
        server = self.serve("--drain-seconds", "0.5")
        with server.connect() as s:
            s.sendall(POST + b"Content-Length: 100\r\n\r\n")
            self.assertTrue(until(lambda: server.metric("graft_connections") == 2))
            self.assertEqual(server.end(), 143)
            self.assertIn("1 requests were cut off", server.said())

    def test_ready_until_it_stops(self):
        server = self.serve()
        with server.connect() as s:
            s.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(self.images[0]))
            self.assertEqual(server.document("GET", "/readyz")[0], 200)
            self.assertTrue(until(lambda: server.metric("graft_connections") == 2))
            server.process.send_signal(signal.SIGTERM)
            self.assertTrue(until(lambda: self.closed(server)))
            s.sendall(self.images[0])
            answer = http.client.HTTPResponse(s)
            answer.begin()
            self.assertEqual((answer.status, answer.headers["Connection"]), (200, "close"))
            self.assert_right(0, json.loads(answer.read()))
        self.assertEqual(server.process.wait(30), 0)

    @staticmethod
    def closed(server):
        s = server.connect([])
        if s:
            s.close()
        return not s

    def test_a_socket_file(self):
        path = f"unix:{self.shared}/s"
        server = self.serve(listen=path)
        self.assertEqual(server.address, path)
        self.assert_serves(server)
        self.refused(2, "E3520", "serve", f"{self.shared}/run", "--listen", path)
        server.process.kill()
        server.process.wait()
        self.assertTrue(os.path.exists(f"{self.shared}/s"))
        again = self.serve(listen=path)
        self.assert_serves(again)
        self.assertEqual(again.end(), 0)
        self.assertFalse(os.path.exists(f"{self.shared}/s"))


if __name__ == "__main__":
    main()
