"""What stands for an image, and what is refused with what to do (SERVICE's Y1): never guessed."""

import io
import pathlib

import numpy as np

from common import Case, graft, images, model, pictures


def pixels(seed=1, h=40, w=48):
    return np.random.default_rng(seed).integers(0, 256, (h, w, 3), np.uint8)


class Accepted(Case):
    def same(self, x, wanted):
        np.testing.assert_array_equal(model().predict_proba(x), wanted)

    def test_paths_bytes_and_lists_are_the_same_image(self):
        paths = images()
        wanted = model().predict_proba(paths)
        self.assertEqual((wanted.shape, wanted.dtype), ((4, 2), np.float32))
        np.testing.assert_allclose(wanted.sum(axis=1), 1, atol=1e-6)
        self.same([pathlib.Path(p) for p in paths], wanted)
        self.same([pathlib.Path(p).read_bytes() for p in paths], wanted)
        self.same([bytearray(pathlib.Path(paths[0]).read_bytes()), memoryview(pathlib.Path(paths[1]).read_bytes()), *paths[2:]], wanted)
        self.same(np.array(paths), wanted)
        self.same(np.array(paths, object), wanted)
        self.same(iter(paths), wanted)
        self.same(paths[0], wanted[:1])
        self.same(pathlib.Path(paths[0]).read_bytes(), wanted[:1])

    def test_pixels_are_their_png(self):
        x = pixels()
        png = pictures.png(48, 40, [row.tobytes() for row in x])
        wanted = model().predict_proba(png)
        self.same(x, wanted)
        self.same([x], wanted)
        self.same(x[None], wanted)

    def test_layouts_in_memory_change_nothing(self):
        x = pixels()
        wanted = model().predict_proba(x)
        batch = np.stack([x, pixels(2)])
        self.same(np.asfortranarray(x), wanted)
        self.same(np.ascontiguousarray(x[::-1])[::-1], wanted)
        self.same(np.ascontiguousarray(x[:, ::-1])[:, ::-1], wanted)
        self.same(np.ascontiguousarray(x[..., ::-1])[..., ::-1], wanted)
        wide = np.zeros((40, 60, 3), np.uint8)
        wide[:, 6:54] = x
        self.same(wide[:, 6:54], wanted)  # rows at a distance: passed as they are
        x.flags.writeable = False
        self.same(x, wanted)
        self.same(np.asfortranarray(batch), model().predict_proba([batch[0], batch[1]]))
        self.same(np.moveaxis(np.ascontiguousarray(np.moveaxis(batch, -1, 1)), 1, -1), model().predict_proba(batch))

    def test_anything_with_array(self):
        class Tensor:
            def __array__(self, dtype=None, copy=None):
                return pixels()

        self.same(Tensor(), model().predict_proba(pixels()))
        self.same([Tensor(), Tensor()], model().predict_proba([pixels()] * 2))

    def test_gray_and_transparent_images_are_as_in_files(self):
        gray = pixels()[..., :1]
        self.same(gray, model().predict_proba(np.repeat(gray, 3, axis=2)))
        clear = np.concatenate([pixels(), np.zeros((40, 48, 1), np.uint8)], axis=2)
        self.same(clear, model().predict_proba(np.full((40, 48, 3), 255, np.uint8)))

    def test_one_pixel(self):
        self.assertEqual(model().predict_proba(np.zeros((1, 1, 3), np.uint8)).shape, (1, 2))

    def test_a_folder_is_walked(self):
        folder = pathlib.Path(images()[0]).parents[1]
        found = model().predict(folder)
        self.assertEqual([p.path for p in found], sorted(p.path for p in found))
        self.assertEqual(len(found), 12)

    def test_pillow(self):
        from PIL import Image
        x = pixels()
        self.same(Image.fromarray(x), model().predict_proba(x))
        self.same(Image.fromarray(x[..., 0]), model().predict_proba(x[..., :1]))
        clear = np.concatenate([x, np.full((40, 48, 1), 128, np.uint8)], axis=2)
        self.same(Image.fromarray(clear, "RGBA"), model().predict_proba(clear))
        rotated = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(x).save(rotated, "PNG", exif=exif)
        self.same(Image.open(rotated), model().predict_proba(np.rot90(x, -1)))


class Refused(Case):
    def no(self, x, said, hint):
        for call in (model().predict, model().predict_proba, model().features):
            error = self.refused(graft.DataError, "E3403", call, x)
            self.assertIsInstance(error, ValueError)
            self.assertIn(said, error.message)
            self.assertIn(hint, error.hint)
            self.assertEqual(error.status, graft.Status.DATA)

    def test_types(self):
        x = pixels()
        for kind in (np.float16, np.float32, np.float64):
            self.no(x.astype(kind), "0 to 1 or 0 to 255", "astype('uint8')")
        self.no(x.astype(np.int64), "uint8", "astype('uint8')")
        self.no(x > 3, "uint8", "astype('uint8')")
        self.no(x.astype(object), "objects", "list")
        self.no(x.astype(np.complex64), "uint8", "uint8")

    def test_shapes(self):
        self.no(np.zeros((3, 40, 48), np.uint8), "come first", "transpose(1, 2, 0)")
        self.no(np.zeros((5, 3, 40, 48), np.uint8), "come first", "transpose(0, 2, 3, 1)")
        self.no(np.zeros((40, 48), np.uint8), "2 dimensions", "x[..., None]")
        self.no(np.zeros((9, 40, 48), np.uint8), "last dimension", "x[..., None]")
        self.no(np.zeros((2, 2, 40, 48, 3), np.uint8), "5 dimensions", "height")
        self.no(np.uint8(3), "0 dimensions", "height")
        self.no(np.zeros(48, np.uint8), "1 dimensions", "height")
        self.no(np.zeros((0, 48, 3), np.uint8), "empty", "pixel")
        self.no(np.zeros((0, 40, 48, 3), np.uint8), "empty", "pixel")

    def test_what_is_no_image(self):
        self.no([], "no image", "one at least")
        self.no(None, "NoneType", "path")
        self.no(3, "int", "path")
        self.no([1, 2], "int", "path")
        self.no([[1, 2], [3, 4]], "list", "path")

    def test_bad_files(self):
        self.refused(graft.DataError, "E1101", model().predict, "none.jpg")
        self.refused(graft.DataError, "E1101", model().predict_proba, ["none.jpg"])
        self.refused(graft.DataError, "E1202", model().predict, b"no image")
        self.refused(graft.DataError, "E1201", model().predict, b"")
        self.refused(graft.UsageError, "E3002", model().predict, "a\0b.jpg", confidence=0.5)

    def test_one_bad_image_of_many_fails_alone(self):
        good = images(2)
        found = model().predict([good[0], "none.jpg", b"no image", good[1]])
        self.assertEqual([p.label is None for p in found], [False, True, True, False])
        self.assertEqual([p.error.code for p in found[1:3]], ["E1101", "E1202"])
        rows = model().predict_proba([good[0], b"no image", good[1]], errors="nan")
        self.assertEqual(np.isnan(rows).any(axis=1).tolist(), [False, True, False])
        error = self.refused(graft.DataError, "E1202", model().predict_proba, [good[0]] * 70 + [b"no image"])
        self.assertIn("image 70:", error.message)
        self.refused(graft.DataError, "E1101", model().predict, ["none.jpg", "nothing.jpg"])
