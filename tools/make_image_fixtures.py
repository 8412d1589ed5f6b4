#!/usr/bin/env python3
"""Makes tests/fixtures/image/: small pictures of every kind that graft reads, and in expected.txt what each must decode to.

    .deps/venv/bin/python tools/make_image_fixtures.py [--pngsuite DIR]

What PNG, BMP, GIF and lossless WebP must give is known from the pixels that were written (PNG and BMP by the writers below); what
JPEG and lossy WebP must give comes from TensorFlow's and Pillow's decoders. With --pngsuite also pngsuite.txt: every file of a
PngSuite folder, decoded by the reader below. arithmetic.jpg needs jpegtran (libjpeg-turbo-progs) and is kept where there is none.

A line is: file, width, height, SHA-256 of the RGB bytes, notes (of alpha, sixteen, animated; - for none). Transparent pixels
are composited on white, (c a + 255 (255 - a) + 127) / 255 in whole numbers; 16 bits become 8 as floor(v / 257 + 0.5).
"""
import argparse
import hashlib
import io
import os
import shutil
import struct
import subprocess
import sys
import zlib

import numpy as np
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

W, H = 37, 29
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # Adam7: x, y, dx, dy
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "fixtures", "image")


def scene(w, h, channels, top=255):
    """A smooth picture with an edge and some texture, values 0..top."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float64)
    planes = [(np.sin(x / (5 + c)) * np.cos(y / (7 - c)) * 0.4 + 0.5) * 0.7 + 0.3 * ((x * (c + 2) + y * 3) % 11 > 5)
              for c in range(channels)]
    return np.clip(np.stack(planes, -1) * top, 0, top).astype(np.uint16 if top > 255 else np.uint8)


def eight(v):
    return ((v.astype(np.int64) * 2 + 257) // 514).astype(np.uint8)


def on_white(rgb, alpha):
    a = alpha.astype(np.int64)[..., None]
    return ((rgb.astype(np.int64) * a + 255 * (255 - a) + 127) // 255).astype(np.uint8)


# ---- PNG

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed_rows(v, bits):
    """Filtered rows (filter 0..4 in turn) of an array (h, w, samples)."""
    h, w, s = v.shape
    out, before = b"", None
    step = max(1, bits * s // 8)
    for y in range(h):
        if bits == 16:
            row = v[y].astype(">u2").tobytes()
        elif bits == 8:
            row = v[y].astype(np.uint8).tobytes()
        else:
            flat = np.zeros((w * bits + 7) // 8 * 8 // bits, np.uint8)
            flat[:w] = v[y, :, 0]
            row = np.packbits(((flat[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)).tobytes()
        before = before or bytes(len(row))
        kind = y % 5
        done = bytearray()
        for i, b in enumerate(row):
            left = row[i - step] if i >= step else 0
            up = before[i]
            corner = before[i - step] if i >= step else 0
            done.append((b - predict(kind, left, up, corner)) & 255)
        out += bytes([kind]) + bytes(done)
        before = row
    return out


def predict(kind, left, up, corner):
    if kind == 4:
        p = left + up - corner
        distance = (abs(p - left), abs(p - up), abs(p - corner))
        return (left, up, corner)[distance.index(min(distance))]
    return (0, left, up, (left + up) // 2)[kind]


def png(v, color, bits, interlace=False, before=(), after=()):
    h, w, _ = v.shape
    parts = [v[y0::dy, x0::dx] for x0, y0, dx, dy in PASSES] if interlace else [v]
    raw = b"".join(packed_rows(p, bits) for p in parts if p.size)
    head = struct.pack(">IIBBBBB", w, h, bits, color, 0, 0, int(interlace))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(chunk(*c) for c in before) + chunk(b"IDAT", zlib.compress(raw, 9))
            + b"".join(chunk(*c) for c in after) + chunk(b"IEND", b""))


def read_png(data):
    """RGB on white and notes of any PNG: a reader of its own, from the standard's text."""
    at, parts, idat = 8, {}, b""
    while at < len(data):
        n, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + n]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + n:at + 12 + n])[0]
        if kind == b"IDAT":
            idat += body
        else:
            parts.setdefault(kind, body)
        at += 12 + n
    w, h, bits, color, _, _, interlace = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    raw, s = zlib.decompress(idat), SAMPLES[color]
    v, at = np.zeros((h, w, s), np.int64), 0
    for x0, y0, dx, dy in PASSES if interlace else ((0, 0, 1, 1),):
        pw, ph = (w - x0 + dx - 1) // dx, (h - y0 + dy - 1) // dy
        if pw <= 0 or ph <= 0:
            continue
        n, step = (pw * s * bits + 7) // 8, max(1, bits * s // 8)
        before = bytes(n)
        for y in range(ph):
            kind, row = raw[at], bytearray(raw[at + 1:at + 1 + n])
            at += 1 + n
            for i in range(n):
                left = row[i - step] if i >= step else 0
                corner = before[i - step] if i >= step else 0
                row[i] = (row[i] + predict(kind, left, before[i], corner)) & 255
            before = bytes(row)
            if bits == 16:
                line = np.frombuffer(before, ">u2").reshape(pw, s)
            elif bits == 8:
                line = np.frombuffer(before, np.uint8).reshape(pw, s)
            else:
                b = np.unpackbits(np.frombuffer(before, np.uint8)).reshape(-1, bits)
                line = (b * (1 << np.arange(bits - 1, -1, -1))).sum(-1)[:pw, None]
            v[y0 + y * dy, x0::dx] = line
    return to_rgb(v, color, bits, parts.get(b"PLTE"), parts.get(b"tRNS"))


def to_rgb(v, color, bits, palette, key):
    """RGB on white, and notes, of samples (h, w, s)."""
    notes = ["sixteen"] if bits == 16 else []
    alpha = None
    if color == 3:
        table = np.frombuffer(palette, np.uint8).reshape(-1, 3)
        rgb = table[v[..., 0]]
        if key is not None:
            a = np.full(256, 255, np.uint8)
            a[:len(key)] = np.frombuffer(key, np.uint8)
            alpha = a[v[..., 0]]
    else:
        s = v[..., :3] if color in (2, 6) else np.repeat(v[..., :1], 3, -1)
        rgb = eight(s) if bits == 16 else (s * (255 // ((1 << bits) - 1))).astype(np.uint8)
        if color in (4, 6):
            alpha = eight(v[..., -1]) if bits == 16 else v[..., -1].astype(np.uint8)
        elif key is not None:
            wanted = np.frombuffer(key, ">u2")
            alpha = np.where((v == wanted).all(-1), 0, 255).astype(np.uint8)
    if alpha is not None:
        notes.insert(0, "alpha")
        rgb = on_white(rgb, alpha)
    return rgb, notes


def make_png(put):
    rng = np.random.default_rng(1)
    palette = rng.integers(0, 256, (256, 3), np.uint8).tobytes()
    trns = rng.integers(0, 256, 200, np.uint8).tobytes()
    for color, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))):
        for bits in depths:
            for interlace in (False, True):
                for key in (False, True) if color in (0, 2, 3) else (False,):
                    v = scene(W, H, SAMPLES[color], (1 << bits) - 1)
                    before, plte, t = [(b"gAMA", struct.pack(">I", 45455))], None, None
                    if color == 3:
                        plte = palette[:3 << bits]
                        before.append((b"PLTE", plte))
                    if key:
                        t = trns[:min(1 << bits, 200)] if color == 3 else v[3, 5].astype(">u2").tobytes()
                        before.append((b"tRNS", t))
                    name = f"png_{color}_{bits}{'_i' if interlace else ''}{'_key' if key else ''}.png"
                    data = png(v, color, bits, interlace, before)
                    rgb, notes = to_rgb(v.astype(np.int64), color, bits, plte, t)
                    again, _ = read_png(data)
                    assert (again == rgb).all()
                    put(name, data, rgb, notes)
    v = scene(20, 10, 3)
    bomb = zlib.compress(bytes(8 << 20), 9)
    chunks = [(b"iCCP", b"x\0\0" + bomb), (b"zTXt", b"x\0\0" + bomb), (b"iTXt", b"x\0\1\0\0\0" + bomb)]
    put("png_bomb.png", png(v, 2, 8, before=chunks), v, [])
    frame = struct.pack(">IIIIIHHBB", 0, 20, 10, 0, 0, 1, 10, 0, 0)
    other = struct.pack(">I", 2) + zlib.compress(packed_rows(255 - v, 8))
    animation = png(v, 2, 8, before=[(b"acTL", struct.pack(">II", 2, 0)), (b"fcTL", frame)],
                    after=[(b"fcTL", b"\0\0\0\1" + frame[4:]), (b"fdAT", other)])
    put("png_animated.png", animation, v, ["animated"])
    thin = np.zeros((1, 65535, 1), np.uint8)
    thin[0, ::3] = 1
    put("png_65535x1.png", png(thin, 0, 1), np.repeat(thin * 255, 3, -1), [])
    thin = thin.reshape(65535, 1, 1)
    put("png_1x65535.png", png(thin, 0, 1), np.repeat(thin * 255, 3, -1), [])


# ---- JPEG

def make_jpeg(put, keep):
    import tensorflow as tf

    def add(name, data):
        put(name, data, tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE").numpy(), [])

    def saved(v, mode="RGB", **options):
        out = io.BytesIO()
        Image.fromarray(v, mode).save(out, "JPEG", **options)
        return out.getvalue()

    photo = scene(W, H, 3)
    baseline = saved(photo, quality=85)
    add("jpeg_420.jpg", baseline)
    add("jpeg_444.jpg", saved(photo, quality=92, subsampling=0))
    add("jpeg_422.jpg", saved(photo, quality=75, subsampling=1))
    add("jpeg_progressive.jpg", saved(photo, quality=80, progressive=True))
    add("jpeg_restart.jpg", saved(photo, quality=85, restart_marker_blocks=2))
    add("jpeg_grey.jpg", saved(scene(W, H, 1)[..., 0], "L", quality=85))
    add("jpeg_1x1.jpg", saved(scene(1, 1, 3), quality=85))
    add("jpeg_rgb.jpg", saved(photo, quality=85, keep_rgb=True))
    cmyk = saved(scene(W, H, 4), "CMYK", quality=85)
    add("jpeg_cmyk_adobe.jpg", cmyk)
    at = cmyk.index(b"Adobe")
    add("jpeg_ycck_adobe.jpg", cmyk[:at + 11] + b"\2" + cmyk[at + 12:])
    size = struct.unpack(">H", cmyk[at - 2:at])[0]
    add("jpeg_cmyk_plain.jpg", cmyk[:at - 4] + cmyk[at - 2 + size:])
    if shutil.which("jpegtran"):
        coded = subprocess.run(["jpegtran", "-arithmetic"], input=baseline, stdout=subprocess.PIPE, check=True).stdout
        put("jpeg_arithmetic.jpg", coded, None, ["unsupported"])
    else:
        keep("jpeg_arithmetic.jpg")


# ---- BMP

def bmp(rows, w, h, bits, palette=b"", header=40, packing=0, masks=b"", top_down=False):
    """rows: bytes of each row from the top, not padded."""
    rows = [r + bytes(-len(r) % 4) for r in (rows if top_down else rows[::-1])]
    if header == 12:
        info = struct.pack("<IHHHH", 12, w, h, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, w, -h if top_down else h, 1, bits, packing, 0, 2835, 2835, 0, 0)
        info += masks + bytes(max(0, header - len(info) - len(masks)))
    start = 14 + len(info) + len(palette)
    body = b"".join(rows)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + info + palette + body


def make_bmp(put):
    v = scene(W, H, 4)
    bgr = v[..., 2::-1]
    rows = [bytes(r.tobytes()) for r in bgr]
    put("bmp_24.bmp", bmp(rows, W, H, 24), v[..., :3], [])
    put("bmp_24_top.bmp", bmp(rows, W, H, 24, top_down=True), v[..., :3], [])
    put("bmp_24_core.bmp", bmp(rows, W, H, 24, header=12), v[..., :3], [])
    bgra = np.concatenate([bgr, v[..., 3:]], -1)
    rows = [r.tobytes() for r in bgra]
    put("bmp_32.bmp", bmp(rows, W, H, 32), v[..., :3], [])
    masks = struct.pack("<IIII", 0xff0000, 0xff00, 0xff, 0xff000000)
    put("bmp_32_alpha.bmp", bmp(rows, W, H, 32, header=124, packing=3, masks=masks), on_white(v[..., :3], v[..., 3]), ["alpha"])
    five = np.stack([v[..., 0] >> 3, v[..., 1] >> 2, v[..., 2] >> 3], -1).astype(np.uint16)
    words = five[..., 0] << 11 | five[..., 1] << 5 | five[..., 2]
    wide = np.stack([(five[..., 0] * 255 + 15) // 31, (five[..., 1] * 255 + 31) // 63, (five[..., 2] * 255 + 15) // 31], -1)
    masks = struct.pack("<III", 0xf800, 0x7e0, 0x1f)
    put("bmp_16_565.bmp", bmp([r.astype("<u2").tobytes() for r in words], W, H, 16, packing=3, masks=masks), wide.astype(np.uint8), [])
    rng = np.random.default_rng(2)
    for bits in (1, 4, 8):
        index = scene(W, H, 1, (1 << bits) - 1)[..., 0]
        table = rng.integers(0, 256, (1 << bits, 4), np.uint8)
        rows = []
        for y in range(H):
            flat = np.zeros((W * bits + 7) // 8 * 8 // bits, np.uint8)
            flat[:W] = index[y]
            rows.append(np.packbits(((flat[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)).tobytes())
        put(f"bmp_{bits}.bmp", bmp(rows, W, H, bits, table.tobytes()), table[index][..., 2::-1], [])
    put("bmp_rle8.bmp", bmp([b"\5\1\0\0"], 5, 1, 8, bytes(1024), packing=1), None, ["unsupported"])


# ---- GIF and WebP

def make_gif(put):
    rng = np.random.default_rng(3)
    index = scene(W, H, 1)[..., 0] // 2
    table = rng.integers(0, 256, (128, 3), np.uint8)

    def image(v):
        im = Image.fromarray(v, "P")
        im.putpalette(table.tobytes())
        return im

    def saved(im, **options):
        out = io.BytesIO()
        im.save(out, "GIF", optimize=False, **options)
        return out.getvalue()

    put("gif_plain.gif", saved(image(index), interlace=0), table[index], [])
    put("gif_interlaced.gif", saved(image(index), interlace=1), table[index], [])
    clear = table[index].copy()
    clear[index == index[0, 0]] = 255
    put("gif_transparent.gif", saved(image(index), interlace=0, transparency=int(index[0, 0])), clear, ["alpha"])
    frames = [image((index + k) % 128) for k in (40, 80)]
    put("gif_animated.gif", saved(image(index), save_all=True, append_images=frames, duration=50, interlace=0), table[index], ["animated"])
    plain = saved(image(index), interlace=0)
    canvas = np.full((H + 6, W + 9, 3), 255, np.uint8)
    canvas[2:2 + H, 4:4 + W] = table[index]
    at = plain.index(b"," + struct.pack("<HHHH", 0, 0, W, H))
    moved = plain[:6] + struct.pack("<HH", W + 9, H + 6) + plain[10:at] + b"," + struct.pack("<HH", 4, 2) + plain[at + 5:]
    put("gif_offset.gif", moved, canvas, [])
    outside = plain[:at] + b"," + struct.pack("<HH", 4, 2) + plain[at + 5:]
    put("gif_outside.gif", outside, None, ["damaged"])


class Bits:
    """Bits to bytes, lowest first, as VP8L wants them."""

    def __init__(self):
        self.value, self.n = 0, 0

    def add(self, value, n):
        self.value |= value << self.n
        self.n += n
        return self

    def bytes(self):
        return self.value.to_bytes((self.n + 7) // 8 + 16, "little")


def overfull_webp():
    """A lossless WebP whose code lengths are no prefix code (more codes of 15 bits than fit in their tables, the way in of
    CVE-2023-4863): must be refused, not read."""
    b = Bits().add(0x2f, 8).add(15, 14).add(15, 14).add(0, 1).add(0, 3)  # 16 x 16, no alpha, version 0
    b.add(0, 1).add(0, 1).add(0, 1)  # no transform, no colour cache, no meta codes
    for _ in range(5):
        b.add(0, 1).add(15, 4)  # a normal code; all 19 lengths of the length code follow
        for k in range(19):
            b.add(4 if k in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) else 0, 3)
        b.add(0, 1)
        for k in range(280):
            b.add(k * 7 & 15, 4)
    data = b.bytes()
    body = b"WEBPVP8L" + struct.pack("<I", len(data)) + data + bytes(len(data) & 1)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def make_webp(put):
    v = scene(W, H, 4)
    v[..., 3] = np.maximum(v[..., 3], 1)

    def saved(im, **options):
        out = io.BytesIO()
        im.save(out, "WEBP", **options)
        return out.getvalue()

    def pillow(data):
        im = Image.open(io.BytesIO(data))
        a = np.asarray(im.convert("RGBA"))
        return on_white(a[..., :3], a[..., 3])

    rgb, rgba = Image.fromarray(v[..., :3].copy()), Image.fromarray(v)
    put("webp_lossless.webp", saved(rgb, lossless=True), v[..., :3], [])
    put("webp_lossless_alpha.webp", saved(rgba, lossless=True, exact=True), on_white(v[..., :3], v[..., 3]), ["alpha"])
    lossy = saved(rgb, quality=80)
    put("webp_lossy.webp", lossy, pillow(lossy), [])
    lossy = saved(rgba, quality=80)
    put("webp_lossy_alpha.webp", lossy, pillow(lossy), ["alpha"])
    second = Image.fromarray(255 - v[..., :3])
    moving = saved(rgb, lossless=True, save_all=True, append_images=[second], duration=50)
    put("webp_animated.webp", moving, v[..., :3], ["animated"])
    exif = Image.Exif()
    exif[0x112] = 6
    turned = saved(rgb, lossless=True, exif=exif)
    put("webp_exif6.webp", turned, np.rot90(v[..., :3], -1), [])
    at = turned.index(b"VP8X")
    put("webp_canvas.webp", turned[:at + 12] + struct.pack("<I", W + 3)[:3] + turned[at + 15:], None, ["damaged"])
    put("webp_overfull.webp", overfull_webp(), None, ["damaged"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pngsuite", metavar="DIR", help="a folder of PngSuite's files, in subfolders")
    args = parser.parse_args()
    os.makedirs(HERE, exist_ok=True)
    lines = []
    listed = os.path.join(HERE, "expected.txt")
    old = dict((l.split()[0], l) for l in open(listed)) if os.path.exists(listed) else {}

    def put(name, data, rgb, notes):
        with open(os.path.join(HERE, name), "wb") as f:
            f.write(data)
        if rgb is None:
            lines.append(f"{name} 0 0 - {','.join(notes)}\n")
        else:
            digest = hashlib.sha256(np.ascontiguousarray(rgb, dtype=np.uint8).tobytes()).hexdigest()
            lines.append(f"{name} {rgb.shape[1]} {rgb.shape[0]} {digest} {','.join(notes) or '-'}\n")

    def keep(name):
        if name in old:
            lines.append(old[name])

    make_png(put)
    make_jpeg(put, keep)
    make_bmp(put)
    make_gif(put)
    make_webp(put)
    with open(listed, "w") as f:
        f.writelines(sorted(lines))
    print(f"{len(lines)} pictures, {sum(os.path.getsize(os.path.join(HERE, n)) for n in os.listdir(HERE))} bytes")
    if args.pngsuite:
        suite = []
        for folder, _, names in os.walk(args.pngsuite):
            for name in names:
                if not name.endswith(".png") or name.startswith("x"):
                    continue
                rgb, notes = read_png(open(os.path.join(folder, name), "rb").read())
                digest = hashlib.sha256(np.ascontiguousarray(rgb, dtype=np.uint8).tobytes()).hexdigest()
                path = os.path.relpath(os.path.join(folder, name), args.pngsuite)
                suite.append(f"{path} {rgb.shape[1]} {rgb.shape[0]} {digest} {','.join(notes) or '-'}\n")
        with open(os.path.join(HERE, "pngsuite.txt"), "w") as f:
            f.writelines(sorted(suite))
        print(f"{len(suite)} files of PngSuite")


if __name__ == "__main__":
    sys.exit(main())
