/* graft/graft.h - transfer learning on a CPU: a pretrained network, a folder of images, a fine-tuned network.
 *
 * Page one, all that most programs need:
 *
 *     graft_model_open   a pretrained backbone with a new head, or a finished run
 *     graft_data_open    a folder of images, one folder a class
 *     graft_train        feature extraction, then fine-tuning; writes a run folder
 *     graft_evaluate     loss, accuracy, other metrics and the confusion matrix on labelled images
 *     graft_predict      labels for images
 *     graft_session_open the model for programs: thread-safe, from memory, numbers out (graft/session.h)
 *
 * Rules for all of it. Functions return a graft_status and fill the caller's graft_error (may be NULL). A result is an
 * out-parameter, set to NULL on failure; what an _open or a call gave is freed by its _free, which takes NULL.
 * Strings passed in are copied; strings handed out live as long as their object. Paths are bytes. One graft_context may
 * be used by one thread at a time; several contexts may live in one process. Nothing is printed: messages and progress
 * go to the context's functions, which are called on the thread that made the call. Option structs are filled by their
 * _defaults function first; they are those of version 0.1 and never grow: newer options are set by name
 * (graft/settings.h). A pointer that is NULL where nothing says that it may be is GRAFT_USAGE (E3001 names it); where a
 * function returns no status, it gives nothing: 0, NULL, NaN. */
#ifndef GRAFT_H
#define GRAFT_H

#include <graft/session.h>
#include <graft/settings.h>
#include <graft/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GRAFT_VERSION "0.1.0"

/* Since 0.2: of the library that is there, which may be newer than this header. The version, as GRAFT_VERSION; and the
 * number of the last set of calls that it has, 2 with those of 0.2. Calls and structs of earlier sets stay. */
GRAFT_API const char *graft_version(void);
GRAFT_API uint32_t graft_abi(void);

typedef struct graft_context graft_context;
typedef struct graft_model graft_model;
typedef struct graft_data graft_data;
typedef struct graft_result graft_result;

/* ---- a context: threads, messages, progress, stopping */

typedef enum graft_level { GRAFT_NOTE, GRAFT_WARNING } graft_level;

typedef enum graft_stage {
    GRAFT_STAGE_CHECK,    /* images are decoded and checked */
    GRAFT_STAGE_PLAN,     /* plans are made, precisions timed */
    GRAFT_STAGE_TRAIN,    /* a training epoch */
    GRAFT_STAGE_EVALUATE, /* an evaluation */
    GRAFT_STAGE_EPOCH,    /* an epoch has ended: the val_ fields hold */
    GRAFT_STAGE_REPORT,   /* the report is written */
    GRAFT_STAGE_FETCH,    /* a weight file is fetched */
} graft_stage;

typedef struct graft_progress {
    graft_stage stage;
    int64_t done, total;   /* images of this stage; FETCH: bytes */
    int epoch, epochs;     /* from 1, over both phases */
    int phase;             /* 1 feature extraction, 2 fine-tuning, 0 neither */
    double loss, accuracy; /* running means; NaN before the first batch */
    double val_loss, val_accuracy;
    double images_per_second;
    double seconds_left; /* of the whole stage; negative: not known yet */
    double seconds;      /* EPOCH: how long it took */
} graft_progress;

typedef struct graft_context_options {
    int threads; /* worker threads; 0: one a CPU that this process may use. Never changes a result */
    void (*say)(void *user, graft_level level, const char *text); /* may be NULL */
    void (*progress)(void *user, const graft_progress *progress); /* may be NULL; 1 to some 20 times a second */
    /* Asked between steps and, where those are long, several times a second; may be NULL. GRAFT_OK: go on;
     * GRAFT_INTERRUPTED or GRAFT_TERMINATED: end soon with that status; training writes a checkpoint of the last step
     * that was complete. */
    graft_status (*should_stop)(void *user);
    void *user;
} graft_context_options;

GRAFT_API void graft_context_defaults(graft_context_options *options);
GRAFT_API graft_status graft_context_open(const graft_context_options *options, graft_context **out, graft_error *err);
GRAFT_API void graft_context_free(graft_context *context);

/* Since 0.2. What there is to compute with. Result JSON: {"version","machine","bf16","int8","amx","threads"}: the
 * processor's vendor, family and model, the instruction set that oneDNN takes and its version; whether it has
 * instructions for products of bf16 and of int8, and AMX's tiles for both. Any thread. */
GRAFT_API graft_status graft_machine(graft_context *context, graft_result **out, graft_error *err);

/* Since 0.2. Options by name (graft/settings.h) for every call with this context from now on: the settings are copied,
 * NULL takes them back. Texts with a grammar of their own, such as train.optimizer, are checked here. A run is resumed
 * with the settings that it began with. */
GRAFT_API graft_status graft_context_settings(graft_context *context, const graft_settings *settings, graft_error *err);

/* Since 0.2. What is measured, as of the progress that was told last: metric i; NULL behind the last, and where nothing
 * is measured. For use within `progress`; the pointer holds until the next progress. */
typedef struct graft_metric {
    uint32_t size;     /* of this struct: fields beyond it are not there */
    int32_t better;    /* 1: when it is higher, -1: lower, 0: neither */
    int32_t share;     /* 1: from 0 to 1, as a percentage for people */
    const char *name;  /* "accuracy": as in the result's JSON and in history.csv */
    const char *title; /* for people: "top-5 accuracy" */
    double value;      /* of the images so far: of an epoch, of an evaluation; NaN before the first */
    double validation; /* EPOCH: of the validation set; NaN where there is none, and else */
} graft_metric;
GRAFT_API const graft_metric *graft_progress_metric(const graft_context *context, size_t i);
/* Likewise: the name of the run's phase, as in history.csv ("fine_tuning"); NULL: none has begun. */
GRAFT_API const char *graft_progress_phase(const graft_context *context);

/* ---- a context that is asked. Since 0.2, for programs whose threads must not be called from here, such as an
 * interpreter: one thread makes the call, another one asks how far it is. Any thread, while the context is there. */

/* Ends what the context does, now or next, as its should_stop would: `how` is GRAFT_INTERRUPTED or GRAFT_TERMINATED;
 * GRAFT_OK takes that back. From a signal handler, too. Takes NULL. */
GRAFT_API void graft_stop(graft_context *context, graft_status how);

/* The progress that was told last. 1: it is there; 0: none was told yet. */
GRAFT_API int graft_context_progress(graft_context *context, graft_progress *progress);

typedef enum graft_event_kind {
    GRAFT_EVENT_NOTE = 1, /* a message: `text` */
    GRAFT_EVENT_WARNING,
    GRAFT_EVENT_EPOCH, /* an epoch has ended: `progress` */
} graft_event_kind;

typedef struct graft_event {
    uint32_t size; /* sizeof(graft_event) */
    int32_t kind;
    uint64_t lost; /* events before this one for which there was no room */
    graft_progress progress;
    char text[2048];
} graft_event;

/* From now on the latest `most` events are kept for graft_context_event; 0: none, as at first. What was kept before is
 * gone. */
GRAFT_API graft_status graft_context_keep_events(graft_context *context, size_t most, graft_error *err);
/* Takes the oldest of them out. 1: *event is filled; 0: there is none, or event->size is less than 0.2's. */
GRAFT_API int graft_context_event(graft_context *context, graft_event *event);

/* ---- a model */

typedef struct graft_model_options {
    /* An architecture ("mobilenet_v2"; graft_models lists them), or a file that holds a network: Keras's config as JSON
     * (random weights unless `weights` has some), .keras, whole .h5, .onnx. NULL: "mobilenet_v2". */
    const char *model;
    const char *weights; /* a weight file, or the name of weights that are fetched ("imagenet", or as graft_fetch takes
                            it); NULL: the model file's, or seeded random weights */
    double alpha;        /* width multiplier of MobileNet; 1 */
    int width, height;   /* of the images; 0: what the model file says, else what the architecture was trained on
                            (MobileNetV2: 160 x 160) */
    int classes;         /* outputs of the new head; 0: as many as the data has. 2 classes share one logit */
    double dropout;      /* before the head, [0, 1); 0.2 */
    /* "linear"; "mlp:UNITS" (hidden layer, ReLU, dropout); "replace-last:UNITS,DROPOUT" (the network's own classifier
     * without its last layer, then the same); "keep" (its own classifier, whole). NULL: "linear" */
    const char *head;
    const char *cut;        /* the layer whose output the head stands on, by name or by number ("-2": the last but one);
                               NULL: before the network's own last layer */
    const char *preprocess; /* "tf", "torch", "caffe", "lite", "unit", "none" instead of what belongs to the weights;
                               NULL: that; a foreign file that does not tell is then refused (E3002) */
    int channels;           /* 1: the network takes gray images, its first convolution adapted; 3 or 0: as it is */
    const char *labels;     /* class names of a classifier that is kept, a line each; NULL: those that the model file
                               has, else "class 0", ... */
    uint64_t seed;          /* of the head's initial values; 0 */
    const char *precision;  /* "auto" (by timing), "f32", "bf16", or "int8": the frozen part in int8 whatever is faster,
                               the rest as with "auto" (refused without AVX-512 VNNI); NULL: "auto" */
    int fine_tune_at; /* layers of the backbone below this number stay frozen in fine-tuning; -1: no fine-tuning */
    const char *fine_tune_at_name; /* the same by layer name; NULL: by number */
    int fine_tune_last;            /* or: the last N layers are tuned; -1: not used */
    int allow_nonfinite;           /* take NaN and infinities in weight files; 0 */
} graft_model_options;

GRAFT_API void graft_model_defaults(graft_model_options *options);

/* The image size that a model takes. */
GRAFT_API void graft_model_size(const graft_model *model, int *width, int *height);
/* Since 0.2. The classes of a trained model, or of a classifier that was kept; 0 where there are none yet. */
GRAFT_API int graft_model_classes(const graft_model *model);
GRAFT_API const char *graft_model_class_name(const graft_model *model, int class_index); /* NULL: no such class */

/* Since 0.2. What it takes: "images" or "texts". What it is for, as train.task names it: "classify", "detect". NULL for
 * NULL. */
GRAFT_API const char *graft_model_samples(const graft_model *model);
GRAFT_API const char *graft_model_task(const graft_model *model);

/* A backbone with a new head. Weight files: Keras (.h5, .weights.h5, .keras), PyTorch state dicts (.pth, .pt),
 * safetensors, npz. Every tensor of the backbone
 * must be there with its shape (GRAFT_WEIGHTS otherwise, all of them listed). The model borrows the context. */
GRAFT_API graft_status graft_model_open(graft_context *context, const graft_model_options *options, graft_model **out,
                                        graft_error *err);
/* The best model of a finished (or running) run folder, or a model.safetensors by itself; or a classifier or encoder of
 * texts in a folder of Hugging Face's. */
GRAFT_API graft_status graft_run_open(graft_context *context, const char *run, graft_model **out, graft_error *err);
GRAFT_API void graft_model_free(graft_model *model);

/* The layer table as Keras prints it (result text) and its counts (result JSON: layers, total_params, trainable_params,
 * non_trainable_params, trainable_variables). With fine_tune_at set, trainable is told for the fine-tuning phase. */
GRAFT_API graft_status graft_summary(const graft_model *model, graft_result **out, graft_error *err);

/* ---- weights by name */

/* A file of published weights by its name in the catalogue, or by an architecture's name (its ImageNet weights without
 * the classifier, where there are such): from the cache ($XDG_CACHE_HOME/graft/weights or ~/.cache/graft/weights) if it
 * is there and right, else fetched, resumed and checked by all that its publisher tells of it. `from`: a folder or an
 * http(s) address that has the file; NULL: where the publisher keeps it. With GRAFT_OFFLINE=1 in the environment no
 * network is used. Result text: the path; JSON: {"name","path","size","sha256","checked","transferred",
 * "architecture","preprocess","licence",..}. */
GRAFT_API graft_status graft_fetch(graft_context *context, const char *name, const char *from, graft_result **out,
                                   graft_error *err);

/* An archive of images by its name in the catalogue (flower_photos), or by any http(s) address: into the cache
 * ($XDG_CACHE_HOME/graft/data or ~/.cache/graft/data) and checked as weights are. sha256: 64 hexadecimal digits that it
 * must have; NULL: what its publisher tells of it, else what came is remembered by its SHA-256, and that nobody vouches
 * for it is said. `from` as for graft_fetch. Result text: the path, which the calls that take data take; JSON:
 * {"name","path","size","sha256","checked","transferred","source","licence"}. */
GRAFT_API graft_status graft_fetch_data(graft_context *context, const char *what, const char *sha256, const char *from,
                                        graft_result **out, graft_error *err);

/* All weights of the catalogue, and its archives of images ("data"):
 * {"weights":[{"name","architecture","source","licence","size","checked","cached",..}]}.
 */
GRAFT_API graft_status graft_fetch_list(graft_context *context, graft_result **out, graft_error *err);

/* ---- data */

typedef enum graft_cache { GRAFT_CACHE_AUTO, GRAFT_CACHE_MEMORY, GRAFT_CACHE_DISK, GRAFT_CACHE_NONE } graft_cache;

typedef struct graft_data_options {
    int width, height;           /* images are resized to this; graft_model_size tells; 160 x 160 */
    int antialias;               /* 0, as Keras does */
    double split[3];             /* train, validation, test shares of a folder without splits; {0.8, 0.2, 0} */
    double test_from_validation; /* this share of the validation batches becomes the test set; 0 */
    int batch;                   /* images per batch (for test_from_validation); 32 */
    uint64_t seed;               /* of the splits; 0 */
    graft_cache cache;           /* of decoded images; GRAFT_CACHE_AUTO: memory where it fits */
    uint64_t memory_limit;       /* bytes for the cache in memory; 0: half of what is free */
    const char *cache_dir;       /* of the cache on disk; NULL: $XDG_CACHE_HOME/graft or ~/.cache/graft */
    int skip_bad;                /* train without bad images instead of refusing; 0 */
    double max_bad;              /* with skip_bad: the share of bad images that is still accepted; 0.01 */
    int allow_truncated;         /* pad images that end early with gray; 0 */
    int ignore_exif;             /* do not apply EXIF orientation; 0 */
    int allow_empty_class;       /* 0 */
} graft_data_options;

GRAFT_API void graft_data_defaults(graft_data_options *options);

/* DATA/{train,validation[,test]}/CLASS/files, DATA/CLASS/files, or a CSV file (path,label[,split]); parts and columns
 * may have other usual names (what was taken as what is said; what is not clear is refused; see "data.layout" and
 * others). Every image is decoded once, here: bad ones are all listed in one error (GRAFT_DATA) before any training.
 * Borrows the context. */
GRAFT_API graft_status graft_data_open(graft_context *context, const char *path, const graft_data_options *options,
                                       graft_data **out, graft_error *err);
GRAFT_API void graft_data_free(graft_data *data);
GRAFT_API int graft_data_classes(const graft_data *data);
GRAFT_API const char *graft_data_class_name(const graft_data *data, int class_index); /* NULL: no such class */

/* Counts, sizes, bad files, duplicates: as text and JSON. Bad files are part of the result, not an error; `bad` (may be
 * NULL) gets their number. */
GRAFT_API graft_status graft_inspect(graft_context *context, const char *path, const graft_data_options *options,
                                     graft_result **out, int64_t *bad, graft_error *err);

/* Since 0.2. What of the labelled images below `path` deserves a look, by the features of the model's backbone (its
 * weights must not be random): labels that are probably wrong, near copies. Nothing is changed. By options of the
 * context: clean.most, clean.plot. Result JSON:
 * {"images","suspects","labels":[{"path","label","likely","probability","margin",
 * "counted"}],"copies":[{"path","copy","bits","mirrored","other_class","other_part"}]}. */
GRAFT_API graft_status graft_clean(graft_model *model, const char *path, graft_result **out, graft_error *err);

/* Since 0.2. Copies the images below `path` to out_dir/{train,validation,test}/CLASS, shared out as the options and the
 * context's settings say ("data.split_by", "data.group_by", ..), and writes out_dir/split.csv; out_dir must be empty or
 * not there. Result JSON: {"folder","images":{PART:n},"groups","classes":[{"class",PART:n}]}. */
GRAFT_API graft_status graft_split(graft_context *context, const char *path, const graft_data_options *options,
                                   const char *out_dir, graft_result **out, graft_error *err);

/* ---- other tools' checkpoints (0.2) */

/* Whether a path is a TensorFlow checkpoint: its .index file, the beginning of its files' names (model.ckpt), or a
 * folder that holds one (a SavedModel's, too). */
GRAFT_API int graft_checkpoint_is(const char *path);
/* All tensors of a checkpoint into a new safetensors file, under the names of their variables; an optimizer's are left
 * out, as are texts and types without numbers that graft has. The result lists what was left out. Checksums are
 * checked. */
GRAFT_API graft_status graft_checkpoint_convert(graft_context *context, const char *path, const char *file,
                                                graft_result **out, graft_error *err);

/* ---- train, resume */

typedef struct graft_train_options {
    const char *out; /* the run folder; must not hold a run unless `force` */
    int force;
    int batch;             /* 32 */
    int epochs;            /* of feature extraction; 10 */
    int fine_tune_epochs;  /* 10; needs the model's fine_tune_at (or _last, _name) */
    double lr;             /* 1e-4 */
    double fine_tune_lr;   /* 0: a tenth of lr */
    const char *optimizer; /* "adam", "adamw", "rmsprop", "sgd", with options: "sgd:momentum=0.9"; NULL: "adam" */
    const char *fine_tune_optimizer; /* NULL: "rmsprop" */
    const char *augment;             /* "flip,rotate=0.2" or "none"; NULL: "flip,rotate=0.2" */
    uint64_t seed;                   /* of shuffling, augmentation and dropout; 0 */
    const char *on_nan;              /* "stop", "skip:N" or "lower-lr"; NULL: "stop" */
    double checkpoint_seconds;       /* at least one checkpoint in this time and one per epoch; 60 */
    int report;                      /* plots and report.html; 1 */
    const char *command_line;        /* noted in the report; may be NULL */
    /* What batch normalisation that trains takes: "fixed", its moving statistics, or "batch", those of the batch (some
     * 16 images at a time), by which the moving ones move. NULL: "batch" where the backbone starts from random
     * values, else "fixed". */
    const char *batch_norm;
} graft_train_options;

GRAFT_API void graft_train_defaults(graft_train_options *options);

/* Tells without training whether these options can be used: spelling, ranges, a run folder that is free and can be
 * written. */
GRAFT_API graft_status graft_train_check(const graft_train_options *options, graft_error *err);

/* Trains the model in place (best weights on the validation set kept) and writes the run folder. Where it fails or is
 * stopped once training has begun, the model is good for graft_summary alone: resume the run. Before that the model is
 * as it was. Result JSON:
 * {"run","before":{loss,accuracy,METRIC..},"validation":{..},"test":{..},"epochs","seconds","peak_rss_mb"}. */
GRAFT_API graft_status graft_train(graft_model *model, graft_data *data, const graft_train_options *options,
                                   graft_result **out, graft_error *err);

/* Goes on with a run that was stopped in any way; the same bits as if it had never been. `threads` may differ. `data`
 * (may be NULL) is the folder to use if the data was moved. A run that had ended gives its result again. */
GRAFT_API graft_status graft_resume(graft_context *context, const char *run, const char *data, graft_result **out,
                                    graft_error *err);

/* ---- evaluate, predict, features */

/* Every labelled image below `path` (or of its split "train", "validation", "test"; NULL: all). Result JSON:
 * {"images","loss","accuracy",METRIC..,"confusion":[[..]]} (rows: true class; METRIC: those of "train.metrics"). Where
 * the model's run computed in int8 or bf16 and this processor cannot, a note says how many labels that changed on
 * images of the run, and the result has "arithmetic":{"trained","here","images","labels_differ","probability_differs"};
 * so it is with graft_predict. */
GRAFT_API graft_status graft_evaluate(graft_model *model, const char *path, const char *split, graft_result **out,
                                      graft_error *err);

/* Since 0.2. n finished runs (2 to 20) on the same images: those below `data`, of its part `split` (NULL: all); data
 * NULL: those that all of them held out, test or else validation, for which they must have had the same images, shared
 * out in the same way (GRAFT_USAGE). Each is compared with the first: McNemar's exact test, corrected as Holm does; the
 * difference of accuracies with its 95 % interval. By options of the context: compare.plot. Result JSON:
 * {"runs":[{"run","images","accuracy","interval","loss","calibration_error"}],"pairs":[{"first","second","difference",
 * "interval","p","p_corrected","verdict",..}]}. */
GRAFT_API graft_status graft_compare(graft_context *context, const char *const *runs, size_t n, const char *data,
                                     const char *split, graft_result **out, graft_error *err);

/* Files and folders (walked) of images. `top`: how many labels for each, at most. Result JSON:
 * {"predictions":[{"path", "label","probability","top":[{"label","probability"}]}]}; an image that cannot be read has
 * "error" instead. If all of them failed that is an error (GRAFT_DATA). Of a model of several labels each has "labels",
 * those whose probability is their threshold or more, likeliest first; "label" is their names, "red|dress", or "". */
GRAFT_API graft_status graft_predict(graft_model *model, const char *const *paths, size_t n, int top,
                                     graft_result **out, graft_error *err);

typedef struct graft_label {
    const char *label;
    double probability;
} graft_label;

typedef struct graft_prediction {
    const char *path;
    const char *label; /* NULL: the image could not be read */
    double probability;
    const char *error; /* NULL where there is a label */
    size_t n_top;      /* the likeliest labels, as many as were asked for; top[0] is `label`; of several labels those
                          that are told */
    const graft_label *top;
} graft_prediction;

GRAFT_API size_t graft_result_predictions(const graft_result *result);
GRAFT_API graft_prediction graft_result_prediction(const graft_result *result, size_t i);

/* Activations of images as a .npy file, f32, a row per image in the order given: pooled features [n, c] of the
 * backbone, or with `layer` the output of that layer [n, h, w, c]. */
GRAFT_API graft_status graft_features(graft_model *model, const char *const *paths, size_t n, const char *layer,
                                      const char *out_file, graft_result **out, graft_error *err);

/* Since 0.2. What to train of the network on the data: how many images there are, how much they are like those that the
 * network was trained on, how many layers to fine-tune, and the options for it. By options of the context:
 * advise.dataset_size and advise.similarity hold instead of what is counted and measured; with both, model and data may
 * be NULL. */
GRAFT_API graft_status graft_advise(graft_context *context, graft_model *model, graft_data *data, graft_result **out,
                                    graft_error *err);

/* A sheet of what the random changes make of one image, as a PNG file: first the image as it is, then as a sample of
 * that seed gets it, epoch after epoch. By options of the context: train.augment, augment.grid, augment.size, data.fit,
 * data.antialias. */
GRAFT_API graft_status graft_augment(graft_context *context, const char *image, const char *out_file, uint64_t seed,
                                     graft_result **out, graft_error *err);

/* ---- to and from other tools */

typedef struct graft_export_options {
    const char *to; /* "keras", "onnx", "safetensors" (PyTorch's names), "npz", "hf", "labels"; NULL: by the file's
                       ending */
    const char *const *pictures; /* files and folders to compare on; NULL: some of the run's data, or a test pattern */
    size_t n_pictures;
} graft_export_options;

GRAFT_API void graft_export_defaults(graft_export_options *options); /* since 0.2 */

/* Writes the model with preprocessing and class names, reads the file back and compares what it makes of images with
 * what the model makes of them, both in f32: where they differ by more than 1e-4 no file is left behind
 * (GRAFT_WEIGHTS). Result JSON: {"file","format","pictures","difference"}. */
GRAFT_API graft_status graft_export(graft_model *model, const char *file, const graft_export_options *options,
                                    graft_result **out, graft_error *err);

/* Every architecture, or those of `names` (n_names 0: all): parameters, size, preprocessing, work (a multiply-add is
 * two operations; without the classifier), and the milliseconds an image takes on this machine with the context's
 * threads: with `time` (1) they are measured and remembered in the user's cache, else what was remembered is told, or
 * null. Result JSON:
 * {"models":[{"name","title","source","params","params_top","size","gflop","preprocess","ms","when",..}]}. */
GRAFT_API graft_status graft_models(graft_context *context, const char *const *names, size_t n_names, int time,
                                    graft_result **out, graft_error *err);

/* ---- bench */

typedef struct graft_bench_options {
    int batch;           /* 32 */
    int steps;           /* timed steps of each kind; 30 */
    const char *augment; /* NULL: "flip,rotate=0.2" */
} graft_bench_options;

GRAFT_API void graft_bench_defaults(graft_bench_options *options);

/* Steps on a synthetic batch. Result JSON: {"frozen_step_ms","fine_tune_step_ms","images_per_second","gflops",
 * "peak_gflops","peak_rss_mb",..}; peak_gflops is a matrix product measured in the same run. */
GRAFT_API graft_status graft_bench(graft_model *model, const graft_bench_options *options, graft_result **out,
                                   graft_error *err);

/* ---- results */

GRAFT_API const char *graft_result_json(const graft_result *result); /* one JSON document */
GRAFT_API const char *graft_result_text(const graft_result *result); /* the same for people */
/* A number of the JSON document by its path, such as "validation.accuracy"; NaN where there is none. */
GRAFT_API double graft_result_number(const graft_result *result, const char *path);
GRAFT_API void graft_result_free(graft_result *result);

#ifdef __cplusplus
}
#endif
#endif
