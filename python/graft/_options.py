"""Options of graft.train by name. Made by scripts/python_options.py of the library's table: change that."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict


class TrainOptions(TypedDict, total=False):
    # epochs of feature extraction: the head alone is trained [10]
    epochs: int | None
    # epochs of fine-tuning, after the others [10]
    fine_tune_epochs: int | None
    # learning rate of feature extraction [0.0001]
    lr: float | None
    # learning rate of fine-tuning (default: a tenth of train.lr)
    fine_tune_lr: float | None
    # optimizer of feature extraction, with options as NAME:OPTION=VALUE,OPTION=VALUE [adam]
    optimizer: str | None
    # optimizer of fine-tuning, likewise [rmsprop]
    fine_tune_optimizer: str | None
    # random changes of training images, done in their order: words with commas between them, or none [flip,rotate=0.2]
    augment: str | Sequence[str] | None
    # when the loss is not finite: stop, skip:N (up to N steps) or lower-lr [stop]
    on_nan: str | None
    # a checkpoint at least this often, and one per epoch [60]
    checkpoint_seconds: float | None
    # write plots and report.html [1]
    report: bool | None
    # what batch normalization that trains takes: fixed, the statistics that came with the weights, or batch, those of the
    # batch (default: batch where the backbone starts from random values, else fixed)
    batch_norm: Literal["fixed", "batch"] | None
    # what is learned [classify]
    task: str | None
    # what training makes smaller [cross-entropy]
    loss: str | None
    # what images of a class weigh in training: none, balanced (rare classes more, so that all weigh the same), sqrt (the root
    # of that), or CLASS=WEIGHT,.. (1 for the others) [none]
    class_weight: str | Sequence[str] | Mapping[str, float] | None
    # what is measured besides the loss and the accuracy: names with commas between them
    metrics: str | Sequence[str] | None
    # batches whose gradients are added up before each step: a batch N times as large, in the memory of one [1]
    accumulate: int | None
    # gradients are scaled so that their norm over all that trains is at most X (Keras: global_clipnorm, PyTorch:
    # clip_grad_norm_)
    clip_norm: float | None
    # the gradient of each parameter is scaled so that its norm is at most X (Keras: clipnorm)
    clip_tensor_norm: float | None
    # each value of a gradient is cut to -X .. X (Keras: clipvalue)
    clip_value: float | None
    # what trains of the layers that are not frozen, and how fast: all alike, or words with commas between them, as layer-
    # decay=0.8,no-decay [all]
    groups: str | Sequence[str] | None
    # how the learning rate of feature extraction moves, with options as NAME:OPTION=VALUE,OPTION=VALUE [constant]
    schedule: str | None
    # how the learning rate of fine-tuning moves, likewise [constant]
    fine_tune_schedule: str | None
    # what looks at the run while it goes on, and may end a phase: NAME:OPTION=VALUE,OPTION=VALUE,NAME:...
    hooks: str | Sequence[str] | None
    # the phases of the run, instead of feature extraction and fine-tuning: NAME KEY=VALUE ..., with semicolons between them,
    # as in "head epochs=5; tail last=30 epochs=5; all at=0 epochs=2"; a key that is left out is as the options say
    phases: str | None
    # whether the network's own dropout and drop-connect act in training: off, as Keras's base_model(x, training=False), or
    # on, as in a Sequential model [off]
    backbone_dropout: Literal["off", "on"] | None
    # when the dropout before the head drops: always, or only while layers of the backbone train, as in version 0.1 [always]
    head_dropout: Literal["always", "fine-tuning"] | None
    # instead of training: steps whose learning rate grows, and the rate to begin with, in DIR/lr.json and lr.png [0]
    find_lr: bool | None
    # what the frozen part makes of images is kept: auto, in memory where images do not change; a number K, the random changes
    # of K epochs come in turn and are kept too; disk, for further runs as well; off; words with commas between them [auto]
    feature_cache: str | None
    # with --feature-cache disk: the most that lies there; the oldest goes first [4294967296]
    feature_limit: int | str | None
    # instead of epochs of feature extraction: the features of all images once, and on them the best linear head there is,
    # solved; fine-tuning goes on from it [0]
    probe: bool | None
    # of --probe, as OPTION=VALUE,OPTION=VALUE
    probe_options: str | None
    # the column of history.csv that tells the best epoch, and that hooks look at where they name none: val_loss,
    # val_accuracy, ... (default: the best epoch by val_accuracy, hooks by val_loss)
    monitor: str | None
    # training ends in time for its report to be there after so long: 10m, 1h30m, 90s
    max_time: str | None
    # width multiplier of MobileNet [1]
    alpha: float | None
    # dropout before the head [0.2]
    dropout: float | None
    # linear, mlp:LIST, replace-last:LIST (behind the network's own classifier), keep or none; a list is as in
    # mlp:bn,256,dropout=0.5,64=tanh,l2=0.01 [linear]
    head: str | None
    # how images are scaled, instead of what belongs to the weights: tf, torch, caffe, lite, unit or none; or
    # mean=R,G,B,std=R,G,B of values from 0 to 1, as torchvision's Normalize
    preprocess: str | None
    # take NaN and infinities in the weight file [0]
    allow_nonfinite: bool | None
    # with one channel, the first kernels: sum over the colors gives the features of a gray image's RGB copy, mean is what
    # tutorials do [sum]
    gray_kernels: Literal["sum", "mean"] | None
    # probabilities at the temperature that makes them mean what they say, fitted on 50 validation images or more, or off
    # [auto]
    calibration: Literal["auto", "off"] | None
    # of a text, the most pieces: the rest is cut off (default: as the weights' folder says, else 512)
    max_length: int | None
    # what a text's one row is made of: the pooler that its encoder was trained with, its first piece, or the mean of all
    # (default: as the weights' folder says, else the pooler)
    pooling: Literal["pooler", "first", "mean"] | None
    # with --task detect, what stands between the backbone and its boxes [plain]
    detector: str | None
    # this share of the validation batches becomes the test set [0]
    test_from_validation: float | str | None
    # shrink images with a wider filter (off: as TensorFlow's resize does) [0]
    antialias: bool | None
    # where decoded images are kept; auto is memory where they fit [auto]
    cache: Literal["auto", "memory", "disk", "none"] | None
    # the most memory the cache may take, as 2G or 512M (default: half of what is free)
    memory_limit: int | str | None
    # where the cache on disk lies (default: $XDG_CACHE_HOME/graft or ~/.cache/graft)
    cache_dir: str | os.PathLike[str] | None
    # train without images that cannot be read instead of refusing them [0]
    skip_bad: bool | None
    # the most that may be left out, as 0.01 or 1% [0.01]
    max_bad: float | str | None
    # pad images that end early with gray instead of refusing them [0]
    allow_truncated: bool | None
    # do not rotate images as their EXIF says [0]
    ignore_exif: bool | None
    # take a class folder without images [0]
    allow_empty_class: bool | None
    # images to train on are kept with a shorter side of so many pixels, so that random crops have room; 0: at the network's
    # size [0]
    stored_size: int | None
    # how the data lie, where the path and the names of folders do not tell [auto]
    layout: str | None
    # take files and folders that symbolic links out of the data folder lead to [0]
    follow_links: bool | None
    # the column of a CSV file that holds the images' paths, by name or by number from 1 (default: path, or what is clearly
    # that)
    image_column: str | None
    # the column that holds the class, or A,B,.. of 0 and 1, one for each class (default: label, or what is clearly that)
    label_column: str | None
    # the column that holds train, validation or test (default: split, or what is clearly that)
    split_column: str | None
    # the column that holds the texts, by name or by number from 1 (default: text, sentence, review, content or comment)
    text_column: str | None
    # the encoding of files of texts: gb18030, big5, latin1, utf-16le .. (default: what a byte order mark says, else UTF-8,
    # every byte of which is checked)
    encoding: str | None
    # the folder of weights whose tokenizer texts are counted in pieces with; or a tokenizer.json or vocab.txt, or a file of
    # word vectors, whose words are counted
    tokenizer: str | os.PathLike[str] | None
    # what runs of Chinese characters are for word vectors: words of the vectors' own vocabulary (the cheapest way through the
    # run), single characters, or left as they are [words]
    segment: Literal["words", "char", "none"] | None
    # what becomes of images of other proportions: stretch, crop (the center), pad (the whole image on gray, or pad=GRAY),
    # shortest=N,center (torchvision's Resize and CenterCrop) [stretch]
    fit: str | None
    # what images are resized with, as tf.image.resize and Keras name it; with --antialias bicubic and lanczos3 are Pillow's
    # [bilinear]
    resize_filter: Literal["bilinear", "nearest", "area", "bicubic", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"] | None
    # the most pixels that an image may have; a JPEG of more than 100000000 is decoded at 1/2, 1/4 or 1/8 of its size, and
    # this is said [100000000]
    max_pixels: int | None
    # the format of labelled boxes: voc, coco, yolo, createml or csv (default: found out)
    label_format: str | None
    # what VOC's xmin .. xmax are: corners, edges from 0 as labelImg writes them; inclusive, whole pixels from 1 as the
    # challenge has them; auto is inclusive where <database> names VOC [auto]
    voc_pixels: Literal["auto", "corners", "inclusive"] | None
    # images without a label: left out, or taken as images without objects [skip]
    unlabelled: Literal["skip", "background"] | None
    # scale boxes that were labelled at another size of the image [0]
    labels_scale: bool | None
    # classes under another name; two of one name become one
    rename: str | None
    # how data without parts are shared out: seed shuffles each class by its files' names; content goes by what the files
    # hold, so that names do not matter and equal files stay together [seed]
    split_by: Literal["seed", "content"] | None
    # images of a group stay in one part: what the brackets of this expression hold of a path, as '(P[0-9]+)_' for a patient
    # (implies --split-by content)
    group_by: str | None
    # likewise by a column of a CSV file
    group_column: str | None
    # a split.csv, as a run or graft split writes it: what it lists keeps its part, other images go where they lack most
    split_file: str | os.PathLike[str] | None
    # the same files as in Keras's image_dataset_from_directory with this validation_split, instead of --split
    validation_split: float | str | None
    # its seed (without: not shuffled, as shuffle=False)
    split_seed: int | None
    # the most that an archive of images (zip, tar, tar.gz) may unpack to, as 20G (default: 1G and 100 times the archive)
    max_unpacked: int | str | None
    # the pixels of JPEGs: libjpeg's accurate inverse DCT, as Pillow and torchvision have it, or those of TensorFlow's
    # decode_jpeg and Keras's data sets, which take the fast one; the model keeps it [accurate]
    decode: Literal["accurate", "tensorflow"] | None
    # the column of a CSV file of images that holds what each image's loss weighs in training, 0 or more
    weight_column: str | None
    # what parts a table's field into several labels, as '|'; space, tab, or none: each field is one label (default: '|' or
    # ';' where what it parts is there in other combinations)
    label_delimiter: str | None
