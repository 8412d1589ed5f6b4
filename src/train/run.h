/* run.h - a training run: its phases, checkpoints, resume, the run folder.
 *
 * RUN/config.json says how, RUN/checkpoint/ where it stands; base.safetensors in there is the model as the run began,
 * so that a resume needs no other weight file. A run is a function of (config, base, data): killed at any moment and
 * resumed, on any number of threads, it gives the same bits. */
#ifndef GF_TRAIN_RUN_H
#define GF_TRAIN_RUN_H

#include "boxes/matches.h"
#include "comm/comm.h"
#include "data/dataset.h"
#include "data/order.h"
#include "ops/engine.h"
#include "train/config.h"
#include "train/diverged.h"
#include "train/engine.h"
#include "train/feature_store.h"
#include "train/hook.h"
#include "train/kept.h"
#include "train/metrics.h"
#include "train/model_file.h"
#include "train/phase.h"
#include "train/phase_end.h"

typedef struct gf_run_progress {
    enum { GF_RUN_PLANNING, GF_RUN_TRAINING, GF_RUN_EVALUATING, GF_RUN_EPOCH_END, GF_RUN_REPORTING } stage;
    int64_t done, total;
    int epoch, epochs, phase;
    const char *phase_name;
    const gf_metric_list *metrics;
    double value[GF_MEASURED][GF_MAX_METRICS]; /* of those; NaN: not measured now */
    double images_per_second, seconds_left, seconds;
} gf_run_progress;

/* What a run borrows from whoever starts it. */
typedef struct gf_run_host {
    gf_pool *pool;
    gf_ops *ops;
    const gf_log *log;                                     /* its decisions become the run's */
    void (*progress)(void *ctx, const gf_run_progress *p); /* may be NULL */
    graft_status (*should_stop)(void *ctx);                /* may be NULL; see graft_context_options */
    void *ctx;
    gf_comm *comm; /* the ranks that train together (run_ranks.c): each has the run, the first its folder; NULL: one */
} gf_run_host;

/* Why no further epoch of a phase is begun. */
enum { GF_PHASE_OVER = 1, GF_RUN_OVER = 2 /* and none of another; the present epoch ends with the step at hand */ };

/* Where a run stands. Plain data, as the next two, kept in a checkpoint (run_state.c). */
typedef struct gf_run_state {
    int64_t total_steps; /* tried in the run: numbers the checkpoints */
    int64_t applied;     /* steps applied in this phase: the optimizer's count */
    int32_t epoch;       /* epochs completed */
    int32_t batch;       /* batches of the present epoch that are done */
    int32_t phase;       /* from 1: of `applied` and the optimizer's slots; 0: not begun */
    int32_t before_done;
    int32_t phase_epoch; /* epochs of the phase that are completed */
    int32_t phase_over;  /* GF_PHASE_...: it has ended before its epochs were over */
} gf_run_state;

typedef struct gf_run_before {
    uint64_t images;
    double value[GF_MAX_METRICS]; /* of the validation set, before any training */
} gf_run_before;

typedef struct gf_run_clock {
    double seconds, epoch_seconds; /* told to people; not part of the result */
} gf_run_clock;

/* How fast this epoch goes since it was begun or taken up; told to people. */
typedef struct gf_run_pace {
    double start;
    uint64_t images;
} gf_run_pace;

typedef struct gf_run {
    gf_run_host host;
    char *dir;
    char *identity;        /* of config */
    gf_run_config *config; /* borrowed, as the next two */
    gf_model *model;       /* with the head; values as the run began */
    gf_dataset *data;
    gf_model_facts *facts;

    gf_engine *engine; /* of the present phase */
    gf_optimizer optimizer;
    float *slots; /* of the present phase: gf_run_slot_bytes; NULL where its optimizer has none */
    gf_phases phases;
    gf_phase_end *phase_end; /* of each of them */
    gf_data_feed feed;       /* with the random changes of the present phase */
    gf_hooks hooks;
    gf_order *order; /* of the training set */
    uint8_t
        *lost; /* of every sample of the index: 1 where its file went away during the run, as the checkpoint keeps it */
    gf_feature_cache feature_cache,
        train_feature_cache;        /* of validation and test (one range); of training where images do not change */
    gf_feature_words feature_words; /* --feature-cache */
    int32_t phase_start;            /* epochs that were completed when the present phase began */
    gf_kept kept;                   /* the values that change in any phase; with the statistics, where those move */
    float *packed;                  /* of a checkpoint, where they are more than one range; else NULL */
    gf_task task;                   /* what is learned */
    size_t outputs;                 /* that the network gives per sample */
    gf_metric_list metrics;         /* that are measured */
    gf_monitor monitor[2];          /* what tells the best epoch; and between equal ones */
    gf_history history;
    bool logged; /* history.csv and, with a report, the TensorBoard file hold all rows but the last */
    gf_run_state state;
    gf_running running; /* of the present epoch */
    int32_t best_epoch; /* whose values are in the model once training is over */
    gf_run_pace pace;
    gf_run_before before;
    gf_run_clock clock;
    struct gf_checkpoint_writer *writer;
    gf_evaluation validation, test;
    double
        test_at_half[GF_MAX_METRICS]; /* of several labels, what the test set came to before thresholds were chosen */
    float *logits;                    /* of validation and test, after the last evaluation of both */
    double started, last_tick;
    int last_stage;       /* that was told */
    uint32_t lost_known;  /* lost samples that all ranks know of */
    bool torn;            /* the state is that of no whole step: some hooks have seen it, some not */
    int64_t rank_samples; /* that this rank has put through the trainable part */
    bool finishing;       /* training is over: what a resume needs is on disk, or on its way there */
} gf_run;

/* Sets up (no file is written); `dir` exists. */
graft_status gf_run_open(gf_run *r, const gf_run_host *host, const char *dir, gf_run_config *config, gf_model *model,
                         gf_model_facts *facts, gf_dataset *data, graft_error *err);
void gf_run_close(gf_run *r);

/* Writes base.safetensors, classes.txt, data.txt (manifest.h), decisions.json, config.json: from here on it can be
 * resumed. */
graft_status gf_run_begin(gf_run *r, graft_error *err);
/* Notes the digest of base.safetensors, which is there, and the phases in the configuration. */
graft_status gf_run_tie(gf_run *r, graft_error *err);
/* config.json holds the phases for people and programs; what they are follows from its options. E3005 where it is
 * edited.
 */
graft_status gf_run_check_phases(const gf_run *r, graft_error *err);
/* E2307 where DIR/checkpoint/base.safetensors is missing, or is not that which the run began with (config.base_digest;
 * graft 0.1 kept none: nothing to tell by). */
graft_status gf_run_check_base(const char *dir, const gf_run_config *config, graft_error *err);
/* Takes up the latest checkpoint, if there is one. */
graft_status gf_run_restore(gf_run *r, graft_error *err);
/* The same of a checkpoint's bytes, aligned to 8 (n 0: there is none): of ranks but the first. */
graft_status gf_run_restore_bytes(gf_run *r, const uint8_t *bytes, size_t n, graft_error *err);
/* Trains to the end and writes what a finished run holds; or stops with a checkpoint at that very step. */
graft_status gf_run_train(gf_run *r, graft_error *err);

/* ---- parts (run_state.c, loop.c, evaluate.c, finish.c) */

/* The name of a file in the run's folder; gf_free. */
graft_status gf_run_path(const gf_run *r, const char *name, char **path, graft_error *err);
/* The values that change in a run of those phases; the model's parameter groups are then what the last of them asks. */
graft_status gf_run_kept(gf_run *r, const gf_phases *phases, gf_kept *kept, graft_error *err);

/* How the engine of a phase is made, for the model's present boundary: by a run, and by whoever times or prepares one.
 */
gf_engine_spec gf_run_engine_spec(const gf_run_config *c, const gf_phase *p);
/* Makes the engine of phases.item[phase - 1] from the model's values: no step of it is done. */
graft_status gf_run_open_phase(gf_run *r, int phase, graft_error *err);
const gf_phase *gf_run_phase(const gf_run *r); /* the present one; NULL: none has begun */
/* The phase (from 1) of the next epoch; 0: every epoch is done. */
int gf_run_next_phase(const gf_run *r);
/* The learning rate of the step after `applied` ones of the phase: its schedule's, and then what hooks make of it. */
double gf_run_lr(const gf_run *r, int64_t applied);
/* Keeps what crosses the present engine's split point: of validation and test, and of training where its images do not
 * change, or come in few variants; as far as memory allows. With `disk` what an earlier run has kept is taken. */
graft_status gf_run_make_features(gf_run *r, graft_error *err);
/* So many epochs' random changes come in turn in the present phase; 0: each epoch has its own. */
uint32_t gf_run_variants(const gf_run *r);
/* Runs the first n samples of a feature cache through the frozen part, those that it does not have yet. */
graft_status gf_run_fill_features(gf_run *r, gf_feature_cache *cache, size_t n, graft_error *err);
/* For solvers, when the epoch's values are in the model and r->running has what was measured on the way: the validation
 * set, a row of the history, hooks, a checkpoint. */
graft_status gf_run_end_epoch(gf_run *r, double lr, double seconds, graft_error *err);
/* Temperature and promises (facts.fitted), by the logits of the validation set that the last evaluation left; nothing
 * where that is too small. From then on the task's probabilities are at that temperature. */
graft_status gf_run_fit_temperature(gf_run *r, graft_error *err);

/* The score from which on a detector's detections count, and the overlap above which one is dropped, likewise
 * (facts.threshold); nothing where no object of the validation set is found. */
graft_status gf_run_choose_threshold(gf_run *r, graft_error *err);
/* From which probability on a sample is said to have a label (facts.labels), likewise, and both evaluations again at
 * these; nothing where a sample is of one class. */
graft_status gf_run_choose_label_thresholds(gf_run *r, graft_error *err);
/* What is found, by those options, in the images of an evaluation, whose first sample is `first`, by their logits. */
graft_status gf_run_look(const gf_run *r, const gf_evaluation *e, const float *logits, uint32_t first,
                         const gf_detect_options *o, gf_found_set *out, graft_error *err);
/* Precision, recall and F1 of the same images over all scores, with boxes that overlap a better one by more than
 * `overlap` dropped: *point (gf_free; NULL after failure) as gf_ranking_points gives them, *n of them. */
graft_status gf_run_points(const gf_run *r, const gf_evaluation *e, const float *logits, uint32_t first, double overlap,
                           gf_operating **point, size_t *n, size_t *best, graft_error *err);

/* What a range of samples with these logits makes of calibration.h. */
typedef struct gf_run_sure {
    gf_outcomes all; /* those that were not lost, in order: truth and score */
    int32_t *truth;
    float *score;
    gf_sureness *sure; /* at the beta that was asked for last, the surest first */
} gf_run_sure;
graft_status gf_run_sureness(gf_run *r, uint32_t first, size_t n, const float *logits, gf_run_sure *out,
                             graft_error *err);
void gf_run_sure_at(gf_run_sure *s, double beta);
void gf_run_sure_free(gf_run_sure *s);

/* Loss and accuracy of samples [first, first + n) into e; with `logits` (may be NULL) kept there. */
graft_status gf_run_evaluate(gf_run *r, uint32_t first, uint32_t n, gf_evaluation *e, float *logits, graft_error *err);
/* The model as the present engine computes it, with all that is needed to predict. */
graft_status gf_run_write_model(gf_run *r, const char *path, graft_error *err);
/* The end: best weights, measures, model, report, and last the list of them (folder.h). What is there already and right
 * is written again all the same, but for the model. */
/* After the last evaluation of validation and test: sets facts->elsewhere. */
graft_status gf_run_elsewhere(gf_run *r, graft_error *err);
graft_status gf_run_finish(gf_run *r, graft_error *err);
/* What the report shows of the run, and the report: all files with `report`, else metrics.json and history.csv. */
graft_status gf_run_write_report(gf_run *r, graft_error *err);
/* RUN/decisions.json of what the host's log holds. */
graft_status gf_run_write_split(const gf_run *r, graft_error *err); /* where graft shared the data out */
graft_status gf_run_write_decisions(const gf_run *r, graft_error *err);
/* Class names, a line each, into DIR/classes.txt. */
graft_status gf_run_write_classes(const char *dir, const gf_names *classes, graft_error *err);
graft_status gf_run_checkpoint(gf_run *r, bool last, graft_error *err);
gf_feed gf_run_feed(gf_run *r);
/* Where the run stands, with no metric told; fields are then set. */
gf_run_progress gf_run_progress_of(const gf_run *r, int stage, int64_t done, int64_t total);
void gf_run_report_progress(gf_run *r, gf_run_progress *p, bool always);
size_t gf_run_slot_bytes(const gf_run *r); /* of the present phase's optimizer; 0 without an engine */
uint32_t gf_run_split(const gf_run *r, gf_split split, uint32_t *first); /* how many, and the first */
double gf_run_peak_rss_mb(void);
/* What should_stop says; gf_run_train then keeps where the run stands. With ranks all make this call: where one is
 * asked to stop all are, and a sample that one has lost is lost for all. */
graft_status gf_run_stop_asked(gf_run *r, graft_error *err);

/* ---- ranks (run_ranks.c) */

/* Whether this process has the run's folder: the first rank, or the only one. */
bool gf_run_writes(const gf_run *r);
/* What the first rank thinks: for what hangs on a clock, or on the machine. */
graft_status gf_run_agree(gf_run *r, void *what, size_t n, graft_error *err);
/* What of n samples in a row this rank computes, and rows of them of all ranks, each having computed its own. */
gf_share gf_run_share(const gf_run *r, size_t n);
graft_status gf_run_gather(gf_run *r, void *rows, size_t n, size_t row, graft_error *err);
/* After targets of others came: gf_dataset_adopt of each that is not lost. */
void gf_run_adopt(const gf_run *r, char *target, const bool *lost, size_t n);
/* Rows at .. at + n - 1 of a feature cache. */
graft_status gf_run_gather_features(gf_run *r, gf_feature_cache *cache, size_t at, size_t n, graft_error *err);
/* All rows, as the first rank has them. */
graft_status gf_run_spread_features(gf_run *r, gf_feature_cache *cache, graft_error *err);
/* The ranks are not needed any more: those but the first may end. Tells what each has done. */
graft_status gf_run_part(gf_run *r, graft_error *err);
/* A run that ends with `status`, which is neither OK nor a stop: the other ranks are told, and where one of them is
 * gone the state of the last whole step is written. */
graft_status gf_run_break(gf_run *r, graft_status status, graft_error *err);
/* A stage of the run has begun. */
void gf_run_tell_stage(gf_run *r, int stage, int64_t done, int64_t total);

#endif
