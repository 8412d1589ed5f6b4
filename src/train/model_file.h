/* model_file.h - a model with all that is needed to predict, in one safetensors file: its tensors as LAYER/VAR, a text
 * model's tokenizer, byte for byte, as tokenizer/FILE, and in
 * the metadata "graft.model" (architecture, image size, class names, precision) and "graft.graph" (the network as
 * exchange/keras_config.h writes it, preprocessing in its input layer). Equal models give equal bytes. */
#ifndef GF_TRAIN_MODEL_FILE_H
#define GF_TRAIN_MODEL_FILE_H

#include "base/files.h"
#include "base/io.h"
#include "formats/safetensors.h"
#include "image/fit.h"
#include "tasks/calibration.h"
#include "tasks/found.h"
#include "train/engine.h"

enum { GF_SELF_TEST_MAX = 8 };

/* The image of the self-test, w x h x 3 values 0..255: red grows to the right, green downwards, blue is a dark
 * pattern, so that channels, rows and columns cannot be exchanged unseen. */
void gf_self_test_image(float *dst, int w, int h);

/* What a processor makes of it that can but f32, where the run had int8 or bf16: of so many of its validation and test
 * images, so many are labelled otherwise, and probabilities differ by up to so much. images 0: not measured. */
typedef struct gf_elsewhere {
    int images, labels;
    double probability;
} gf_elsewhere;

/* What was fitted on the run's validation set: a temperature, by which probabilities mean what they say, and above
 * which of these so much of what is said is right. */
typedef struct gf_fitted {
    double temperature; /* 0: none */
    int images;
    double error[2]; /* calibration error without and with it */
    size_t n_promises;
    gf_promise promise[GF_PROMISES];
} gf_fitted;

/* From which probability on a sample is said to have a label: of each class, chosen on the run's validation set. */
typedef struct gf_label_thresholds {
    float *value; /* n, one for each class; owned; NULL: 0.5 of each */
    size_t n;
    double macro_f1; /* there */
    int images;
} gf_label_thresholds;
void gf_label_thresholds_free(gf_label_thresholds *t); /* leaves it empty */

typedef struct gf_model_facts {
    char architecture[GF_NAME_MAX];
    char task[GF_NAME_MAX]; /* what it was trained for; "": the first task */
    double alpha, dropout;
    int width, height;
    gf_names classes;
    gf_dtype dtype;       /* of activations, as they are computed here */
    gf_dtype saved_dtype; /* and as they were where the self-test was made */
    int int8_layers;      /* layers below this one are computed in bytes, by the model's ranges; 0: none */
    bool antialias, ignore_exif, fast_dct;
    gf_fit fit;
    int n_self_test;                   /* outputs of self_test that hold; 0: the file has none */
    float self_test[GF_SELF_TEST_MAX]; /* the first logits of gf_self_test_image, as the model gave them when it was
                                          saved */
    float plain_self_test[GF_SELF_TEST_MAX]; /* with int8_layers: as it would be with none, for other machines */
    gf_elsewhere elsewhere;
    gf_fitted fitted;
    gf_threshold threshold;     /* of a detector */
    gf_label_thresholds labels; /* of a model of several labels */
    gf_files tokenizer;         /* of a model of texts: the files that its tokenizer is made of (text/tokenizer.h) */
} gf_model_facts;

void gf_model_facts_free(gf_model_facts *f);

/* The task that the model is for, whose probabilities are at the temperature that was fitted. */
gf_task gf_model_file_task(const gf_model *m, const gf_model_facts *f);

/* That image, in the size that is wanted, as sample 0; with 29 s added, modulo 256, as sample s. For a model of texts
 * texts of different lengths, of the first few pieces of any vocabulary. */
gf_feed gf_self_test_feed(void);

/* E2009 where logits (of the self-test's image) are not those that the file was saved with: then what reads it is not
 * what wrote it (another layout, channel order, preprocessing). Tolerances: f32 1e-3, bf16 0.1, of the largest logit
 * but at least 1. `bytes`: the logits were computed with int8_layers. */
graft_status gf_self_test_check(const gf_model_facts *f, const float *logits, bool bytes, graft_error *err);

graft_status gf_model_file_write(const char *path, const gf_model *m, const gf_model_facts *f, graft_error *err);

/* The same bytes in memory: *out is gf_free's. */
graft_status gf_model_file_make(uint8_t **out, size_t *n, const gf_model *m, const gf_model_facts *f, graft_error *err);

/* Builds the model and its values from the file alone. Both outputs are the caller's. E2009 where it is no such file.
 */
graft_status gf_model_file_take(gf_model *m, gf_model_facts *f, const gf_safetensors *st, const char *path,
                                graft_error *err); /* out of an open file; `path` stands in messages */
graft_status gf_model_file_read(gf_model *m, gf_model_facts *f, const char *path, graft_error *err);

#endif
