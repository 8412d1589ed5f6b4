#!/usr/bin/env python3
"""Makes the TIFF and Netpbm images of tests/fixtures/image/, and in tiff_ppm.txt what each must decode to.

    VENV/bin/python tools/make_tiff_fixtures.py        (numpy, pillow, tifffile, imagecodecs)

What a lossless file must give is known from the pixels that were written: by tifffile and Pillow, Netpbm's by the writer below.
A TIFF packed as JPEG is compared with what tifffile reads. A line is as in expected.txt (tools/make_image_fixtures.py); notes
are alpha, sixteen, animated, or unsupported with the word that the message must have.
"""
import hashlib
import io
import os

import numpy as np
import tifffile
from PIL import Image

W, H = 37, 29
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "fixtures", "image")


def scene(w, h, channels, top=255):
    y, x = np.mgrid[0:h, 0:w].astype(np.float64)
    planes = [(np.sin(x / (5 + c)) * np.cos(y / (7 - c)) * 0.4 + 0.5) * 0.7 + 0.3 * ((x * (c + 2) + y * 3) % 11 > 5)
              for c in range(channels)]
    return np.clip(np.stack(planes, -1) * top, 0, top).astype(np.uint16 if top > 255 else np.uint8)


def eight(v, top):
    return ((v.astype(np.int64) * 255 + top // 2) // top).astype(np.uint8)


def on_white(rgb, alpha):
    a = alpha.astype(np.int64)[..., None]
    return ((rgb.astype(np.int64) * a + 255 * (255 - a) + 127) // 255).astype(np.uint8)


def grey(v):
    return np.repeat(v.reshape(*v.shape[:2], 1), 3, -1)


# ---- Netpbm

def netpbm(kind, v, top=255, comment=b""):
    """v: (h, w, samples); kind 1 to 6."""
    h, w, _ = v.shape
    head = b"P%d\n%s%d %d\n" % (kind, comment, w, h)
    if kind not in (1, 4):
        head += b"%d\n" % top
    if kind <= 3:
        per_line = 1 if kind == 1 else 12
        numbers = [b"%d" % n for n in v.reshape(-1)]
        sep = b"" if kind == 1 else b" "
        lines = [sep.join(numbers[i:i + per_line * 5]) for i in range(0, len(numbers), per_line * 5)]
        return head + b"\n".join(lines) + b"\n"
    if kind == 4:
        return head + np.packbits(v[..., 0], axis=1).tobytes()
    return head + (v.astype(">u2") if top > 255 else v.astype(np.uint8)).tobytes()


def make_netpbm(put):
    bits = (scene(W, H, 1)[..., :1] > 128).astype(np.uint8)
    for kind in (1, 4):  # 1 is black
        put(f"ppm_p{kind}.pbm", netpbm(kind, bits, comment=b"# by hand\n"), grey((1 - bits) * 255), [])
    for kind, samples, ending in ((2, 1, "pgm"), (5, 1, "pgm"), (3, 3, "ppm"), (6, 3, "ppm")):
        for top in (255, 15, 1000, 65535):
            v = scene(W, H, samples, top)
            rgb = eight(v, top)
            put(f"ppm_p{kind}_{top}.{ending}", netpbm(kind, v, top, b"# CREATOR: a program\n#\n" if top == 15 else b""),
                rgb if samples == 3 else grey(rgb), ["sixteen"] if top > 255 else [])


# ---- TIFF

def tiff(v, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, v, software=False, metadata=None, datetime=None, **options)
    return out.getvalue()


def pillow(image, **options):
    out = io.BytesIO()
    image.save(out, "TIFF", **options)
    return out.getvalue()


def make_tiff(put):
    rgb, one = scene(W, H, 3), scene(W, H, 1)[..., 0]
    for packing in ("none", "lzw", "zlib", "packbits"):
        put(f"tiff_rgb_{packing}.tif", tiff(rgb, photometric="rgb", compression=None if packing == "none" else packing,
                                            rowsperstrip=8), rgb, [])
    put("tiff_rgb_predictor.tif", tiff(rgb, photometric="rgb", compression="lzw", predictor=True), rgb, [])
    put("tiff_rgb_big_end.tif", tiff(rgb, photometric="rgb", byteorder=">"), rgb, [])
    put("tiff_rgb_bigtiff.tif", tiff(rgb, photometric="rgb", bigtiff=True), rgb, [])
    put("tiff_rgb_tiled.tif", tiff(rgb, photometric="rgb", tile=(16, 16), compression="zlib"), rgb, [])
    put("tiff_rgb_planes.tif", tiff(np.moveaxis(rgb, -1, 0).copy(), photometric="rgb", planarconfig="separate"), rgb, [])
    put("tiff_grey.tif", tiff(one, photometric="minisblack"), grey(one), [])
    put("tiff_grey_inverse.tif", tiff(one, photometric="miniswhite"), grey(255 - one), [])
    for top, name in ((65535, "16"),):
        wide = scene(W, H, 1, top)[..., 0]
        put(f"tiff_grey_{name}.tif", tiff(wide, photometric="minisblack"), grey(eight(wide, top)), ["sixteen"])
        put(f"tiff_grey_{name}_inverse.tif", tiff(wide, photometric="miniswhite", tile=(16, 16), byteorder=">"),
            grey(eight(top - wide, top)), ["sixteen"])
        wide = scene(W, H, 3, top)
        put(f"tiff_rgb_{name}.tif", tiff(wide, photometric="rgb", compression="zlib", predictor=True), eight(wide, top), ["sixteen"])
    bits = scene(W, H, 1)[..., 0] > 128
    put("tiff_bits.tif", tiff(bits, photometric="minisblack"), grey(bits.astype(np.uint8) * 255), [])
    put("tiff_fax4.tif", pillow(Image.fromarray(bits), compression="group4"), grey(bits.astype(np.uint8) * 255), [])
    table = np.random.default_rng(7).integers(0, 256, (256, 3), np.uint8)
    put("tiff_palette.tif", tiff(one, photometric="palette", colormap=(table.T.astype(np.uint16) * 257)), table[one], [])
    rgba = scene(W, H, 4)
    put("tiff_alpha.tif", tiff(rgba, photometric="rgb", extrasamples=["unassalpha"]), on_white(rgba[..., :3], rgba[..., 3]), ["alpha"])
    cmyk = scene(W, H, 4)
    ink = 255 - cmyk.astype(np.int64)
    put("tiff_cmyk.tif", tiff(cmyk, photometric="separated"), (ink[..., :3] * ink[..., 3:] // 255).astype(np.uint8), [])
    data = tiff(rgb, photometric="rgb", compression="jpeg", compressionargs={"level": 90, "outcolorspace": "rgb"})
    put("tiff_jpeg.tif", data, tifffile.imread(io.BytesIO(data)), [])
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as pages:
        for v in (rgb, 255 - rgb):
            pages.write(v, photometric="rgb", metadata=None, software=False)
    put("tiff_pages.tif", out.getvalue(), rgb, ["animated"])
    put("tiff_turned.tif", tiff(rgb, photometric="rgb", extratags=[(274, "H", 1, 6, True)]), np.rot90(rgb, -1), [])
    put("tiff_float.tif", tiff(one.astype(np.float32), photometric="minisblack"), None, ["unsupported"])
    put("tiff_32.tif", tiff(one.astype(np.uint32), photometric="minisblack"), None, ["unsupported"])
    put("tiff_signed.tif", tiff(one.astype(np.int16), photometric="minisblack"), None, ["unsupported"])
    put("tiff_zstd.tif", tiff(rgb, photometric="rgb", compression="zstd"), None, ["unsupported"])


def main():
    lines = []

    def put(name, data, rgb, notes):
        with open(os.path.join(HERE, name), "wb") as f:
            f.write(data)
        h, w = (0, 0) if rgb is None else rgb.shape[:2]
        digest = "-" if rgb is None else hashlib.sha256(np.ascontiguousarray(rgb).tobytes()).hexdigest()
        lines.append(f"{name} {w} {h} {digest} {','.join(notes) or '-'}")

    make_netpbm(put)
    make_tiff(put)
    with open(os.path.join(HERE, "tiff_ppm.txt"), "w", encoding="ascii") as f:
        f.write("\n".join(sorted(lines)) + "\n")


if __name__ == "__main__":
    main()
