"""Help, options and their values, the form of errors. COMMAND may be linked with the library or with stub.c."""

import json
import os
import re
import subprocess
import tempfile

from graft_cli import VERBS, CommandTest, main

# option: (verb, values that are refused, words the message must hold besides the value)
BAD_VALUES = {
    "lr": ("train", ["nan", "inf", "-1", "0", "1e400", "0,001", "1e-4x", " 1", "0x1p3", "", "--"], ["from 1e-12 to 100"]),
    "fine-tune-lr": ("train", ["nan", "-1e-9", "1e400"], ["from 1e-12 to 100"]),
    "batch": ("train", ["0", "-1", "1.5", "4097", "9223372036854775808", "32 ", "1e2"], ["from 1 to 4096"]),
    "epochs": ("train", ["-1", "9223372036854775808", "18446744073709551616", "10x", "nan"], ["from 0 to 100000"]),
    "fine-tune-epochs": ("train", ["-1", "ten"], ["from 0 to 100000"]),
    "dropout": ("train", ["1", "-0.1", "nan"], ["from 0, below 1"]),
    "alpha": ("train", ["0", "nan", "5"], ["from 0.1 to 4"]),
    "size": ("train", ["0", "31", "2049", "160x", "x160", "160x160x3", "160X160", "-160"], ["from 32 to 2048"]),
    "seed": ("train", ["-1", "18446744073709551616", "1e3", "+1"], ["18446744073709551615"]),
    "threads": ("train", ["-1", "1025", "two"], ["from 0 to 1024"]),
    "memory": ("train", ["0", "-2G", "2X", "2GG", "1e9", "nan", "99999999999T", "G"], ["512M"]),
    "max-bad": ("train", ["-1%", "101%", "1.5", "%", "1%%"], ["from 0 to 1"]),
    "test-from-validation": ("train", ["1", "100%", "-0.2"], ["below 1"]),
    "split": ("train", ["0.8", "0.8,0.3", "0,1", "0.5,0.5,0,0", "0.8;0.2", "nan,0.2", "0.8,0.2,"], ["0.8,0.2"]),
    "cache": ("train", ["ram", "", "memory|disk", "auto "], ["auto, memory, disk, none"]),
    "precision": ("train", ["f64", "F32"], ["auto, f32, bf16, int8"]),
    "bad-images": ("train", ["ignore"], ["refuse, skip"]),
    "batch-norm": ("train", ["moving", "Batch", ""], ["fixed, batch"]),
    "fine-tune-at": ("train", ["-1", "1e2", "9999999999", ""], ["name of a layer"]),
    "fine-tune-last": ("train", ["-1", "x"], ["from 0"]),
    "checkpoint-seconds": ("train", ["-1", "nan", "1e9"], ["from 0 to 86400"]),
    "top": ("predict", ["0", "1001"], ["from 1 to 1000"]),
    "classes": ("summary", ["1", "0", "two"], ["from 2"]),
    "steps": ("bench", ["0"], ["from 1"]),
    "to": ("export", ["tflite", "ONNX"], ["keras, onnx, safetensors, npz, hf, labels"]),
}


class Help(CommandTest):
    def test_every_verb_has_help_with_every_option(self):
        overview = self.good("--help").out
        for verb in VERBS:
            table = json.loads(self.good(verb, "--help", "--json").out)
            text = self.good(verb, "--help").out
            self.assertEqual(text, self.good("help", verb).out)
            self.assertRegex(overview, rf"\n  {verb} +\w")
            names = [option["name"] for option in table["options"]]
            self.assertGreaterEqual(set(names), {"json", "threads", "seed", "help"})
            self.assertEqual(len(names), len(set(names)), "an option twice")
            for name in names:
                self.assertRegex(text, rf"\n  --{name}[ \n]")
            for line in text.splitlines():
                self.assertLessEqual(len(line), 100, line)

    def test_defaults_in_help_are_values_that_are_taken(self):
        for verb, arguments in VERBS.items():
            for option in self.document(verb, "--help")["options"]:
                if option["default"]:
                    done = self.graft(verb, f"--{option['name']}={option['default']}", "--help")
                    self.assertEqual(done.status, 0, done.err)

    def test_help_of_all(self):
        text = self.good("--help").out
        for verb in VERBS:
            self.assertIn(f"  {verb}", text)
        for code in (0, 2, 3, 4, 5, 7, 70, 130, 143):
            self.assertRegex(text, rf"\n  {code} ")
        self.assertEqual(text, self.good("help").out)

    def test_version(self):
        told, found = self.good("--version").out, self.document("--version")
        self.assertRegex(found["version"], r"^\d+\.\d+\.\d+$")
        self.assertIn(found["machine"], told)
        if found["machine"] == "none":  # the stub's
            return
        self.assertRegex(told, r"^graft \d+\.\d+\.\d+\n\w+ \d+\.\d+ \w+ oneDNN \d+\.\d+\.\d+, \d+ threads?\nbf16: ")
        with open("/proc/cpuinfo") as f:
            flags = next(line for line in f if line.startswith("flags")).split()
        held = "ONEDNN_MAX_CPU_ISA" in os.environ
        self.assertEqual(found["int8"], "avx512_vnni" in flags and not held)
        self.assertEqual(found["bf16"], "avx512_bf16" in flags and not held)
        self.assertIn(f"int8: {'yes' if found['int8'] else 'no'}", told)
        lesser = json.loads(self.graft("--version", "--json", env={"ONEDNN_MAX_CPU_ISA": "AVX2"}).out)
        self.assertEqual((lesser["int8"], lesser["bf16"], lesser["amx"]), (False, False, False))

    def test_man_pages_are_clean_roff(self):
        for verb in ["", *VERBS]:
            page = self.good("help", "--man", *([verb] if verb else [])).out
            self.assertTrue(page.startswith(".TH "))
            for line in page.splitlines():
                if line.startswith((".", "'")):
                    self.assertRegex(line, r"^\.(TH|SH|SS|TP|B|BR|nf|fi)( |$)", verb)
                self.assertNotRegex(line, r"[^\\]--", "a dash that is not a minus")
            if verb:
                for option in self.document(verb, "--help")["options"]:
                    self.assertIn("\\-\\-" + option["name"].replace("-", "\\-"), page)

    def test_completion(self):
        script = os.path.join(self.dir, "graft.bash")
        with open(script, "w") as f:
            f.write(self.good("help", "--completion").out)

        def complete(*words):
            shell = f'source {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _graft; printf "%s\\n" "${{COMPREPLY[@]}}"'
            done = subprocess.run(["bash", "-c", shell, "bash", "graft", *words], capture_output=True, text=True, check=True)
            self.assertEqual(done.stderr, "")
            return done.stdout.split()

        self.assertGreaterEqual(set(complete("")), set(VERBS))
        self.assertEqual(complete("tr"), ["train"])
        self.assertEqual(complete("train", "--fine-tune-a"), ["--fine-tune-at"])
        self.assertEqual(complete("train", "--precision", ""), ["auto", "f32", "bf16", "int8"])
        self.assertEqual(complete("train", "--precision", "b"), ["bf16"])
        for verb in VERBS:
            names = ["--" + option["name"] for option in self.document(verb, "--help")["options"]]
            self.assertEqual(complete(verb, "--"), names)


class Options(CommandTest):
    def test_unknown_names_are_refused_with_the_nearest(self):  # D1
        for typed, meant in {"--weigths": "--weights", "--epoch": "--epochs", "--finetune-at": "--fine-tune-at",
                             "--fine-tune-att": "--fine-tune-at", "--bacth=8": "--batch", "--see": "--seed"}.items():
            self.assertIn(f"did you mean {meant}?", self.refused(2, "E3003", "train", "DATA", typed))
        self.assertIn("did you mean `graft predict`?", self.refused(2, "E3001", "predcit"))
        self.assertIn("option of graft predict", self.refused(2, "E3003", "train", "--top", "3"))
        self.assertNotIn("did you mean", self.refused(2, "E3003", "train", "--zzzzzzzzzz"))
        for wrong in (["train", "-x"], ["train", "-"], ["--frobnicate"]):
            self.assertEqual(self.graft(*wrong).status, 2)

    def test_bad_values_are_refused_with_value_and_range(self):  # D2
        for name, (verb, values, words) in BAD_VALUES.items():
            for value in values:
                message = self.refused(2, "E3002", verb, *VERBS[verb], f"--{name}={value}")
                for word in [f"--{name}: '{value}'", *words]:
                    self.assertIn(word, message)
        self.assertEqual(os.listdir(self.dir), [])

    def test_every_option_with_a_value_refuses_none(self):
        for verb in VERBS:
            for option in self.document(verb, "--help")["options"]:
                flag = f"--{option['name']}"
                if option["value"]:
                    self.assertIn("needs a value", self.refused(2, "E3002", verb, flag))
                    self.assertEqual(self.graft(verb, *VERBS[verb], flag + "=").status, 2, flag)
                elif flag != "--help":
                    self.assertIn("takes no value", self.refused(2, "E3002", verb, flag + "=1"))

    def test_locale_has_no_say(self):  # D8
        for locale in ("de_DE.UTF-8", "C", "tr_TR.UTF-8"):
            env = {"LC_ALL": locale, "LC_NUMERIC": locale, "LANG": locale}
            self.refused(2, "E3002", "train", "DATA", "--lr", "0,001", env=env)
            self.good("train", "--lr", "0.001", "--dropout", "0.5", "--help", env=env)

    def test_counts_of_arguments(self):
        for wrong in (["train"], ["train", "a", "b"], ["eval", "RUN"], ["predict", "RUN"], ["export"], ["convert", "IN"],
                      ["convert", "a", "b", "c"], ["summary"], ["bench", "x"],
                      ["features", "--out", "f.npy"], ["resume"], ["inspect"], ["train", "", "--out", "r"], []):
            self.assertIn("--help", self.refused(2, "E3001", *wrong) + "--help")
        self.refused(2, "E3001", "help", "nothing")

    def test_options_that_do_not_go_together(self):
        train = ["train", "DATA", "--out", "RUN"]
        self.assertIn("give one", self.refused(2, "E3001", *train, "--fine-tune-at", "100", "--fine-tune-last", "9"))
        self.assertIn("--fine-tune-at", self.refused(2, "E3001", *train, "--fine-tune-epochs", "3"))
        self.refused(2, "E3001", *train, "--epochs", "0")
        self.assertIn("--out", self.refused(2, "E3001", "train", "DATA"))
        self.assertIn("--out", self.refused(2, "E3001", "features", "a.jpg"))
        self.assertIn("its own", self.refused(2, "E3001", "summary", "./run", "--classes", "3"))

    def test_out_is_looked_at_before_the_data(self):  # D3
        for folder in ("data/a", "full"):
            os.makedirs(os.path.join(self.dir, folder))
        with open(os.path.join(self.dir, "full/f.npy"), "w") as f:
            f.write("x")
        for out in ("data", "data/run", "data/a/../run", "./data/new/deep"):
            message = self.refused(2, "E3001", "train", "data", "--out", out)
            self.assertIn("--out: ", message)
        self.assertIn("not empty", self.refused(2, "E3001", "features", "a.jpg", "--out", "full/f.npy"))
        self.assertIn("is a folder", self.refused(2, "E3001", "features", "a.jpg", "--out", "full"))
        self.assertEqual(sorted(os.listdir(os.path.join(self.dir, "data"))), ["a"])

    def test_foreign_text_cannot_drive_the_terminal(self):  # B11
        done = subprocess.run([self.binary, "train", b"DATA", b"--\x1b[31m\xff\xc2\x9b"], capture_output=True, cwd=self.dir)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"--\\x1B[31m\\xFF\\xC2\\x9B", done.stderr)
        self.assertNotIn(b"\x1b", done.stderr)
        done = subprocess.run([self.binary, "train", b"--json", b"--\xed\xa0\x80\xc3\xa9\"\\\x01"], capture_output=True,
                              cwd=self.dir)
        message = json.loads(done.stdout.decode())["error"]["message"]
        self.assertIn("\\xED\\xA0\\x80\u00e9\"\\\\x01", message)


class StandardFiles(CommandTest):
    def test_closed_standard_files(self):  # D9
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            for arguments, status in (("--help", 0), ("train --lr nan", 2)):
                done = subprocess.run(["sh", "-c", f'exec "$0" {arguments} {closed}', self.binary], capture_output=True)
                self.assertEqual(done.returncode, status, (closed, arguments))

    def test_a_pipe_that_closes_early(self):
        done = subprocess.run(["bash", "-c", '"$0" train --help | head -n 1; exit ${PIPESTATUS[0]}', self.binary],
                              capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_a_full_disk_below_standard_output(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([self.binary, "--help"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 5)
        self.assertIn(b"graft: error E5003: standard output: ", done.stderr)


if __name__ == "__main__":
    main()
