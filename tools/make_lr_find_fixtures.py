"""Makes tests/fixtures/lr_find.txt: rates that fastai's rules (fastai/callback/schedule.py: valley, steep, minimum) read off
made-up losses of a learning rate finder.

    python3 tools/make_lr_find_fixtures.py

A line: the number of losses, valley, steep, minimum / 10, the losses. The losses are smoothed as fastai's AvgSmoothLoss does.
"""
import math
import pathlib
import random

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/fixtures/lr_find.txt"


def smoothed(losses, beta=0.98):
    value, out = 0.0, []
    for count, x in enumerate(losses, 1):
        value = x + beta * (value - x)
        out.append(value / (1 - beta ** count))
    return out


def valley(lrs, losses):
    n = len(losses)
    start, end, lds = 0, 0, [1] * n
    for i in range(1, n):
        for j in range(i):
            if losses[i] < losses[j] and lds[i] < lds[j] + 1:
                lds[i] = lds[j] + 1
            if lds[end] < lds[i]:
                end = i
                start = end - lds[end]
    sections = (end - start) / 3
    return lrs[max(start + int(sections) + int(sections / 2), 0)]


def steep(lrs, losses):
    grads = [(losses[i + 1] - losses[i]) / (math.log(lrs[i + 1]) - math.log(lrs[i])) for i in range(len(losses) - 1)]
    return lrs[grads.index(min(grads))]


def main():
    random.seed(5)
    lines = ["# losses, valley, steep, minimum / 10, losses; fastai's rules (tools/make_lr_find_fixtures.py)"]
    while len(lines) < 41:
        n, level = random.randint(40, 100), random.uniform(0.5, 4)
        fall, turn = random.uniform(0.2, 0.9), random.uniform(0.4, 0.95) * n
        losses = []
        for i in range(n):
            down = level * fall / (1 + math.exp(-(i - 0.6 * turn) / (0.08 * n)))
            up = 0.01 * math.exp(max(i - turn, 0) * 0.4)
            losses.append(float(f"{max(level - down + up + random.gauss(0, 0.03 * level), 0.01):.6g}"))
        lrs = [1e-7 * (10 / 1e-7) ** (i / 99) for i in range(n)]
        smooth = smoothed(losses)
        if any(smooth[k] > 4 * min(smooth[:k + 1]) for k in range(n - 1)):
            continue  # the finder would have ended there
        l, s = lrs[10:-5], smooth[10:-5]
        found = valley(l, s), steep(l, s), l[s.index(min(s))] / 10
        lines.append(" ".join([str(n)] + [f"{x:.12g}" for x in found] + [f"{x:.6g}" for x in losses]))
    OUT.write_text("\n".join(lines) + "\n")
    print(OUT, len(lines) - 1)


if __name__ == "__main__":
    main()
