"""Rows about using a trained model: predict, evaluate."""
from cases.frame import row


def small_run(case):
    """A run on the photos of a case, for what is done with runs; what it learns does not matter."""
    run = case.work / "run"
    case.graft("train", case.folder("train_only/data"), "--alpha", "0.35", "--size", "32", "--epochs", "1", "--no-report", "--out",
               run).must(run.joinpath("model.safetensors").exists(), "a run to use")
    return run


@row(23, "predict with a name that is not there beside one that is")
def missing_beside_present(case):
    run = small_run(case)
    photo = next(p for p in sorted(case.folder("train_only/data").rglob("*.jpg")))
    answer = case.graft("predict", run, "nope.jpg", photo)
    lines = answer.out.splitlines()
    answer.must(answer.code == 0 and len(lines) == 2, "exit code 0 and a line for each of the two")
    answer.must(lines[0].startswith("nope.jpg") and "error" in lines[0], "an error in the line of nope.jpg")
    answer.must(lines[1].startswith(str(photo)) and "error" not in lines[1], "a label in the line of the photo")
    both = case.graft("predict", run, "nope.jpg", photo, "--json").json["predictions"]
    answer.must("error" in both[0] and "label" in both[1], "the same in JSON")
    none = case.graft("predict", run, "nope.jpg", "neither.jpg")
    none.must(none.code == 3 and "nope.jpg" in none.err, "exit code 3 where none can be read")
