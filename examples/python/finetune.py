"""Fine-tunes MobileNetV2 on a folder of images and labels some with it: finetune.py DATA WEIGHTS RUN IMAGE..."""

from __future__ import annotations

import sys

import graft


def main(data: str, weights: str, out: str, images: list[str]) -> None:
    try:
        run = graft.train(data, weights=weights, fine_tune_at=100, out=out)
    except graft.Interrupted as stop:
        sys.exit(f"stopped; graft.resume({stop.run!r}) goes on")
    print(f"validation accuracy {run.history['val_accuracy'][-1]:.3f}, report: {run.report}")
    for answer in run.model.predict(images):
        print(answer.path, answer.label if answer.error is None else answer.error.message, sep="\t")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
