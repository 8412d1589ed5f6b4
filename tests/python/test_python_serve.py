"""graft.serve: in the background, answers as predict gives them."""

import json
import logging
import pathlib
import urllib.error
import urllib.request

import numpy as np

from common import Case, graft, images, model, run


def ask(url, data=None):
    with urllib.request.urlopen(url, data, timeout=30) as answer:
        return json.loads(answer.read())


class Served(Case):
    def test_answers_and_an_end(self):
        with graft.serve(model(), port=0, threads=2) as server:
            self.assertRegex(server.url, r"http://127\.0\.0\.1:\d+$")
            self.assertIn(server.url, server._repr_html_())
            for path in images():
                told = ask(f"{server.url}/predict", pathlib.Path(path).read_bytes())
                wanted = model().predict(path)
                self.assertEqual((told["label"], float(np.float32(told["probability"]))), (wanted.label, wanted.probability), path)
            url = server.url
        with self.assertRaises(urllib.error.URLError):
            ask(f"{url}/healthz")
        server.stop()
        self.assertIn("stopped", repr(server))

    def test_several_by_name_and_options(self):
        with graft.serve({"one": run(), "two": run().path}, port=0, max_images=1, log="all") as server:
            self.assertEqual(ask(f"{server.url}/predict/two", pathlib.Path(images()[0]).read_bytes())["model"], "two")
            with self.assertLogs("graft", logging.INFO) as logged:
                body = json.dumps({"instances": [{"b64": ""}] * 2}).encode()
                with self.assertRaises(urllib.error.HTTPError) as caught:
                    ask(f"{server.url}/v1/models/one:predict", body)
                self.assertIn(caught.exception.code, (400, 413, 415, 422))
                caught.exception.close()
                server.stop()
            self.assertTrue(logged.output)
        self.refused(graft.UsageError, "E3003", graft.serve, run(), port=0, max_pictures=3)
        with self.assertRaises(graft.Error):
            graft.serve("no/such/run", port=0)

    def test_two_servers_and_the_model_itself(self):
        with graft.serve(model(), port=0) as one, graft.serve(run(), port=0) as other:
            self.assertNotEqual(one.url, other.url)
            self.assertEqual(model().predict_proba(np.zeros((2, 32, 32, 3), np.uint8)).shape, (2, 2))
            with self.assertRaises(graft.Error):
                graft.serve(model(), port=int(one.url.rsplit(":", 1)[1]))
