"""Rows about the data: folders, files, CSV files, labels."""
import json
import os
import re
import shutil
import struct

from .frame import row


def counts(case, data, *options):
    """{split: {class: images}} and the notes of `graft inspect`."""
    answer = case.graft("inspect", data, "--json", *options)
    told = answer.must(answer.code == 0, f"exit code 0 for {data}").json
    return {s: {k: n for k, n in v["classes"].items() if n} for s, v in told["splits"].items()}, answer, told


def parts_are(case, folder, train, validation, test, said=()):
    found, answer, told = counts(case, folder)
    for split, wanted in (("train", train), ("validation", validation), ("test", test)):
        if wanted is not None:
            answer.must(found[split] == wanted, f"{split} {wanted}, not {found[split]}")
    for word in said:
        answer.must(word in answer.err, f"{word!r} said on standard error")
        answer.must(any(word in t["what"] or word in t["as"] for t in told["taken"]), f"{word!r} in the report")
    return told


def small_run(case, data, name="run"):
    out = case.work / name
    done = case.graft("train", data, "--size", 32, "--epochs", 1, "--batch", 4, "--precision", "f32", "--no-report", "--out", out)
    done.must(done.code == 0, "a run")
    return out, done


@row(4, "parts in any case and spelling, nested once more; what is to be predicted is left out")
def _(case):
    four, two = {"glioma": 4, "notumor": 4}, {"glioma": 2, "notumor": 2}
    parts_are(case, case.folder("kaggle_capitals/data"), four, two, two, ("Train/", "Val/", "Test/"))
    parts_are(case, case.folder("kaggle_training_testing/data"), None, None, two, ("Training/", "Testing/"))
    parts_are(case, case.folder("tvt_upper/data"), None, None, {"a": 2, "b": 2}, ("TRAIN/", "TEST/"))
    parts_are(case, case.folder("catdog_sets/data"), None, None, {"cats": 2, "dogs": 2}, ("training_set/", "test_set/"))
    told = parts_are(case, case.folder("intel/data"), None, None, {"buildings": 2, "forest": 2}, ("seg_train/seg_train/",))
    answer = case.graft("inspect", case.folder("intel/data"))
    answer.must(any("seg_pred" in n["text"] and "left out" in n["text"] for n in told["notes"]), "seg_pred is named and left out")
    run, done = small_run(case, case.folder("intel/data"))
    done.must("seg_train/seg_train/" in done.err, "the parts said by train")
    kept = json.loads((run / "decisions.json").read_text())
    answer.must(any(d["what"].startswith("seg_test") and d["value"] == "test" for d in kept["decisions"]), "the parts in the run folder")


@row(14, "valid/ is the validation set")
def _(case):
    parts_are(case, case.folder("roboflow/data"), {"bad": 4, "ok": 4}, {"bad": 2, "ok": 2}, {"bad": 2, "ok": 2}, ("valid/",))


@row(15, "a folder around the data: did you mean ...?")
def _(case):
    for folder, meant in (("nested_archive/pets", "pets/pets"), ("nested_archive2/archive", "archive/dataset")):
        for verb in ("inspect", "train"):
            more = ("--out", case.work / "no", "--size", 32) if verb == "train" else ()
            answer = case.graft(verb, case.folder(folder), *more)
            answer.must(answer.code == 3 and re.search(rf"did you mean \S*/{meant}\?", answer.err), f"exit code 3, did you mean {meant}?")


def flat_jpeg(path, w, h):
    """A gray baseline JPEG of one shade: a bit for each block's DC, one for its end."""
    def segment(marker, data):
        return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data

    bits = 2 * ((w + 7) // 8) * ((h + 7) // 8)
    head = (b"\xff\xd8" + segment(0xdb, b"\0" + b"\1" * 64) + segment(0xc0, struct.pack(">BHHB", 8, h, w, 1) + b"\1\x11\0")
            + segment(0xc4, b"\x00\1" + bytes(15) + b"\0") + segment(0xc4, b"\x10\1" + bytes(15) + b"\0")
            + segment(0xda, b"\1\1\0\0\x3f\0"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + bytes((bits + 7) // 8) + b"\xff\xd9")


@row(16, "--max-pixels lets a 108-megapixel photo in; it is decoded at a fraction, and this is said")
def _(case):
    answer = case.graft("inspect", case.folder("images/data"), "--max-pixels", 120000000)
    answer.must("40_108mpx" not in answer.text or "E1204" not in answer.text, "no E1204 with --max-pixels")
    data = case.work / "large"
    for i in range(3):
        flat_jpeg(data / "a" / f"{i}.jpg", 12000 + i, 9000)
        flat_jpeg(data / "b" / f"{i}.jpg", 64 + i, 48)
    refused = case.graft("inspect", data)
    refused.must(refused.code == 3 and "E1204" in refused.text, "refused by default")
    found, answer, told = counts(case, data, "--max-pixels", 120000000)
    answer.must(told["peculiar"]["reduced"] == 3 and any("1/2" in n["text"] for n in told["notes"]), "3 images reduced, said")
    run, done = small_run(case, case.folder("tvt_upper/data"))
    for verb, *arguments in (("train", data, "--size", 32, "--epochs", 1, "--batch", 2, "--precision", "f32", "--no-report",
                              "--out", case.work / "r2"), ("predict", run, data / "a" / "0.jpg")):
        without = case.graft(verb, *arguments)
        without.must(without.code == 3 and "--max-pixels" in without.err, f"{verb} refuses, its hint names --max-pixels")
        answer = case.graft(verb, *arguments, "--max-pixels", 120000000)
        answer.must(answer.code == 0, f"{verb} with --max-pixels")
    answer = case.graft("eval", case.work / "r2", data, "--max-pixels", 120000000)
    answer.must(answer.code == 0, "eval with --max-pixels")


@row(17, "a JPEG with bytes before its end, all rows of which are there, is taken with a note")
def _(case):
    folder = case.work / "data"
    source = case.folder("images/data")
    for name in ("01_extraneous_before_eoi.jpg", "02_zeros_before_eoi.jpg", "00_plain.jpg"):
        for part in ("a", "b"):
            (folder / part).mkdir(parents=True, exist_ok=True)
            shutil.copy(source / "a" / name, folder / part / name)
    found, answer, told = counts(case, folder)
    answer.must(told["bad_images"] == 0 and told["peculiar"]["surplus"] == 4, "none bad, four noted")
    answer.must("bytes that belong to nothing" in answer.err, "said")
    answer = case.graft("inspect", source, "--json").json
    bad = {re.sub(r".*/", "", b["path"]): b["error"] for b in answer["bad"]}
    for name, error in (("07_no_eoi.jpg", "E1207"), ("42_heic_named.jpg", "E1203"), ("44_lfs_pointer.jpg", "E1202"),
                        ("47_newline_before.jpg", "E1202"), ("20_cgbi_apple.png", "E1206"), ("36.jp2", "E1203")):
        if bad.get(name) != error:
            case.graft("inspect", source).must(False, f"{name} still refused with {error}, not {bad.get(name)}")


@row(20, "content decides, not the ending; PPM and TIFF are read; what is left out is named by train too")
def _(case):
    found, answer, told = counts(case, case.folder("no_ending/data"))
    total = {k: sum(f.get(k, 0) for f in found.values()) for k in ("a", "b")}
    answer.must(total == {"a": 3, "b": 5}, f"3 and 5 images, not {total}")
    found, answer, told = counts(case, case.folder("ppm_only/data"))
    answer.must(told["formats"] == {"PPM": 2}, "two PPM")
    answer = case.graft("inspect", case.folder("images/data"), "--json")
    formats = answer.json["formats"]
    answer.must(formats.get("TIFF") == 1 and formats.get("PPM") == 1, "a TIFF and a PPM read")
    data = case.work / "mixed"
    shutil.copytree(case.folder("no_ending/data"), data)
    (data / "a" / "notes.txt").write_text("nothing")
    (data / "b" / "README").write_text("nothing")
    run, done = small_run(case, data)
    done.must(".txt" in done.err and "without an ending" in done.err, "what is left out, said by train")


@row(21, "--follow-links takes parts and images that are links out of the folder")
def _(case):
    source = case.folder("tvt_upper/data")
    data = case.work / "linked"
    (data / "val" / "a").mkdir(parents=True)
    (data / "val" / "b").mkdir(parents=True)
    os.symlink(source / "TRAIN", data / "train")
    os.symlink(source / "TEST", data / "test")
    for c in ("a", "b"):
        os.symlink(source / "TEST" / c / "p10.jpg", data / "val" / c / "1.jpg")
    answer = case.graft("inspect", data)
    answer.must(answer.code == 3 and "--follow-links" in answer.err, "refused, the hint names --follow-links")
    found, answer, told = counts(case, data, "--follow-links")
    answer.must(found == {"train": {"a": 4, "b": 4}, "validation": {"a": 1, "b": 1}, "test": {"a": 2, "b": 2}}, "all parts")
    listed = case.work / "listed"
    listed.mkdir()
    os.symlink(source / "TRAIN", listed / "pics")
    (listed / "l.csv").write_text("path,label\n" + "".join(f"pics/{c}/p{i}.jpg,{c}\n" for c in "ab" for i in range(4)))
    answer = case.graft("inspect", listed / "l.csv", "--follow-links")
    answer.must(answer.code == 0, "links in a CSV file's paths")


@row(22, "an empty class is 0 images in eval; hints name options of the verb at hand")
def _(case):
    run, _ = small_run(case, case.folder("eval_subset/data"))
    data = case.work / "three_e"
    shutil.copytree(case.folder("eval_subset/three_e"), data)
    (data / "180").mkdir(exist_ok=True)
    answer = case.graft("eval", run, data, "--json")
    answer.must(answer.code == 0 and answer.json["images"] == 6, "6 images measured, the empty class being 0")
    options = {verb: set(re.findall(r"^\s+--([a-z-]+)", case.graft(verb, "--help").out, re.M)) for verb in ("eval", "predict", "inspect", "train")}
    bad = case.work / "bad"
    shutil.copytree(case.folder("eval_subset/data"), bad)
    (bad / "0" / "x.jpg").write_bytes((bad / "0" / "p0.jpg").read_bytes()[:500])
    for verb, *arguments in (("eval", run, bad), ("predict", run, bad / "0" / "x.jpg"), ("inspect", data), ("inspect", bad),
                             ("train", data, "--size", 32, "--out", case.work / "o"), ("train", bad, "--size", 32, "--out", case.work / "o")):
        answer = case.graft(verb, *arguments)
        answer.must(answer.code == 3, "refused")
        hint = answer.err.partition("hint:")[2]
        for other, text in re.findall(r"`graft (\w+)([^`]*)`", hint):
            answer.must(set(re.findall(r"--([a-z-]+)", text)) <= options.get(other, set()), "options of the verb that is named")
        named = set(re.findall(r"--([a-z][a-z-]+)", re.sub(r"`[^`]*`", "", hint)))
        answer.must(named <= options[verb], f"options of {verb}, not {named - options[verb]}")


@row(24, "labels files: byte order mark, blank last line and numbers are stripped")
def _(case):
    run, _ = small_run(case, case.folder("eval_subset/data"))
    model = case.work / "model.onnx"
    done = case.graft("export", run, "--out", model)
    done.must(done.code == 0, "a model to name the classes of")
    picture = case.folder("eval_subset/data/0/p0.jpg")

    def labels(path):
        answer = case.graft("predict", model, picture, "--labels", path, "--top", 4, "--json")
        answer.must(answer.code == 0, f"{path.name} taken")
        return {t["label"] for t in answer.json["predictions"][0]["top"]}, answer

    for name, wanted in (("bom_labels.txt", {"zero", "one", "two", "three"}), ("blank_labels.txt", {"a", "b", "c", "d"}),
                         ("crlf_labels.txt", {"zero", "one-eighty", "two-seventy", "ninety"})):
        found, answer = labels(case.folder(f"labels_files/{name}"))
        answer.must(found == wanted, f"{wanted}, not {found}")
    for lines in ("0 Rock\n1 Paper\n2 Scissors\n3 None\n", "0: Rock\r\n1: Paper\r\n2: Scissors\r\n3: None\r\n\r\n", "2 Scissors\n0 Rock\n1 Paper\n3 None"):
        path = case.work / "numbered.txt"
        path.write_bytes(lines.encode())
        found, answer = labels(path)
        answer.must(found == {"Rock", "Paper", "Scissors", "None"}, f"the names alone, not {found}")
        answer.must("number" in answer.err, "said")


@row(25, "CSV files as people have them")
def _(case):
    folder = case.folder("csv")
    for name in ("automl_caps.csv backslash.csv blank_lines.csv crlf.csv dogbreed.csv dotslash.csv filename_class.csv header_caps.csv "
                 "hf_metadata.csv noheader.csv pandas_index.csv semicolon.csv space_after_comma.csv split_dev.csv split_empty.csv "
                 "split_valid.csv tab.tsv").split():
        found, answer, told = counts(case, folder / name)
        total = {k: sum(f.get(k, 0) for f in found.values()) for k in ("cat", "dog")}
        answer.must(total == {"cat": 3, "dog": 3} and told["images"] == 6, f"{name}: 3 of each, not {total}")
        if name in ("split_dev.csv", "split_valid.csv", "automl_caps.csv"):
            wanted = sum((folder / name).read_text().lower().count(w) for w in (",dev", ",valid\n", ",validation"))
            answer.must(sum(found["validation"].values()) == wanted, f"{name}: {wanted} in validation")
        if name in ("dogbreed.csv", "noheader.csv", "filename_class.csv"):
            answer.must("the label" in answer.err and told["taken"], f"{name}: what was taken is said")
    for name, code in (("two_labels.csv", "E1114"), ("utf16.csv", "UTF-16")):
        answer = case.graft("inspect", folder / name)
        answer.must(answer.code == 3 and code in answer.err, f"{name}: refused")
    shutil.copytree(folder, case.work / "csv")
    unclear = case.work / "csv" / "unclear.csv"
    unclear.write_text("a,b,c\n" + "".join(f"pics/train/{k}/{i}.jpg,{i},{k}\n" for k in ("cat", "dog") for i in (1, 2, 3)))
    answer = case.graft("inspect", unclear)
    answer.must(answer.code == 3 and "--label-column" in answer.err and "'c'" in answer.err, "what was found, and the option")
    found, answer, _ = counts(case, unclear, "--image-column", "a", "--label-column", "c")
    answer.must(sum(found["train"].values()) + sum(found["validation"].values()) == 6, "by the options")


@row(26, "class names that look alike are quoted, and the difference said")
def _(case):
    for folder, words in (("nfd_mismatch/data", ("NFC", "NFD")), ("space_mismatch/data", ("'pen '", "space")),
                          ("case_mismatch/data", ("'cats'", "'Cats'", "capitals"))):
        answer = case.graft("inspect", case.folder(folder))
        answer.must(answer.code == 3 and all(w in answer.err for w in words), f"{folder}: {words}")


@row(28, "names that hold backslashes are said to")
def _(case):
    answer = case.graft("inspect", case.folder("winzip/data"))
    answer.must(answer.code == 3 and "backslash" in answer.err and "train\\cats\\0.jpg" in answer.err, "says that names hold backslashes")
