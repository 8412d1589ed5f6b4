/* internal.h - what stands behind the handles of graft.h. */
#ifndef GF_API_INTERNAL_H
#define GF_API_INTERNAL_H

#include "base/decide.h"
#include "base/settings.h"
#include "data/images.h"
#include "fetch/catalogue.h"
#include "formats/weights.h"
#include "graph/head.h"
#include "text/tokenizer.h"
#include "train/run.h"

#include <graft/graft.h>

#include <pthread.h>
#include <stdatomic.h>

/* What other threads may ask of a context (asked.c). */
typedef struct gf_asked {
    atomic_int stop;      /* a graft_status; OK: go on */
    pthread_mutex_t lock; /* of the rest */
    graft_progress progress;
    bool told;
    graft_event *event; /* a ring of `most`, `n` of them from `first` on */
    size_t most, first, n;
    uint64_t lost;
} gf_asked;

struct graft_context {
    graft_context_options options;
    gf_log log;
    gf_pool *pool;
    gf_ops *ops;
    char *choices_read;                  /* precision choices, as they were on disk */
    gf_settings *settings;               /* NULL: all at their defaults */
    graft_progress last;                 /* what was told last, and is told again while something takes long */
    double looked;                       /* when that was */
    gf_comm *comm;                       /* who takes part in training; NULL: nobody else. Borrowed */
    const char *phase;                   /* its name, borrowed from the run; NULL: none */
    gf_metric_list metrics;              /* what it measured; empty: nothing */
    graft_metric metric[GF_MAX_METRICS]; /* and how much */
    gf_asked asked;
};

void gf_asked_begin(gf_asked *a);
void gf_asked_end(gf_asked *a);
/* Tells progress, or a message, to the context's function and to who asks. */
void gf_api_show(graft_context *c, const graft_progress *p);
void gf_api_say(graft_context *c, graft_level level, const char *text);
/* What was asked for: by graft_stop, or by the context's function. */
graft_status gf_api_ask(graft_context *c);

struct graft_model {
    graft_context *context;
    gf_decisions decisions;  /* that were taken for it and, once it is trained, for its run */
    gf_log log;              /* the context's, with these */
    gf_run_config config;    /* the options that concern the model, resolved as far as they can be */
    gf_names source_classes; /* as the file names them; may be none */
    gf_model source;         /* a file's whole network, which `model` was cut from; no layers: an architecture's */
    gf_head_spec head;
    double dropout;
    gf_model model;
    gf_model_facts facts;
    gf_weights_notes weights_notes;      /* of the weight file */
    char *run;                           /* the run folder it comes from; NULL: none */
    gf_names reads;                      /* files and folders that it was read from */
    bool was_antialias, was_ignore_exif; /* how the run that `source` is of read its images */
    bool from_run;                       /* `source` is a run's model */
    bool has_values;                     /* the backbone's values stand: a file's, or made before its head */
    bool random;                         /* no file gave it any */
    bool trained;                        /* it comes from a run: the names of its classes are in `facts` */
    bool has_head;
    const char
        *lacks; /* what its run computed in and this processor does not, as a model that is used was told; NULL */
    bool half_trained;         /* graft_train began with it and failed */
    bool own_size;             /* the image size is the network's own: none was asked for */
    const gf_task_class *task; /* of the data that it is trained on, where they say so; NULL: of the settings */
    graft_session *session;    /* what predict and evaluate made, and go on with; NULL: none */
};

struct graft_data {
    graft_context *context;
    gf_decisions decisions;
    gf_log log; /* the context's, with these */
    char *path;
    graft_data_options options; /* cache_dir: points to the next */
    char *cache_dir;
    gf_settings *settings; /* that it was opened with; may be NULL */
    bool boxes;            /* labelled boxes, whose task that is */
    bool labels;           /* samples have any number of labels, whose task that is */
    const gf_fit *fit;     /* a model's own, which holds instead of theirs; NULL: none */
    bool fast_dct;         /* and with it how that model's JPEGs are decoded */
    gf_dataset *data;
    gf_tokenizer tokenizer; /* of texts: the model's that they are for (gf_api_data_for) */
};

struct graft_result {
    gf_json *document;
    char *json, *text;
    graft_prediction *prediction;
    size_t n_predictions;
    graft_label *labels; /* of all predictions, `top` each */
    gf_names strings;    /* what predictions point to */
};

/* A caller's mistakes are GRAFT_USAGE: E3001 names the function and the argument that is NULL. GF_OUT is for the
 * out-parameter, which is NULL from then on. */
graft_status gf_api_missing(const char *function, const char *argument, graft_error *err);
#define GF_NEEDS(pointer, name)                                       \
    do {                                                              \
        if (!(pointer)) return gf_api_missing(__func__, (name), err); \
    } while (0)
#define GF_OUT(out)           \
    do {                      \
        GF_NEEDS(out, "out"); \
        *(out) = NULL;        \
    } while (0)
/* E3001 for a model whose training began and did not end: its weights are neither those it was opened with nor a
 * result.
 */
graft_status gf_api_whole(const graft_model *m, graft_error *err);

/* The task that the model is for; its probabilities are at the model's temperature unless "model.calibration" is off.
 */
gf_task gf_api_task(const graft_model *m);
size_t gf_api_outputs(const graft_model *m); /* logits per image */
/* gf_engine_infer with `lost`; with the setting "predict.tta" the outputs are those of the mean of an image's and its
 * mirror's probabilities. */
graft_status gf_api_infer(graft_model *m, gf_engine *e, const gf_feed *feed, const gf_forward *f, graft_error *err);
/* What the settings ask the model to promise ("predict.unknown"); NULL: nothing. E3002 where it cannot. */
graft_status gf_api_promise(const graft_model *m, const gf_promise **promise, graft_error *err);

/* Into a result: what the model's run computed in and this processor cannot. */
void gf_api_add_arithmetic(gf_json *document, const graft_model *m);

/* Takes the document over and renders it; `text` (may be NULL: the JSON stands for it) as well. */
graft_status gf_result_create(graft_result **out, gf_json *document, char *text, graft_error *err);

/* The result of a finished run, out of its metrics.json. */
graft_status gf_api_run_result(const char *dir, graft_result **out, graft_error *err);
/* train.find_lr: into DIR, which holds no run then (find_lr.c). */
graft_status gf_api_find_lr(graft_model *m, graft_data *d, const char *dir, graft_result **out, graft_error *err);

/* What is said of images, one by one, as CSV, where the setting names a file (per_file.c); else these do nothing. */
typedef struct gf_per_file {
    const char *path; /* borrowed, as the next two; NULL: not wanted */
    const gf_names *classes;
    const gf_task *task;
    size_t width;
    bool labelled; /* with a column of true classes */
    float *p;
    gf_text text;
} gf_per_file;
/* A field of CSV, quoted where that needs it (RFC 4180). */
void gf_per_file_field(gf_text *t, const char *prefix, const char *s);
/* GF_SET_EVAL_CSV or, without true classes, GF_SET_PREDICT_CSV. */
graft_status gf_per_file_begin(gf_per_file *f, const graft_model *m, const gf_task *task, gf_setting file,
                               graft_error *err);
/* `truth` (its label, of several "a|b") is told where the file is labelled; `predicted` NULL: what the outputs say. out
 * NULL: the image was lost. */
void gf_per_file_add(gf_per_file *f, const char *path, const char *truth, const char *predicted, const float *out);
graft_status gf_per_file_write(gf_per_file *f, graft_error *err);
void gf_per_file_free(gf_per_file *f);

/* A call's options with what the context's settings have of them (fields.c). Texts are borrowed from both. */
graft_model_options gf_api_model_options(const graft_context *c, const graft_model_options *o);
graft_data_options gf_api_opened_options(const graft_context *c, const graft_data_options *o);
graft_train_options gf_api_train_options(const graft_context *c, const graft_train_options *o);
graft_bench_options gf_api_bench_options(const graft_context *c, const graft_bench_options *o);

/* Whether texts with a grammar of their own (train.optimizer) can be parsed; with the error of the room that does. */
graft_status gf_api_check_settings(const gf_settings *s, graft_error *err);

/* inspect_texts.c: whether a path is of texts, and what graft_inspect says of them. */
bool gf_api_is_texts(const graft_context *context, const char *path);
graft_status gf_api_inspect_texts(graft_context *context, const char *path, graft_result **out, int64_t *bad,
                                  graft_error *err);

/* inspect_boxes.c: the same of labelled boxes. */
bool gf_api_is_boxes(const graft_context *context, const char *path);
graft_status gf_api_inspect_images(graft_data *d, graft_result **out, int64_t *bad, graft_error *err);
graft_status gf_api_inspect_boxes(graft_context *context, const char *path, graft_result **out, int64_t *bad,
                                  graft_error *err);

/* Whether labelled boxes are to be learned: the task says so, of the settings or of the context's. */
bool gf_api_task_detects(const gf_settings *s);
/* Whether the task of the settings is one of samples with any number of labels (labels.c). */
bool gf_api_task_labels(const gf_settings *s);
/* What is learned: what the data say, else the settings. */
const gf_task_class *gf_api_task_class(const graft_model *m);
/* Before a run: takes the task of several labels where the data have them and nothing else was asked for. E3002. */
graft_status gf_api_choose_task(graft_model *m, const graft_data *d, graft_error *err);
/* The names of the labels that these outputs tell, "a|b". */
void gf_api_labels_told(const gf_task *t, const gf_names *classes, const float *out, gf_text *text);
/* E3002 where data with several labels of a sample are for a model of one class each. */
graft_status gf_api_fit_labels(const graft_model *m, const graft_data *d, graft_error *err);
/* E3002 where one of the settings is given, which a model of several labels has no use for; or, with `what`, a verb. */
graft_status gf_api_want_no_labels(const graft_model *m, const gf_setting *row, size_t n, graft_error *err);
/* E3002 where a threshold of labels is asked for, and the model has none. */
graft_status gf_api_check_threshold(const graft_model *m, graft_error *err);
graft_status gf_api_want_one_label(const gf_index *index, const char *what, graft_error *err);
bool gf_api_detects(const graft_context *context);
/* What an evaluation of a detector tells: loss and COCO's measures. */
graft_status gf_api_found_result(const gf_evaluation *e, const gf_metrics *m, graft_result **out, graft_error *err);
/* E3002 where one of the options is given, which a detector has no use for. */
graft_status gf_api_want_one_class(const graft_model *m, const gf_setting *row, size_t n, graft_error *err);
/* Opens labelled boxes as a data set, by the context's options. */
graft_status gf_api_open_boxes(graft_data *d, const gf_data_options *o, graft_error *err);

/* ---- models of texts (texts.c) */

bool gf_api_is_of_texts(const gf_model *m);
const char *gf_api_samples(const gf_model *m); /* what it takes: "texts", "images" */
/* E3002 where it is: `what` takes images. */
graft_status gf_api_want_images(const graft_model *m, const char *what, graft_error *err);
/* The folder with an encoder of texts, or the file of word vectors, that the options name, as weights or as the model;
 * NULL: they name none. */
const char *gf_api_texts_of(const graft_model_options *o);
/* Its network becomes m->source, its tokenizer a fact. E2770 where the two do not belong together. */
graft_status gf_api_import_texts(graft_model *m, const char *path, bool allow_nonfinite, graft_error *err);
/* The tokenizer's pieces must be rows of the model's table (E2770); where a pair's first text ends is told by its
 * piece.
 */
graft_status gf_api_fit_tokenizer(gf_model *m, const gf_tokenizer *t, graft_error *err);
/* Ties data to a model: E3002 where they are of different kinds; texts get its tokenizer. */
graft_status gf_api_data_for(graft_data *d, const gf_model *m, const gf_model_facts *f, graft_error *err);

/* Options as the data room takes them. */
gf_data_options gf_api_data_options(const graft_data *d);
/* Opens with the present options; `classes` (may be NULL): must be these. */
graft_status gf_api_data_open(graft_data *d, const gf_names *classes, graft_error *err);

/* The head that was asked for, with the outputs that the task of the settings has for so many classes. */
gf_head_spec gf_api_head_of(const graft_model *m, int classes);
/* The network that the model's options ask for, with a head for the classes, without values. */
graft_status gf_api_build_model(const graft_model *m, gf_model *model, int classes, graft_error *err);
/* A kept classifier gets the classes that the data have beside its own (model_grow.c). E3002 where it cannot. */
graft_status gf_api_grow_head(graft_model *m, const gf_names *classes, graft_error *err);
/* Gives the model a head for these classes (a new one, seeded) unless it has just that. */
graft_status gf_api_set_classes(graft_model *m, const gf_names *classes, graft_error *err);
/* A classifier that was kept as a file has it becomes one that the loss is for; what that changes is told. */
graft_status gf_api_make_trainable(graft_model *m, graft_error *err);
/* Where fine-tuning begins, unless it was said. */
void gf_api_choose_boundary(gf_run_config *k, const gf_model *m, const gf_log *log);
/* Times what has to be timed by making each phase's plan once, so that config.json holds every choice before training.
 */
graft_status gf_api_make_choices(graft_context *c, const gf_run_config *k, gf_model *m, graft_error *err);
/* What a choice that is timed for a whole model is kept under. */
enum { GF_CHOICE_KEY = 192 };
void gf_api_choice_key(const graft_model *m, const char *what, char key[GF_CHOICE_KEY]);
enum { GF_TIMES = 160 };
/* One of two ways to compute the model's network, timed by running them (run, as in gf_choice; ctx is handed to it) but
 * where the kept choices know; the second is preferred. `times` gets what was measured, for people. */
int gf_api_choose_network(const graft_model *m, const char *what, const char *const names[2],
                          bool (*run)(void *ctx, int candidate), void *ctx, char times[GF_TIMES]);
/* facts.dtype from the precision asked for; "auto" and "int8" time f32 against bf16. */
graft_status gf_api_resolve_precision(graft_model *m, graft_error *err);
/* The backbone's layer at which fine-tuning begins, from number, name or "last N"; -1: not asked for. */
graft_status gf_api_resolve_boundary(graft_model *m, const graft_model_options *o, graft_error *err);
/* What the user's cache keeps under a name; NULL: nothing that was measured by just these (gf_ops_timed_by). gf_free
 * it.
 */
char *gf_api_kept(const char *name, const char *timed_by);
/* Nothing is lost where that fails. */
void gf_api_keep(const char *name, const char *timed_by, const char *text);
/* Writes the choices to disk if new ones were made; nothing is lost where that fails. */
void gf_api_keep_choices(graft_context *c);

gf_run_host gf_api_host(graft_context *c);
/* Gives the context's ranks, if there are any, what they need to take part in a run that is open and on disk. From then
 * on all ranks do the same: gf_run_restore, where the run is taken up, and gf_run_train. `data` is where they were moved
 * to, or NULL. */
graft_status gf_api_share_run(graft_context *c, gf_run *r, bool taken_up, const char *data, graft_error *err);
/* What a rank that is not the first does with the context's ranks. */
graft_status gf_api_work(graft_context *c, graft_error *err);
/* The run has ended with that status: where it has failed the other ranks are told. */
void gf_api_end_sharing(graft_context *c, graft_status status, const graft_error *err);

/* n texts, none of them NULL. */
graft_status gf_api_check_texts(const char *function, const char *argument, const char *const *text, size_t n,
                                graft_error *err);

/* Progress and stops. A call that may take long begins with gf_api_begin and returns through gf_api_end: in between,
 * whatever waits for the pool tells the last progress again several times a second and asks whether to stop. */
void gf_api_begin(graft_context *c, graft_stage stage);
void gf_api_watch(graft_context *c, gf_pool *pool);     /* the same for another pool than the context's */
void gf_api_stage(graft_context *c, graft_stage stage); /* tells that another part has begun */
void gf_api_tell(graft_context *c, const graft_progress *p);
/* A progress of that stage that tells nothing yet. */
graft_progress gf_api_progress(graft_stage stage, int64_t done, int64_t total);
/* The metrics of a progress about to be told: values so far and, with NULL: unknown, those of validation. */
void gf_api_measured(graft_context *c, graft_progress *p, const gf_metric_list *list, const double *value,
                     const double *validation);
/* Of an evaluation or prediction; with what was measured so far (NULL: nothing is). */
void gf_api_tell_evaluated(graft_context *c, size_t done, size_t total, const gf_running *r);
graft_status gf_api_stop_asked(graft_context *c, graft_error *err);
/* `status`; where it is that of a stop which has no words of its own, with some. */
graft_status gf_api_end(graft_status status, graft_error *err);

/* Whether the frozen part is computed in int8: where precision is "int8"; or it is "auto", the processor can, it is not
 * clearly slower and, for a training set, it is safe (calibrate.h). Sets facts, config and the model's ranges. After
 * gf_api_resolve_precision. */
graft_status gf_api_choose_frozen(graft_model *m, const gf_feed *feed, uint32_t n, graft_error *err); /* samples 0.. */
graft_status gf_api_choose_frozen_for(graft_model *m, const graft_data *d, graft_error *err);

/* Images or texts that are not part of a data set. Images: read, decoded and resized as they are asked for, on any
 * worker. They are the bytes that a data set's cache would hold, so that an image has the same logits in an evaluation
 * and a prediction. */
typedef struct gf_image_list {
    graft_context *context;
    gf_index *index;
    gf_data_options options;
    gf_buffer *buffer;   /* per thread: the file */
    uint8_t **rgb;       /* per thread: the image; NULL with `exact` */
    bool exact;          /* not rounded to bytes after resizing: for features, which other tools compute so */
    graft_error **error; /* per image: why it was lost, gf_image_list_error; owned */
    uint32_t *sample;    /* 0 .. n - 1 */
    gf_checked *checked; /* per image: what it is like, once it was asked for */
    bool *lost;
    gf_tokenizer tokenizer; /* of texts, which the index has as paths */
    gf_pieces *pieces;      /* of texts, per thread; NULL: images */
} gf_image_list;
/* As the model takes them: texts, where it is a model of texts (a name of a file stands for the texts in it). */
graft_status gf_api_list_open(gf_image_list *a, const graft_model *m, const char *const *paths, size_t n, bool exact,
                              graft_error *err);
gf_feed gf_text_list_feed(gf_image_list *a);
graft_status gf_image_list_open(gf_image_list *a, graft_context *c, const gf_model_facts *f, const char *const *paths,
                                size_t n, bool exact, graft_error *err);
void gf_image_list_close(gf_image_list *a);
/* How images are made to fit a network that no run has trained: as the settings say. */
void gf_api_geometry(gf_model_facts *f, const gf_settings *s);
/* Of an image that was lost. */
const graft_error *gf_image_list_error(const gf_image_list *a, uint32_t i);
gf_feed gf_image_list_feed(gf_image_list *a);

/* How images are prepared for a model, with what the settings (may be NULL) say of single images. */
void gf_api_image_options(gf_data_options *o, const gf_model_facts *f, const gf_settings *s);

/* ---- sessions (session.c) */

/* The model's own session, on the context's threads: planned, packed and tested at the first call. Belongs to the
 * model. */
graft_status gf_api_session(graft_model *m, graft_session **out, graft_error *err);
/* To be called before the model's values or layers change. */
void gf_api_drop_session(graft_model *m);
graft_status gf_api_want_head(const graft_model *m, graft_error *err); /* it has a classifier, and can be computed */
graft_status gf_api_want_ranges(const graft_model *m,
                                graft_error *err); /* it can be computed in the precision asked for */

/* Notes that the model was read from there; NULL: nothing. */
graft_status gf_api_reads(graft_model *m, const char *path, graft_error *err);
/* E3006 where a file about to be written is one that a run wrote, that the model was read from, or one of `more`. */
graft_status gf_api_check_apart(const char *const *path, size_t n, const char *out, graft_error *err); /* no model */
graft_status gf_api_check_out(const graft_model *m, const char *const *more, size_t n_more, const char *out,
                              graft_error *err);
/* The same for the folder of a new run. */
graft_status gf_api_check_run_out(const graft_model *m, const char *out, graft_error *err);

/* The path of the model file of what a user named as a run: a run folder, or the file itself. gf_free it. */
graft_status gf_api_model_path(const char *run, char **path, graft_error *err);

/* A weight file as the user named it: a path, or a name of the catalogue ("imagenet", an entry's own name), which is
 * fetched into the cache unless it is there. `use` says for what model. *path: gf_free. */
graft_status gf_api_weights_path(graft_context *context, const char *weights, const gf_weights_use *use, char **path,
                                 graft_error *err);

/* A text option of 0.1's structs: NULL is the row's default. */
static inline const char *gf_api_text_or(const char *s, gf_setting row) { return s ? s : gf_settings_text(NULL, row); }

#endif
