#!/usr/bin/env python3
"""Writes tests/fixtures/archives: small archives of images, good ones and such as must be refused, by Python's own zipfile and
tarfile and by changing bytes of what they wrote. cases.txt has a line per archive: its name, the number of the error (0: none) and
a part of the message. Nothing here comes from graft."""

import gzip
import io
import lzma
import os
import struct
import tarfile
import zipfile

HERE = os.path.join(os.path.dirname(__file__), "..", "tests", "fixtures", "archives")
DATE = (2024, 5, 6, 7, 8, 10)
cases = []


def image(seed):
    """A 24-bit BMP of 8 x 8 pixels."""
    pixels = bytes((seed * 41 + i * (7 if i % 3 == seed % 3 else 2)) % 256 for i in range(8 * 8 * 3))
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54 + len(pixels), 0, 0, 54, 40, 8, 8, 1, 24, 0, len(pixels), 0, 0, 0, 0) + pixels


FILES = {f"pets/{part}/{c}/{i}.bmp": image(k * 16 + j * 8 + i)
         for k, (part, n) in enumerate((("train", 3), ("validation", 2))) for j, c in enumerate(("cat", "dog")) for i in range(n)}
FLAT = {f"{c}/{i}.bmp": image(j * 8 + i) for j, c in enumerate(("cat", "dog")) for i in range(2)}


def keep(name, data, number=0, says="-"):
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(data)
    cases.append(f"{name} {number} {says}")
    return data


class Unseekable(io.RawIOBase):
    def __init__(self):
        self.data = b""

    def writable(self):
        return True

    def write(self, b):
        self.data += bytes(b)
        return len(b)


def zipped(files, method=zipfile.ZIP_DEFLATED, mode=None, out=None):
    raw = out if out is not None else io.BytesIO()
    with zipfile.ZipFile(raw, "w") as z:
        for name, data in files:
            info = zipfile.ZipInfo(name, DATE)
            info.compress_type = method
            info.external_attr = (mode or (0o40755 if name.endswith("/") else 0o100644)) << 16
            z.writestr(info, data)
    return raw.data if out is not None else raw.getvalue()


def tarred(files, kind=tarfile.REGTYPE, link="", form=tarfile.USTAR_FORMAT):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=form) as t:
        for name, data in files:
            info = tarfile.TarInfo(name.rstrip("/"))
            info.mtime = 1714979290
            info.type = tarfile.DIRTYPE if name.endswith("/") else kind
            info.linkname = link
            info.size = len(data) if info.type == tarfile.REGTYPE else 0
            t.addfile(info, io.BytesIO(data))
    whole = raw.getvalue()
    n = (len(whole.rstrip(b"\0")) + 511) // 512 * 512
    return whole[:n] + bytes(2 * 512)  # its end, without what fills up a tape's record


def packed(tar):
    return gzip.compress(tar, mtime=0)


def replaced(data, old, new, which):
    """The which-th `old` (0: the first, -1: the last) becomes `new`."""
    at = data.find(old) if which == 0 else data.rfind(old)
    assert at >= 0 and len(old) == len(new)
    return data[:at] + new + data[at + len(old):]


def good():
    keep("good.zip", zipped(FILES.items()))
    keep("stored.zip", zipped(FILES.items(), zipfile.ZIP_STORED))
    keep("streamed.zip", zipped(FILES.items(), out=Unseekable()))
    keep("folders.zip", zipped([("pets/", b""), ("pets/train/", b""), *FILES.items(), ("__MACOSX/pets/train/cat/._0.bmp", b"\0\5\x16\7"),
                                ("pets/.DS_Store", b"x"), ("pets/README.txt", b"hello")]))
    keep("good.tar", tarred(FILES.items()))
    keep("dot.tar", tarred([("./", b""), *((f"./{n}", d) for n, d in FILES.items())], form=tarfile.GNU_FORMAT))
    keep("pax.tar", tarred(FILES.items(), form=tarfile.PAX_FORMAT))
    good_tgz = keep("good.tgz", packed(tarred(FILES.items())))
    half = len(tarred(FILES.items())) // 2
    tar = tarred(FILES.items())
    keep("members.tar.gz", gzip.compress(tar[:half], mtime=0) + gzip.compress(tar[half:], mtime=0) + bytes(100))
    return good_tgz


def names():
    out = "a name with"
    one = image(1)
    for name, says, number in (("../x.bmp", out, 1161), ("cat/../../x.bmp", out, 1161), ("/abs/x.bmp", "an absolute name", 1161),
                               ("C:/x.bmp", "an absolute name of Windows", 1161), ("..\\x.bmp", out, 1161)):
        label = name.replace("../", "up-").replace("..\\", "back-").replace("/", "-").replace(":", "").strip("-")
        files = [*FLAT.items(), (name, one)]
        keep(f"name-{label}.zip", zipped(files), number, says)
        keep(f"name-{label}.tar", tarred(files), number, says)
    keep("twice.zip", zipped([*FLAT.items(), ("cat/0.bmp", one)]), 1161, "is there twice")
    keep("twice.tgz", packed(tarred([*FLAT.items(), ("./cat/0.bmp", one)])), 1161, "is there twice")
    keep("file-and-folder.tar", tarred([*FLAT.items(), ("cat", one)]), 1161, "is a file and a folder")


def links():
    for kind, label, says in ((tarfile.SYMTYPE, "symlink", "a symbolic link"), (tarfile.LNKTYPE, "hardlink", "a hard link"),
                              (tarfile.FIFOTYPE, "pipe", "a pipe"), (tarfile.CHRTYPE, "device", "a device")):
        tar = tarred([("cat/9.bmp", b"")], kind, "cat/0.bmp")
        keep(f"{label}.tar", tarred(FLAT.items())[:-2 * 512] + tar, 1161, says)
    keep("symlink.zip", zipped([("cat/9.bmp", b"/etc/passwd")], mode=0o120777), 1161, "a symbolic link")


def contradictions():
    data = zipped(FLAT.items())
    keep("local-name.zip", replaced(data, b"cat/0.bmp", b"cat/9.bmp", 0), 1160, "disagree")
    keep("central-name.zip", replaced(data, b"dog/1.bmp", b"dog/9.bmp", -1), 1160, "disagree")
    size = struct.pack("<I", len(image(0)))
    keep("local-size.zip", replaced(data, size, struct.pack("<I", len(image(0)) - 1), 0), 1160, "-")
    keep("central-size.zip", replaced(data, size, struct.pack("<I", 1 << 16), -1), 1160, "disagree")
    at = data.rfind(b"PK\1\2")
    first = data.find(b"PK\1\2")
    # The last entry of the directory leads to the first file again: as zip bombs of overlapping files do.
    over = data[:at + 42] + data[first + 42:first + 46] + data[at + 46:]
    keep("overlap.zip", over, 1160, "lies over another file")
    # zip64 that says another size than there is.
    extra = struct.pack("<HHQ", 1, 8, 1 << 40)
    name = data[at + 46:at + 46 + 9]
    lie = data[at:at + 24] + b"\xff\xff\xff\xff" + struct.pack("<HH", 9, len(extra)) + data[at + 32:at + 46] + name + extra
    end = data[data.rfind(b"PK\5\6"):]
    lied = data[:at] + lie
    end = end[:12] + struct.pack("<I", len(lied) - first) + end[16:]
    keep("zip64-lies.zip", lied + end, 1163, "-")


def encrypted():
    data = bytearray(zipped(FLAT.items()))
    for magic, flag in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.find(magic)
        while at >= 0:
            data[at + flag] |= 1
            at = data.find(magic, at + 4)
    keep("encrypted.zip", bytes(data), 1162, "is encrypted")


def damage(tgz):
    data = zipped(FLAT.items(), zipfile.ZIP_STORED)
    keep("crc.zip", replaced(data, image(0)[60:70], bytes(10), 0), 1164, "CRC")
    keep("crc.tgz", tgz[:-8] + bytes([tgz[-8] ^ 1]) + tgz[-7:], 1164, "checksum of its gzip data")
    keep("length.tgz", tgz[:-1] + b"\1", 1164, "checksum of its gzip data")
    keep("cut.tgz", tgz[:-9], 1160, "ends early")
    keep("followed.tgz", tgz + b"<html>", 1160, "follows its end")
    keep("cut.zip", data[:-30], 1160, "-")
    tar = tarred(FLAT.items())
    keep("cut.tar", tar[:3 * 1024 - 400], 1160, "-")
    keep("cut-between.tar", tar[:2 * 1024], 1160, "the mark of a tar's end is missing")
    keep("tar.xz", lzma.compress(tar[:4096]), 1165, "archives of xz are not read")
    keep("no.tgz", gzip.compress(b"not a tar" * 200, mtime=0), 1160, "-")
    keep("bzip2-inside.zip", zipped(FLAT.items(), zipfile.ZIP_BZIP2), 1165, "packed in a way that is not read")


def bombs():
    """Of 3 MiB each: the test allows 1 MiB."""
    zeros = bytes(3 << 20)
    keep("bomb.zip", zipped([("cat/0.bmp", zeros)]), 1163, "unpacks to more than 1048576 bytes")
    keep("bomb.tgz", packed(tarred([("cat/0.bmp", zeros)])), 1163, "unpacks to more than 1048576 bytes")
    keep("bomb-behind.tgz", packed(tarred(FLAT.items()) + zeros), 1163, "unpacks to more than 1048576 bytes")
    keep("many.zip", zipped([(f"cat/{i}.bmp", b"") for i in range(101)]), 1163, "more than 100 entries")
    inner = zipped([("cat/0.bmp", zeros)])
    keep("nested.zip", zipped([*FLAT.items(), ("cat/more.zip", inner)]))  # what is in it is never looked at


def main():
    os.makedirs(HERE, exist_ok=True)
    for old in os.listdir(HERE):
        os.remove(os.path.join(HERE, old))
    tgz = good()
    names()
    links()
    contradictions()
    encrypted()
    damage(tgz)
    bombs()
    with open(os.path.join(HERE, "cases.txt"), "w") as f:
        f.write("\n".join(cases) + "\n")


if __name__ == "__main__":
    main()
