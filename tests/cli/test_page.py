"""The page of `graft serve` in a headless Chromium, over its debugging pipe: choosing, dropping and pasting images, the keyboard,
errors, narrow windows; no message on its console, no request to elsewhere. With GRAFT_TEST_PICTURES=DIR its screenshots
are kept there."""

import base64
import contextlib
import os
import sys

from graft_cli import main
from serving import ServeTest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from browser import Browser  # noqa: E402
from needs import lack  # noqa: E402

PICTURES = os.environ.get("GRAFT_TEST_PICTURES")


class Page(ServeTest):
    def setUp(self):
        super().setUp()
        browser = contextlib.ExitStack()
        self.addCleanup(browser.close)
        self.browser = browser.enter_context(Browser())
        self.quiet = True

    def tearDown(self):
        """Whatever was done: nothing was said on the console, nothing was asked of another server."""
        for page in self.browser.pages.values():
            self.assertEqual([c for c in page.complaints if self.quiet or c.startswith("asks for ")], [])

    def open(self, *arguments, width=1280):
        self.server = self.serve(*arguments)
        self.page = self.browser.open(self.server.address + "/", width, height=900, mobile=width < 500)
        for part in ("DOM", "Accessibility"):
            self.page.ask(f"{part}.enable")
        return self.page

    def choose(self, *paths):
        root = self.page.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.page.ask("DOM.querySelector", nodeId=root, selector="#files")["nodeId"]
        self.page.ask("DOM.setFileInputFiles", nodeId=node, files=[os.path.abspath(p) for p in paths])

    def picture(self, name):
        if PICTURES:
            with open(os.path.join(PICTURES, name + ".png"), "wb") as f:
                f.write(base64.b64decode(self.page.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def key(self, key, code):
        for kind in ("rawKeyDown", "keyUp"):
            self.page.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def rows(self):
        """Of each image on the page: its heading, and the label of its first row with its percentage."""
        return self.page.value("""[...document.querySelectorAll('#results li')].map(li => [li.querySelector('h2').innerText,
            li.querySelector('th')?.innerText, li.querySelector('td:last-child')?.innerText, li.querySelector('.bad')?.innerText])""")

    def assert_row(self, row, i):
        label, probability, _ = self.wanted[i]
        self.assertEqual((row[1], row[2], row[3]), (label, f"{100 * probability:.1f} %", None))

    def test_choosing_images(self):
        for width in (1280, 360, 320):
            b = self.open(width=width)
            b.wait("document.title == 'graft: run'")
            self.choose(*self.paths[:3])
            b.wait("document.querySelectorAll('#results table').length == 3")
            rows = {row[0]: row for row in self.rows()}
            self.assertEqual(set(rows), {os.path.basename(p) for p in self.paths[:3]})
            for i in range(3):
                self.assert_row(rows[os.path.basename(self.paths[i])], i)
            b.wait("document.getElementById('state').innerText == 'All 3 images are done.'")
            self.assertLessEqual(b.value("document.documentElement.scrollWidth"), width)
            self.assertIn(f"{self.server.address}/predict", b.value("document.querySelector('code').innerText"))
            self.picture(f"page-{width}")

    def test_dropping_and_pasting(self):
        b = self.open()
        data = {"items": [], "files": [os.path.abspath(p) for p in self.paths[:2]], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            b.ask("Input.dispatchDragEvent", type=kind, x=300, y=700, data=data)
        b.wait("document.querySelectorAll('#results table').length == 2")
        for row in self.rows():
            self.assert_row(row, [os.path.basename(p) for p in self.paths[:2]].index(row[0]))
        text = base64.b64encode(self.images[4]).decode()
        b.value(f"""(() => {{ const d = new DataTransfer();
            d.items.add(new File([Uint8Array.from(atob("{text}"), c => c.charCodeAt(0))], "<b>'x'.png", {{type: "image/png"}}));
            dispatchEvent(new ClipboardEvent("paste", {{clipboardData: d}})); }})()""")
        b.wait("document.querySelectorAll('#results table').length == 3")
        self.assertEqual(self.rows()[0][0], "<b>'x'.png")
        self.assert_row(self.rows()[0], 4)
        self.assertIn("'<b>'\\''x'\\''.png'", b.value("document.querySelector('code').innerText"))
        self.assertEqual(b.value("document.querySelectorAll('#results b').length"), 0)

    def test_by_keyboard_and_by_name(self):
        b = self.open()
        self.key("Tab", 9)
        self.assertEqual(b.value("document.activeElement.id"), "files")
        named = 0
        for node in b.ask("Accessibility.getFullAXTree")["nodes"]:
            if not node.get("ignored") and node["role"]["value"] in ("button", "textbox", "combobox", "link", "list"):
                self.assertTrue(node["name"]["value"], node)
                named += 1
        self.assertGreaterEqual(named, 1)

    def test_what_goes_wrong_is_told_beside_the_image(self):
        self.quiet = False  # the browser itself says that a request had the status 415
        bad = os.path.join(self.shared, "bad.jpg")
        with open(bad, "wb") as f:
            f.write(b"no image")
        large = os.path.join(self.shared, "large.jpg")
        with open(large, "wb") as f:
            f.write(bytes(11 << 20))
        b = self.open()
        self.choose(bad, self.paths[0])
        b.wait("document.querySelectorAll('#results .bad').length == 1 && document.querySelectorAll('#results table').length == 1")
        rows = {row[0]: row for row in self.rows()}
        self.assertTrue(rows["bad.jpg"][3].startswith("E1202: "), rows)
        self.choose(large)
        b.wait("document.querySelectorAll('#results .bad').length == 2")
        self.picture("page-errors")
        self.assertEqual(self.server.end(), 0)
        self.choose(self.paths[0])
        b.wait("document.querySelectorAll('#results .bad').length == 3")
        self.assertEqual(self.rows()[0][3], "The server did not answer.")

    def test_the_token_is_asked_for(self):
        self.quiet = False  # the browser itself says that a request had the status 401
        token = os.path.join(self.shared, "page-token")
        with open(token, "w") as f:
            f.write("let me in\n")
        b = self.open("--token-file", token)
        b.wait("!document.getElementById('ask').hidden")
        b.value("document.getElementById('token').focus()")
        b.ask("Input.insertText", text="let me in")
        self.key("Enter", 13)
        b.value("document.getElementById('ask').requestSubmit()")
        b.wait("document.getElementById('ask').hidden && document.title == 'graft: run'")
        self.choose(self.paths[0])
        b.wait("document.querySelectorAll('#results table').length == 1")
        self.assert_row(self.rows()[0], 0)
        self.assertNotIn("let me in", b.value("document.body.innerText"))


if __name__ == "__main__":
    lacking = lack("chromium", "test_page.py", "the_page_in_a_browser")
    if lacking:
        print(f"NOT RUN: the_page_in_a_browser: {lacking}")
    else:
        main()
