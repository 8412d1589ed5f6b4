/* record.h - what is known of a run at its end; everything in this room is drawn or written from it.
 *
 * All pointers are borrowed from the caller for the length of a call. Text may be any bytes: what is not
 * printable UTF-8 is shown escaped. Real numbers may be NaN, counts 0, lists empty: that part is then left out or
 * shown as "-". */
#ifndef GF_REPORT_RECORD_H
#define GF_REPORT_RECORD_H

#include "base/watch.h"
#include "boxes/coco_eval.h"
#include "boxes/matches.h"
#include "report/number.h"
#include "tasks/calibration.h"
#include "tasks/history.h"
#include "tasks/measure.h"
#include "json/json.h"

#include <stdint.h>

/* 8-bit RGB, rows from the top without padding: h * w * 3 bytes. */
typedef struct gf_pixels {
    int w, h;
    const uint8_t *rgb;
} gf_pixels;

typedef struct gf_photo {
    gf_pixels pixels;
    const char *path;                 /* NULL: not told */
    int32_t truth;                    /* index of its class; -1: not known */
    int32_t predicted;                /* -1: no prediction made */
    double probability;               /* of `predicted`, 0 to 1 */
    const char *truths, *predictions; /* names of all classes of a sample with any number of them, and of those that are
                                         told, where truth and predicted are equal if these are; NULL: it has one */
    const char *text;                 /* instead of pixels, a sample that is a text; NULL: it is none */
} gf_photo;

typedef struct gf_photos {
    const gf_photo *item;
    size_t n;
} gf_photos;

typedef struct gf_fact {
    const char *key, *value;
} gf_fact;

typedef struct gf_facts {
    const gf_fact *item;
    size_t n;
} gf_facts;

typedef struct gf_data_split {
    const char *name; /* "training" */
    uint64_t images;
    const uint64_t *per_class; /* n_classes counts; NULL: not told */
} gf_data_split;

/* A class of a detector. */
typedef struct gf_found_class {
    size_t objects, told, right; /* labelled ones; detections that count; those that are right */
    double ap, ap50;             /* -1: nothing was to be found */
    const double (*curve)[2];    /* recall, precision at an overlap of 0.5 */
    size_t n_curve;
} gf_found_class;

/* What a detector finds in the set that its run is judged by (boxes/matches.h). */
typedef struct gf_found_record {
    const char *set; /* "validation" */
    size_t images, objects;
    double stat[GF_COCO_STATS];
    double confidence, overlap;  /* from and above which a detection counts, gives way */
    size_t kind[GF_MATCH_KINDS]; /* detections that count */
    size_t missed, nearly;       /* labelled boxes: nothing near; only a misplaced or wrongly named detection */
    const gf_operating *point;   /* over all scores, best first */
    size_t points;
    const gf_found_class *item; /* n_classes */
    gf_photos misses, wrong;    /* images with most missed objects; with the most confident mistakes */
} gf_found_record;

/* What a model of several labels tells of the set that its run is judged by. */
typedef struct gf_labels_record {
    const char *set; /* "validation" */
    size_t images;
    const gf_found_class *item; /* n_classes: `objects` are samples that have the label; `ap50` is `ap` */
    const float *threshold;     /* of each class */
} gf_labels_record;

/* What was measured of one epoch's values. */
typedef struct gf_phase_measure {
    int32_t epoch;
    double validation[GF_MAX_METRICS], test[GF_MAX_METRICS]; /* of the record's metrics; NaN: not measured */
} gf_phase_measure;

typedef struct gf_phase_record {
    const char *name;
    int32_t first, last_epoch;   /* epochs of the run */
    gf_phase_measure last, best; /* by its last values; by the best ones of the run so far, chosen on validation */
} gf_phase_record;

typedef struct gf_run_record {
    const gf_watch *watch;      /* looks up between two plots; NULL: nobody does */
    const char *title;          /* the page's heading, such as the run folder's name */
    const char *model;          /* "mobilenet_v2" */
    const char *noun;           /* what was learnt from; NULL: "images" */
    const char *makes;          /* "An image classifier" */
    const char *pipeline;       /* that in model collections' words: "image-classification"; NULL: left out */
    const char *command;        /* the line that repeats the run; NULL: left out */
    const char *const *classes; /* n_classes names */
    size_t n_classes;
    const gf_data_split *splits;
    size_t n_splits;
    gf_facts model_facts; /* weights, input size, parameters ... */
    gf_facts data_facts;  /* folder, digest, images left out ... */
    gf_facts options;     /* every option, resolved */
    gf_facts decisions;   /* what graft decided, with its reason */
    gf_facts versions;
    const gf_metric_list *metrics;       /* of history and evaluations; NULL: there are none */
    const gf_history *history;           /* NULL: none */
    gf_metrics before, validation, test; /* before training; best weights on validation; and on test */
    int32_t best_epoch;                  /* whose weights were kept; 0: none */
    const gf_phase_record *phases;       /* those that had epochs */
    size_t n_phases;
    const char *monitor;              /* the column that chose the best epoch; NULL: not told */
    double seconds, peak_rss_mb;      /* of the whole run; NaN: not measured */
    gf_photos samples;                /* with truth; the first 9 are shown */
    gf_photos augmentations;          /* of one photo; the first 9 are shown */
    gf_photos predictions;            /* with predicted; the first 12 are shown */
    gf_photos found;                  /* of a detector, boxes drawn; the first 12 are shown */
    const gf_found_record *detection; /* likewise; NULL: it is none, or nothing was measured */
    const gf_labels_record *labels;   /* of a model of several labels; NULL: it is none, or nothing was measured */
    gf_photos mistakes;               /* wrong predictions, most confident first; the first 12 are shown */
    const char *calibrated_on;        /* the set that the next is of */
    gf_reliability calibration;       /* as the model tells probabilities; no images: not measured */
    double uncalibrated_error;        /* without its temperature */
    double temperature;               /* 0: it has none */
    const gf_promise *promises;       /* on the validation set */
    size_t n_promises;
} gf_run_record;

/* What a photo is labelled, and what it is said to be. */
const char *gf_photo_truth(const gf_run_record *r, const gf_photo *photo);
const char *gf_photo_prediction(const gf_run_record *r, const gf_photo *photo);
/* The name of a class; "unknown" for an index outside the classes. */
const char *gf_record_class(const gf_run_record *r, int32_t index);

/* What the run learnt from, as words have it: "images". */
const char *gf_record_noun(const gf_run_record *r);

/* The evaluation the run is judged by: test, else validation, else before; NULL where none was made. *name (may be
 * NULL) is told which. */
const gf_metrics *gf_record_final(const gf_run_record *r, const char **name);

/* Precision, recall and F1 of class c out of a confusion matrix; NaN where there is nothing to divide by. */
typedef struct gf_class_score {
    uint64_t images;    /* whose true class it is */
    uint64_t predicted; /* times it was predicted */
    double precision, recall, f1;
} gf_class_score;
gf_class_score gf_class_score_of(const uint64_t *confusion, size_t n_classes, size_t c);
gf_class_score gf_found_score_of(const gf_found_class *c); /* likewise of boxes: labelled, told */

/* A metric's value as people read it: a share as a percentage with so many decimals, a number with two more. */
const char *gf_record_value(char buf[GF_NUMBER_SIZE], const gf_metric *m, double value, int decimals);
#define GF_METRIC_TEXT(m, value, decimals) gf_record_value((char[GF_NUMBER_SIZE]){0}, (m), (value), (decimals))
/* Metric k in the order of curves and their words: what training makes smaller comes last. */
size_t gf_record_order(const gf_metric_list *list, size_t k);

/* metrics.json: {"model", "classes", "before", "validation", "test": {"images", METRIC .., "confusion"},
 * "calibration", of a detector "detection", of several labels "labels", "phases": [{"name", "epochs": [first, last],
 * "last": {"epoch", "validation", "test"}, "best_so_far": likewise}], "best_epoch", "epochs", "seconds",
 * "peak_rss_mb"}; an evaluation that was not made is null, as are NaNs. */
graft_status gf_record_write_json(const char *path, const gf_run_record *r, graft_error *err);

#endif
