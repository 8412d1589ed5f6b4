/* options.h - one table of options per verb: it drives parsing, the checks of values, --help, the man page and the
 * shell completion. An option of the library is a row there (graft/settings.h), which SETTING names: kind, range,
 * default and help come from it. An option of the command alone is a row in the verb's file and a place in settings.h.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "settings.h"

#include <stddef.h>

typedef enum option_kind {
    OPTION_HEADING,  /* no option: `help` is the title of a group in --help */
    OPTION_SET,      /* int becomes 1; takes no value */
    OPTION_CLEAR,    /* int becomes 0; takes no value */
    OPTION_INT,      /* int */
    OPTION_SEED,     /* uint64_t, all of it */
    OPTION_NUMBER,   /* double */
    OPTION_SHARE,    /* double; 0.01 or 1% */
    OPTION_BYTES,    /* uint64_t; 2G, 512M, 1.5GiB */
    OPTION_TEXT,     /* const char *; not empty */
    OPTION_FILE,     /* const char *; a path (completion offers files) */
    OPTION_FOLDER,   /* const char *; a path (completion offers folders) */
    OPTION_NAME,     /* const char *, one of `choices` */
    OPTION_INDEX,    /* int or enum: the place in `choices`, from 0 */
    OPTION_SIZE,     /* graft_model_options: N or WxH */
    OPTION_SPLIT,    /* double[3]: shares that sum to 1 */
    OPTION_BOUNDARY, /* graft_model_options: fine_tune_at by number or layer name */
    OPTION_SETTING,  /* a row of the library's table, by its name */
} option_kind;

/* What a number must be. */
typedef struct option_range {
    double min, max;
    bool below; /* max itself is excluded */
} option_range;

/* clang-format off */
#define NO_RANGE {.min = 0}
#define FROM_TO(lo, hi) {.min = (lo), .max = (hi)}
#define FROM_BELOW(lo, hi) {.min = (lo), .max = (hi), .below = true}
/* clang-format on */

typedef struct option {
    const char *name; /* without the two dashes */
    option_kind kind;
    size_t place;      /* offset in settings */
    const char *value; /* as --help calls it, NULL for flags */
    option_range range;
    const char *choices; /* "auto|f32|bf16", NULL where there are none */
    const char *help;
    const char *setting; /* OPTION_SETTING: "data.max_pixels" */
    const char *sets;    /* OPTION_SETTING without a value: what the flag sets; NULL: 1 */
    const char *words;   /* whose list of words --help shows (graft_option_words); NULL: that of `setting` */
} option;

#define PLACE(field) offsetof(settings, field)

typedef struct verb verb;

/* Shared rows, so that an option means the same in every verb. */
/* clang-format off */
/* --NAME VALUE (or --NAME, where the row is a flag) sets the library's option; --NAME sets a flag to 0. */
#define SETTING(name_, row) {.name = (name_), .kind = OPTION_SETTING, .setting = (row)}
#define SETTING_OFF(name_, row, help_) \
    {.name = (name_), .kind = OPTION_SETTING, .setting = (row), .sets = "0", .help = (help_)}
#define HEADING(title) {.kind = OPTION_HEADING, .help = (title)}
#define OPTION_PREPROCESS_ROW \
    {"preprocess", OPTION_TEXT, PLACE(model.preprocess), "HOW", NO_RANGE, NULL, \
     "how images are scaled, instead of what belongs to the weights: tf, torch, caffe, lite, unit or none; or " \
     "mean=R,G,B,std=R,G,B of values from 0 to 1, as torchvision's Normalize"}
#define OPTION_WEIGHTS_ROWS \
    {"weights", OPTION_FILE, PLACE(model.weights), "FILE|NAME", NO_RANGE, NULL, \
     "pretrained weights: imagenet or another name, which `graft fetch` gets, or a file: Keras (.h5, .weights.h5, " \
     ".keras), PyTorch (.pth), safetensors, npz, a run; a folder of Hugging Face's with an encoder of texts; without, " \
     "the backbone is random", .words = "model.weights"}, \
    {"allow-nonfinite", OPTION_SET, PLACE(model.allow_nonfinite), NULL, NO_RANGE, NULL, \
     "take NaN and infinities in the weight file"}, \
    {"alpha", OPTION_NUMBER, PLACE(model.alpha), "X", FROM_TO(0.1, 4), NULL, "width multiplier of MobileNet"}, \
    OPTION_PREPROCESS_ROW
#define OPTION_MODEL_ROWS \
    {"model", OPTION_TEXT, PLACE(model.model), "NAME|FILE", NO_RANGE, NULL, \
     "the architecture (`graft models` lists them), a run, or a file with a network: .keras, .h5, .onnx, Keras's " \
     "config as .json; or layers:conv=32,3,relu;max-pool;gap, a network of one's own", .words = "model.model"}, OPTION_WEIGHTS_ROWS
#define OPTION_HEAD_ROWS \
    {"head", OPTION_TEXT, PLACE(model.head), "HEAD", NO_RANGE, NULL, \
     "linear, mlp:LIST, replace-last:LIST (behind the network's own classifier), keep or none; a list is as in " \
     "mlp:bn,256,dropout=0.5,64=tanh,l2=0.01"}, \
    {"keep-top", OPTION_SET, PLACE(keep_top), NULL, NO_RANGE, NULL, \
     "keep the network's own classifier (the same as --head keep)"}, \
    {"cut", OPTION_TEXT, PLACE(model.cut), "LAYER", NO_RANGE, NULL, \
     "the layer that the new head stands on, by name or number (-2: the last but one)"}, \
    {"channels", OPTION_INT, PLACE(model.channels), "N", FROM_TO(1, 3), NULL, \
     "1: take gray images; the first convolution is adapted (default: as the network is)"}, \
    SETTING("gray-kernels", "model.gray_kernels")
#define OPTION_LABELS_ROW \
    {"labels", OPTION_FILE, PLACE(model.labels), "FILE", NO_RANGE, NULL, \
     "class names of a classifier that is kept, a line each"}
#define OPTION_SIZE_ROW \
    {"size", OPTION_SIZE, PLACE(model), "N|WxH", FROM_TO(32, 2048), NULL, \
     "images are resized to N x N or W x H pixels (without: as the model was trained; MobileNetV2: 160)"}
#define OPTION_PRECISION_ROW \
    {"precision", OPTION_NAME, PLACE(model.precision), "P", NO_RANGE, "auto|f32|bf16|int8", \
     "arithmetic of the network; auto times what this machine has; int8 is the frozen part's, the rest as with auto"}
#define OPTION_BOUNDARY_ROWS \
    {"fine-tune-at", OPTION_BOUNDARY, PLACE(model), "N|LAYER", FROM_TO(0, 100000), NULL, \
     "fine-tuning trains the backbone's layers from this one on (by number from 0, or by name)"}, \
    {"fine-tune-last", OPTION_INT, PLACE(model.fine_tune_last), "N", FROM_TO(0, 100000), NULL, \
     "or: fine-tuning trains the last N layers of the backbone"}
#define OPTION_BATCH_ROW \
    {"batch", OPTION_INT, PLACE(train.batch), "N", FROM_TO(1, 4096), NULL, "images per batch"}
#define OPTION_GEOMETRY_ROWS \
    SETTING("fit", "data.fit"), SETTING("resize-filter", "data.resize_filter"), SETTING("antialias", "data.antialias")
#define OPTION_READING_ROWS \
    OPTION_GEOMETRY_ROWS, \
    {"allow-truncated", OPTION_SET, PLACE(data.allow_truncated), NULL, NO_RANGE, NULL, \
     "pad images that end early with gray instead of refusing them"}, \
    {"no-exif", OPTION_SET, PLACE(data.ignore_exif), NULL, NO_RANGE, NULL, \
     "do not turn images as their EXIF says"}
#define OPTION_FINDING_ROWS \
    SETTING("layout", "data.layout"), SETTING("image-column", "data.image_column"), \
    SETTING("label-column", "data.label_column"), SETTING("split-column", "data.split_column"), \
    SETTING("follow-links", "data.follow_links"), SETTING("max-pixels", "data.max_pixels")
#define OPTION_TEXT_ROWS \
    HEADING("Texts"), SETTING("text-column", "data.text_column"), SETTING("encoding", "data.encoding")
#define OPTION_SHARING_ROWS \
    {"split", OPTION_SPLIT, PLACE(data.split), "T,V[,S]", NO_RANGE, NULL, \
     "shares of training, validation and test of data without such parts, as 0.8,0.2 or 50/25/25"}, \
    SETTING("split-by", "data.split_by"), SETTING("group-by", "data.group_by"), \
    SETTING("group-column", "data.group_column"), SETTING("split-file", "data.split_file"), \
    SETTING("validation-split", "data.validation_split"), SETTING("split-seed", "data.split_seed")
#define OPTION_CACHE_ROWS \
    {"cache", OPTION_INDEX, PLACE(data.cache), "WHERE", NO_RANGE, "auto|memory|disk|none", \
     "where decoded images are kept; auto is memory where they fit"}, \
    {"memory", OPTION_BYTES, PLACE(data.memory_limit), "LIMIT", FROM_TO(1048576, 9.2e18), NULL, \
     "the most memory the cache may take, as 2G or 512M (default: half of what is free)"}, \
    {"cache-dir", OPTION_FOLDER, PLACE(data.cache_dir), "DIR", NO_RANGE, NULL, \
     "where the cache on disk lies (default: $XDG_CACHE_HOME/graft or ~/.cache/graft)"}
#define OPTION_FOREIGN_ROWS \
    HEADING("A network that graft did not train"), OPTION_WEIGHTS_ROWS, OPTION_SIZE_ROW, OPTION_GEOMETRY_ROWS, \
    {"classes", OPTION_INT, PLACE(model.classes), "N", FROM_TO(2, 1000000), NULL, \
     "classes of an architecture's classifier (default: 1000)"}, OPTION_LABELS_ROW
#define OPTION_GENERAL_ROWS(seed_help) \
    HEADING("General"), \
    {"threads", OPTION_INT, PLACE(context.threads), "N", FROM_TO(0, 1024), NULL, \
     "worker threads, 0 for one a CPU; the result does not depend on it"}, \
    {"seed", OPTION_SEED, PLACE(model.seed), "N", FROM_TO(0, 18446744073709551615.0), NULL, (seed_help)}, \
    {"json", OPTION_SET, PLACE(json), NULL, NO_RANGE, NULL, \
     "one JSON document on standard output, text for people on standard error"}, \
    {"help", OPTION_SET, PLACE(help), NULL, NO_RANGE, NULL, "show this help"}
/* clang-format on */

/* Reads the command line of `v` (the verb's name not among argv) into s, which holds the defaults. Plain arguments are
 * collected in `arguments` (room for argc). GRAFT_USAGE with E3002 (value), E3003 (unknown), E3001 (the rest). With
 * --help it returns at once. */
graft_status options_parse(const verb *v, int argc, char **argv, const char **arguments, settings *s, graft_error *err);

/* Whether the option was on the command line. A name that is not in the verb's table was not. */
bool options_given(const verb *v, const settings *s, const char *name);

/* The default as --help shows it, of s filled by settings_defaults: "" where there is nothing to show. */
const char *options_default(const option *o, const settings *s, char *buf, size_t size);

bool options_takes_value(const option *o);

/* The row of that name, n letters of it; NULL: the verb has none. */
const option *options_find(const verb *v, const char *name, size_t n);

/* The row with what a SETTING takes from the library's table: value, choices, help. */
option options_row(const verb *v, size_t i);

#endif
