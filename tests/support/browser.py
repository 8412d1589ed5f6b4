"""A page as a browser shows it: Chromium without a window, driven through its own protocol over a pipe. Python's standard library
alone.

    with Browser() as browser:
        page = browser.open(path, width=360)
        page.value("document.title"), page.complaints
"""
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

LONGEST = 60  # seconds to wait for an answer
SLOW = 5 if os.environ.get("GRAFT_TEST_SLOW") else 1


class Page:
    def __init__(self, browser, session, own):
        self.browser, self.session, self.own, self.complaints = browser, session, own, []

    def ask(self, method, **parameters):
        return self.browser.ask(method, self.session, **parameters)

    def value(self, expression):
        """What a JavaScript expression gives, as JSON can say it."""
        got = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in got:
            raise AssertionError(f"{expression}: {got['exceptionDetails']}")
        return got["result"].get("value")

    def wait(self, expression, seconds=20):
        """Until it is true."""
        end = time.monotonic() + seconds * SLOW
        while not self.value(expression):
            if time.monotonic() > end:
                raise AssertionError(expression + ": " + self.value("document.body.innerText"))
            time.sleep(0.05)


class Browser:
    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="graft-browser-")
        their_in, self.out = os.pipe()
        self.input, their_out = os.pipe()
        # Chromium reads the protocol from descriptor 3 and writes it to 4
        shell = (f'exec chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-extensions '
                 f'--disable-background-networking --user-data-dir="{self.folder}" --remote-debugging-pipe about:blank 3<&{their_in} 4>&{their_out}')
        self.process = subprocess.Popen(["bash", "-c", shell], pass_fds=(their_in, their_out), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(their_in)
        os.close(their_out)
        self.number, self.rest, self.pages, self.events = 0, b"", {}, []
        return self

    def __exit__(self, *_):
        try:
            self.ask("Browser.close")
            self.process.wait(20)
        except Exception:
            self.process.kill()
            self.process.wait()
        os.close(self.out)
        os.close(self.input)
        shutil.rmtree(self.folder, ignore_errors=True)

    def message(self, until):
        while b"\0" not in self.rest:
            if not select.select([self.input], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            piece = os.read(self.input, 1 << 20)
            if not piece:
                raise EOFError("the browser has ended")
            self.rest += piece
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def note(self, message):
        """An event: what a page complains of is kept with it."""
        page, kind, what = self.pages.get(message.get("sessionId")), message["method"], message.get("params", {})
        self.events.append((message.get("sessionId"), kind))
        if page is None:
            return
        if kind == "Runtime.exceptionThrown":
            page.complaints.append(str(what["exceptionDetails"]))
        if kind == "Runtime.consoleAPICalled":
            page.complaints.append(str(what["args"]))
        if kind == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
            page.complaints.append(what["entry"]["text"])
        if kind == "Network.requestWillBeSent" and not what["request"]["url"].startswith((*page.own, "data:", "about:")):
            page.complaints.append(f"asks for {what['request']['url']}")

    def ask(self, method, session=None, **parameters):
        self.number += 1
        asked = {"id": self.number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        os.write(self.out, json.dumps(asked).encode() + b"\0")
        until = time.monotonic() + LONGEST
        while True:
            got = self.message(until)
            if got.get("id") == self.number:
                if "error" in got:
                    raise AssertionError(f"{method}: {got['error']}")
                return got["result"]
            if "method" in got:
                self.note(got)

    def open(self, what, width, height=800, mobile=False):
        """The page of a file, or of a server's address, in a tab of its own, when it has been loaded. It may ask for files, or that server."""
        url = what if what.startswith("http") else "file://" + os.path.abspath(what)
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self.pages[session] = Page(self, session, (what, "blob:") if url == what else ("file:",))
        for part in ("Page", "Runtime", "Log", "Network"):
            page.ask(f"{part}.enable")
        page.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self.events.clear()
        page.ask("Page.navigate", url=url)
        until = time.monotonic() + LONGEST
        while (session, "Page.loadEventFired") not in self.events:
            got = self.message(until)
            if "method" in got:
                self.note(got)
        return page
