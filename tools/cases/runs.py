"""What a run is and can do: one class, runs as models, more epochs."""
from .frame import row


def good(done):
    """The call ended well."""
    return done.must(done.code == 0, "exit code 0")


SHORT = ["--alpha", "0.35", "--size", "64", "--batch", "4", "--epochs", "1", "--no-report"]


@row(6, "one class only is refused at the start, or the run can be read")
def one_class(case):
    for name in ("one_class", "one_class_parts", "nested_archive2"):
        folder = case.folder(name)
        data = next((p for p in folder.iterdir() if p.is_dir()), folder) if name != "nested_archive2" else folder
        run = case.work / name
        done = case.graft("train", data, *SHORT, "--out", run)
        if done.code:
            done.must(done.code == 3 and "error E1" in done.err, f"exit code 3 for {name}")
            continue
        images = [p for p in data.rglob("*.jpg")][:1]
        good(case.graft("predict", run, *images))
        good(case.graft("summary", run))


@row(19, "a run is a model everywhere, and a finished run can go on")
def runs_as_models(case):
    data = case.folder("train_only")
    data = next((p for p in [data, *data.iterdir()] if (p / "train").is_dir()), data)
    run, file = case.work / "run", case.work / "run" / "model.safetensors"
    good(case.graft("train", data, *SHORT, "--out", run, "--seed", "3"))
    for i, more in enumerate((["--model", run], ["--model", file], ["--from", run],
                              ["--alpha", "0.35", "--size", "64", "--weights", run],
                              ["--alpha", "0.35", "--size", "64", "--weights", file])):
        done = case.graft("train", data, *more, "--batch", "4", "--epochs", "1", "--no-report", "--out", case.work / f"from{i}")
        done.must(done.code == 0 and "no --weights" not in done.err, f"train {more[-2]} takes a run")
    longer = case.work / "longer"
    good(case.graft("train", data, *SHORT, "--precision", "f32", "--epochs", "4", "--out", longer, "--seed", "3"))
    short = case.work / "short"
    good(case.graft("train", data, *SHORT, "--precision", "f32", "--out", short, "--seed", "3"))
    done = case.graft("resume", short, "--epochs", "4")
    done.must(done.code == 0, "resume RUN --epochs 4 goes on")
    done.must((short / "model.safetensors").read_bytes() == (longer / "model.safetensors").read_bytes(),
              "the bits of a run of 4 epochs")
