/* judgement.h - what an evaluation tells beyond its metrics, gathered image by image. */
#ifndef GF_API_JUDGEMENT_H
#define GF_API_JUDGEMENT_H

#include "api/internal.h"

typedef struct gf_judged {
    uint32_t sample;
    int32_t truth, predicted; /* of several labels equal where all are told, and no others */
    float loss;
    double probability; /* of `predicted` */
} gf_judged;

typedef struct gf_judgement {
    const graft_model *m; /* borrowed, as the next two */
    const gf_task *task;
    gf_dataset *data;
    size_t classes, n;
    gf_judged *item;     /* in the data's order */
    gf_sureness *sorted; /* the same, the surest first once all is there */
    float *score, *p;    /* of one image */
    bool softmax;        /* the classes' probabilities sum to one: their calibration can be told */
} gf_judgement;

/* What the settings ask for can be done: files apart from the model's, a promise (NULL: none is wanted) that it makes.
 */
graft_status gf_judgement_check(const graft_model *m, const gf_promise **promise, graft_error *err);

graft_status gf_judgement_open(gf_judgement *j, const graft_model *m, const gf_task *task, gf_dataset *data,
                               uint32_t most, graft_error *err);
void gf_judgement_close(gf_judgement *j); /* takes a zeroed one */
void gf_judgement_add(gf_judgement *j, uint32_t sample, const float *out, size_t width);
/* All images, that of the largest loss first; *out is gf_free's. */
graft_status gf_judgement_worst(const gf_judgement *j, const gf_judged ***out, graft_error *err);
enum { GF_MOST_LOSSES = 10, GF_SHOWN_LOSSES = 5 };
/* Into the document, the text and the files that the settings name. */
graft_status gf_judgement_tell(gf_judgement *j, const uint64_t *confusion, const gf_promise *promise, gf_json *document,
                               gf_text *text, graft_error *err);

#endif
