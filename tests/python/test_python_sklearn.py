"""The estimators in scikit-learn's own tools."""

import pickle

import numpy as np

from common import PLACE, Case, data, graft, images, quiet


class Estimators(Case):
    @classmethod
    def setUpClass(cls):
        cls.paths = [f"{data()}/train/{name}/{i:03d}.png" for i in range(8) for name in ("dark", "bright")]
        cls.y = np.array(["night", "day"] * 8)

    def features(self, **more):
        import graft.sklearn
        return graft.sklearn.Features("mobilenet_v2", weights=None, size=32, threads=2, **more)

    def classifier(self, **more):
        import graft.sklearn
        return graft.sklearn.Classifier(**{**dict(weights=None, model="mobilenet_v2", size=32, epochs=2, lr=0.01, batch=4, threads=2,
                                                  options={"alpha": 0.35, "precision": "f32"}), **more})

    def test_features_in_a_pipeline(self):
        from sklearn.base import clone
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import cross_val_score
        from sklearn.pipeline import make_pipeline
        pipeline = make_pipeline(self.features(), LogisticRegression())
        pipeline.fit(self.paths, self.y)
        self.assertEqual(pipeline.predict(images()).tolist(), ["night", "day"] * 2)
        x = np.array(self.paths, object)
        self.assertGreater(cross_val_score(pipeline, x, self.y, cv=2).mean(), 0.9)
        transformer = self.features(layer=None)
        self.assertEqual(clone(transformer).get_params(), transformer.get_params())
        rows = transformer.fit_transform(self.paths[:2])
        self.assertIs(type(rows), np.ndarray)
        self.assertEqual(rows.shape, (2, 1280))
        self.assertEqual(len(transformer.get_feature_names_out()), 1280)
        again = pickle.loads(pickle.dumps(transformer))
        np.testing.assert_array_equal(again.transform(self.paths[:2]), rows)

    def test_not_fitted(self):
        from sklearn.exceptions import NotFittedError
        for call in (self.features().transform, self.classifier().predict, self.classifier().predict_proba):
            with self.assertRaises(NotFittedError):
                call(self.paths)

    def test_a_classifier(self):
        from sklearn.base import clone, is_classifier
        estimator = self.classifier(out=str(PLACE / "estimator"))
        self.assertTrue(is_classifier(estimator))
        self.assertIs(quiet(estimator.fit, self.paths, self.y), estimator)
        self.assertEqual(estimator.classes_.tolist(), ["day", "night"])
        p = estimator.predict_proba(images())
        self.assertEqual(p.shape, (4, 2))
        np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
        self.assertEqual(estimator.predict(images()).tolist(), estimator.classes_[p.argmax(axis=1)].tolist())
        self.assertGreater(estimator.score(images(), ["night", "day"] * 2), 0.4)
        again = pickle.loads(pickle.dumps(estimator))
        np.testing.assert_array_equal(again.predict_proba(images()), p)
        fresh = clone(estimator).set_params(lr=0.02, out=None)
        self.assertFalse(hasattr(fresh, "classes_"))
        self.assertEqual((fresh.lr, estimator.lr), (0.02, 0.01))
        numbers = quiet(self.classifier(options={"alpha": 0.35, "precision": "f32"}).fit, self.paths, np.arange(16) % 2 + 10)
        self.assertTrue(set(numbers.predict(images())) <= {10, 11})
        self.assertEqual(numbers.predict(images()).dtype.kind, "i")
        self.refused(graft.UsageError, "E3001", pickle.dumps, numbers)
        self.refused(graft.DataError, "E3403", estimator.fit, self.paths, ["one"] * 16)
