"""Makes tests/fixtures/probe.safetensors: logistic regressions as scikit-learn solves them, neighbours and centroids.

    tools/venv.sh && .deps/venv/bin/python tools/make_probe_fixtures.py

CASE/x (features as they come), CASE/label, CASE/weight, held/..: rows to predict. LAMBDA/p: the probabilities of the optimum
on all rows, LAMBDA/value: its objective, the sum of two floats; both of features less their mean, divided by one number, the root of their
mean square. knn, centroid: labels of the held-out rows, by the cosine of centred features (10 neighbours; the mean of a class).
"""
import pathlib
import warnings

import numpy as np
import sklearn
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from seeded import store, unit

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/fixtures/probe.safetensors"
LAMBDAS = {"1": 1.0, "1e-2": 1e-2, "1e-4": 1e-4}
CASES = {  # rows, features, classes, what tells classes apart, whether rows weigh differently, whether rows come twice
    "two": (60, 20, 2, 0.6, False, False), "five": (200, 32, 5, 0.8, False, False), "twenty": (400, 24, 20, 2.0, False, False),
    "separable": (50, 100, 3, 6.0, False, False), "weighted": (150, 16, 2, 0.5, True, False), "weighted_four": (160, 12, 4, 0.7, True, False),
    "twice": (120, 24, 4, 0.8, False, True), "many": (2000, 3, 3, 0.6, False, False), "fifty": (200, 10, 50, 3.0, False, False),
}
HELD = 40


def data(name, n, d, classes, apart, twice):
    centre = 2 * unit(f"probe_{name}/centre", (classes, d)) - 1
    label = np.arange(n + HELD) % classes
    noise = unit(f"probe_{name}/a", (n + HELD, d)) + unit(f"probe_{name}/b", (n + HELD, d)) - 1
    x = (3 + 2 * (noise + apart * centre[label] * 0.3)).astype(np.float32)
    if twice:
        x[n // 2:n] = x[:n // 2]
        label[n // 2:n] = label[:n // 2]
    return x[:n], label[:n], x[n:], label[n:]


def solve(x, label, weight, classes, lam):
    total = weight.sum()
    c = (2 if classes == 2 else 1) / (lam * total)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        m = LogisticRegression(C=c, tol=1e-10, max_iter=100000, solver="lbfgs").fit(x, label, sample_weight=weight)
        m = LogisticRegression(C=c, tol=1e-12, max_iter=1000, solver="newton-cholesky").fit(x, label, sample_weight=weight)
    p = m.predict_proba(x)
    z = x @ m.coef_.T + m.intercept_
    if classes == 2:
        z = np.hstack([np.zeros_like(z), z])
        penalty = lam / 4 * (m.coef_ ** 2).sum()
    else:
        penalty = lam / 2 * (m.coef_ ** 2).sum()
    loss = logsumexp(z, axis=1) - z[np.arange(len(z)), label]
    return p, (weight * loss).sum() / total + penalty


def two_floats(x):
    high = np.float32(x)
    return np.array([high, np.float32(x - float(high))], np.float32)


def main():
    t = {}
    for name, (n, d, classes, apart, weighted, twice) in CASES.items():
        x, label, hx, hy = data(name, n, d, classes, apart, twice)
        weight = (0.25 + 2 * unit(f"probe_{name}/weight", n)).astype(np.float32) if weighted else np.ones(n, np.float32)
        t[f"{name}/x"], t[f"{name}/label"], t[f"{name}/weight"] = x, label.astype(np.float32), weight
        t[f"{name}/held/x"], t[f"{name}/held/label"] = hx, hy.astype(np.float32)
        mean = x.astype(np.float64).mean(axis=0)
        sigma = np.sqrt(((x - mean) ** 2).mean())
        s, h = (x - mean) / sigma, (hx - mean) / sigma
        for key, lam in LAMBDAS.items():
            p, value = solve(s, label, weight.astype(np.float64), classes, lam)
            t[f"{name}/{key}/p"], t[f"{name}/{key}/value"] = p.astype(np.float32), two_floats(value)
        knn = KNeighborsClassifier(n_neighbors=10, metric="cosine").fit(s, label)
        centroid = np.stack([s[label == c].mean(axis=0) for c in range(classes)])
        cosine = (h @ centroid.T) / np.linalg.norm(centroid, axis=1)
        t[f"{name}/knn"], t[f"{name}/centroid"] = knn.predict(h).astype(np.float32), cosine.argmax(axis=1).astype(np.float32)
    store(OUT, t, {"scikit-learn": sklearn.__version__, "numpy": np.__version__})
    print(OUT, OUT.stat().st_size)


if __name__ == "__main__":
    main()
