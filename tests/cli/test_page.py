"""The page of `graft serve` in a headless Chromium, over its debugging pipe: choosing, dropping and pasting images, the keyboard,
errors, narrow windows; no message on its console, no request to elsewhere. With GRAFT_TEST_PICTURES=DIR its screenshots
are kept there."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from graft_cli import main
from serving import SLOW, ServeTest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from needs import lack  # noqa: E402

PICTURES = os.environ.get("GRAFT_TEST_PICTURES")


class Browser:
    """One tab. Commands are those of the DevTools protocol."""

    def __init__(self, program):
        self.home = tempfile.TemporaryDirectory(prefix="graft-chromium-", ignore_cleanup_errors=True)
        to_read, to_write = os.pipe(), os.pipe()

        def place():
            ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 50) for end in (to_read[0], to_write[1])]
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", f"--user-data-dir={self.home.name}",
             "--remote-debugging-pipe"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=place, close_fds=False)
        os.close(to_read[0])
        os.close(to_write[1])
        self.out, self.into = os.fdopen(to_write[0], "rb"), os.fdopen(to_read[1], "wb")
        self.number, self.events, self.rest, self.session = 0, [], b"", None
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "DOM", "Log", "Accessibility"):
            self.command(domain + ".enable")

    def read(self):
        while b"\0" not in self.rest:
            block = os.read(self.out.fileno(), 1 << 20)
            if not block:
                raise EOFError("the browser ended")
            self.rest += block
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def command(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.into.write(json.dumps(message).encode() + b"\0")
        self.into.flush()
        while True:
            got = self.read()
            if got.get("id") == self.number:
                if "error" in got:
                    raise AssertionError((method, got["error"]))
                return got["result"]
            self.events.append(got)

    def run(self, script):
        got = self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in got:
            raise AssertionError(got["exceptionDetails"])
        return got["result"].get("value")

    def wait(self, script, seconds=20):
        end = time.monotonic() + seconds * SLOW
        while not self.run(script):
            if time.monotonic() > end:
                raise AssertionError(script + ": " + self.run("document.body.innerText"))
            time.sleep(0.05)

    def open(self, url, width=1280):
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
        self.command("Page.navigate", url=url)
        self.wait("document.readyState == 'complete' && location.href.startsWith('http')")

    def choose(self, *paths):
        node = self.command("DOM.querySelector", nodeId=self.command("DOM.getDocument")["root"]["nodeId"], selector="#files")
        self.command("DOM.setFileInputFiles", nodeId=node["nodeId"], files=[os.path.abspath(p) for p in paths])

    def picture(self, name):
        if PICTURES:
            with open(os.path.join(PICTURES, name + ".png"), "wb") as f:
                f.write(base64.b64decode(self.command("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def key(self, key, code):
        for kind in ("rawKeyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.out.close()
        self.into.close()
        self.home.cleanup()


class Page(ServeTest):
    def setUp(self):
        super().setUp()
        self.browser = Browser(shutil.which("chromium"))
        self.addCleanup(self.browser.end)
        self.quiet, self.addresses = True, []

    def tearDown(self):
        """Whatever was done: nothing was said on the console, nothing was asked of another server."""
        for event in self.browser.events:
            what, told = event.get("method"), event.get("params", {})
            if self.quiet:
                self.assertNotIn(what, ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"), told)
                self.assertFalse(what == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"), told)
            if what == "Network.requestWillBeSent":
                url = told["request"]["url"]
                self.assertTrue(url.startswith((*self.addresses, "blob:", "data:")), url)

    def open(self, *arguments, width=1280):
        server = self.serve(*arguments)
        self.address = server.address
        self.addresses.append(self.address)
        self.browser.open(server.address + "/", width)
        return server

    def rows(self):
        """Of each image on the page: its heading, and the label of its first row with its percentage."""
        return self.browser.run("""[...document.querySelectorAll('#results li')].map(li => [li.querySelector('h2').innerText,
            li.querySelector('th')?.innerText, li.querySelector('td:last-child')?.innerText, li.querySelector('.bad')?.innerText])""")

    def assert_row(self, row, i):
        label, probability, _ = self.wanted[i]
        self.assertEqual((row[1], row[2], row[3]), (label, f"{100 * probability:.1f} %", None))

    def test_choosing_images(self):
        b = self.browser
        for width in (1280, 360, 320):
            self.open(width=width)
            b.wait("document.title == 'graft: run'")
            b.choose(*self.paths[:3])
            b.wait("document.querySelectorAll('#results table').length == 3")
            rows = {row[0]: row for row in self.rows()}
            self.assertEqual(set(rows), {os.path.basename(p) for p in self.paths[:3]})
            for i in range(3):
                self.assert_row(rows[os.path.basename(self.paths[i])], i)
            b.wait("document.getElementById('state').innerText == 'All 3 images are done.'")
            self.assertLessEqual(b.run("document.documentElement.scrollWidth"), width)
            self.assertIn(f"{self.address}/predict", b.run("document.querySelector('code').innerText"))
            b.picture(f"page-{width}")

    def test_dropping_and_pasting(self):
        b = self.browser
        self.open()
        data = {"items": [], "files": [os.path.abspath(p) for p in self.paths[:2]], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            b.command("Input.dispatchDragEvent", type=kind, x=300, y=700, data=data)
        b.wait("document.querySelectorAll('#results table').length == 2")
        for row in self.rows():
            self.assert_row(row, [os.path.basename(p) for p in self.paths[:2]].index(row[0]))
        text = base64.b64encode(self.images[4]).decode()
        b.run(f"""(() => {{ const d = new DataTransfer();
            d.items.add(new File([Uint8Array.from(atob("{text}"), c => c.charCodeAt(0))], "<b>'x'.png", {{type: "image/png"}}));
            dispatchEvent(new ClipboardEvent("paste", {{clipboardData: d}})); }})()""")
        b.wait("document.querySelectorAll('#results table').length == 3")
        self.assertEqual(self.rows()[0][0], "<b>'x'.png")
        self.assert_row(self.rows()[0], 4)
        self.assertIn("'<b>'\\''x'\\''.png'", b.run("document.querySelector('code').innerText"))
        self.assertEqual(b.run("document.querySelectorAll('#results b').length"), 0)

    def test_by_keyboard_and_by_name(self):
        b = self.browser
        self.open()
        b.key("Tab", 9)
        self.assertEqual(b.run("document.activeElement.id"), "files")
        named = 0
        for node in b.command("Accessibility.getFullAXTree")["nodes"]:
            if not node.get("ignored") and node["role"]["value"] in ("button", "textbox", "combobox", "link", "list"):
                self.assertTrue(node["name"]["value"], node)
                named += 1
        self.assertGreaterEqual(named, 1)

    def test_what_goes_wrong_is_told_beside_the_image(self):
        b = self.browser
        self.quiet = False  # the browser itself says that a request had the status 415
        bad = os.path.join(self.shared, "bad.jpg")
        with open(bad, "wb") as f:
            f.write(b"no image")
        large = os.path.join(self.shared, "large.jpg")
        with open(large, "wb") as f:
            f.write(bytes(11 << 20))
        server = self.open()
        b.choose(bad, self.paths[0])
        b.wait("document.querySelectorAll('#results .bad').length == 1 && document.querySelectorAll('#results table').length == 1")
        rows = {row[0]: row for row in self.rows()}
        self.assertTrue(rows["bad.jpg"][3].startswith("E1202: "), rows)
        b.choose(large)
        b.wait("document.querySelectorAll('#results .bad').length == 2")
        b.picture("page-errors")
        self.assertEqual(server.end(), 0)
        b.choose(self.paths[0])
        b.wait("document.querySelectorAll('#results .bad').length == 3")
        self.assertEqual(self.rows()[0][3], "The server did not answer.")

    def test_the_token_is_asked_for(self):
        b = self.browser
        self.quiet = False  # the browser itself says that a request had the status 401
        token = os.path.join(self.shared, "page-token")
        with open(token, "w") as f:
            f.write("let me in\n")
        self.open("--token-file", token)
        b.wait("!document.getElementById('ask').hidden")
        b.run("document.getElementById('token').focus()")
        b.command("Input.insertText", text="let me in")
        b.key("Enter", 13)
        b.run("document.getElementById('ask').requestSubmit()")
        b.wait("document.getElementById('ask').hidden && document.title == 'graft: run'")
        b.choose(self.paths[0])
        b.wait("document.querySelectorAll('#results table').length == 1")
        self.assert_row(self.rows()[0], 0)
        self.assertNotIn("let me in", b.run("document.body.innerText"))


if __name__ == "__main__":
    lacking = lack("chromium", "test_page.py", "the_page_in_a_browser")
    if lacking:
        print(f"NOT RUN: the_page_in_a_browser: {lacking}")
    else:
        main()
