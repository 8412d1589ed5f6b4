/* solver_probe.c - a linear probe: the features of all images once, at the precision that predictions will have, and on
 * them the linear head with the least regularized log loss, solved (logistic.h). How strongly weights are kept small is
 * chosen on images that it is not fitted on; the test set is never looked at. The head is an ordinary one: it is
 * exported, and fine-tuning goes on from it.
 *
 * Beside it stand two classifiers that need no training (neighbours.h); where they do better, classes are not linear in
 * these features, and fine-tuning is worth its time. A probe that was stopped is solved from the beginning. */
#include "train/probe.h"

#include "base/decide.h"
#include "base/io.h"
#include "base/sys.h"
#include "graph/lower.h"
#include "train/folder.h"
#include "train/neighbours.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

extern const gf_solver_class gf_solver_probe;

enum { LAMBDA, FOLDS };
static const gf_argument arguments[] = {
    [LAMBDA] = {"lambda", GF_ARG_REAL, NULL, 1e-9, 1e6, NULL,
                "how strongly weights are kept small; not given: chosen of 11 from 10 to 0.0001"},
    [FOLDS] = {"folds", GF_ARG_WHOLE, "5", 2, 20, NULL,
               "parts of the training set that it is chosen by, where there are less than 10 samples a class for "
               "validation"},
};

enum { NEIGHBOURS = 10, FEW = 10 };

typedef struct probe {
    gf_run *r;
    gf_probe_set train, validation;
    gf_scaling scaling;
    gf_probe_choice choice;
    double lambda, *w;
    gf_minimum minimum;
    double neighbours, centroid; /* accuracy on the validation set; NaN: there is none */
} probe;

/* ---- what can be probed */

static graft_status cannot(const gf_run *r, const char *why, const char *hint, graft_error *err)
{
    return gf_fail(err, GF_E_OPTION_VALUE, hint, "phase %s: solver %s %s", gf_run_phase(r)->name, gf_solver_probe.name,
                   why);
}

/* The Dense layer that is the head: on the features, but for a dropout. NULL: the head is another. */
static const gf_layer *linear_head(const gf_model *m)
{
    const gf_layer *dense = &m->layer[m->output];
    bool fits = dense->cls == &gf_layer_dense && dense->at.act == GF_ACT_LINEAR && !dense->at.no_bias;
    int at = fits ? dense->src[0] : -1;
    while (at >= 0 && m->layer[at].cls == &gf_layer_dropout) at = m->layer[at].src[0];
    return at >= 0 && at == m->features ? dense : NULL;
}

static graft_status check(const gf_run *r, graft_error *err)
{
    const gf_loss *loss = &r->task.loss;
    bool one_class = r->task.cls == gf_task_find(NULL) && r->task.end != GF_END_SIGMOID;
    if (!one_class && !r->task.cls->labels) return cannot(r, "is for samples of classes", NULL, err);
    if (loss->cls != gf_loss_class_at(0) || loss->arg[0] > 0)
        return cannot(r, "minimizes the plain cross-entropy", "leave --loss out, or train with epochs", err);
    if (!linear_head(r->model) || !gf_engine_boundary_features(r->engine))
        return cannot(r, "solves a linear head on pooled features", "--head linear, or train with epochs", err);
    if (!gf_run_split(r, GF_TRAIN, NULL)) return cannot(r, "has no training set", NULL, err);
    uint32_t held = gf_run_split(r, GF_VALIDATION, NULL);
    if (r->train_feature_cache.n && (r->feature_cache.n || !held)) return GRAFT_OK;
    return gf_fail(err, GF_E_NO_MEMORY, "free some memory, or train with epochs",
                   "the features of all samples do not fit into a quarter of the memory that is free");
}

/* ---- the work */

static graft_status take_features(probe *p, graft_error *err)
{
    gf_run *r = p->r;
    uint32_t held = gf_run_split(r, GF_VALIDATION, NULL);
    GF_TRY(gf_run_fill_features(r, &r->feature_cache, held, err));
    GF_TRY(gf_probe_set_take(&p->train, r, &r->train_feature_cache, r->train_feature_cache.n, err));
    GF_TRY(gf_probe_set_take(&p->validation, r, &r->feature_cache, held, err));
    GF_TRY(gf_scaling_measure(&p->scaling, &p->train.rows, err));
    gf_scaling_apply(&p->scaling, &p->train.rows);
    gf_scaling_apply(&p->scaling, &p->validation.rows);
    return GRAFT_OK;
}

/* Whether the validation set has enough of each class to choose by. */
static bool enough(const probe *p)
{
    bool all = true;
    if (p->r->task.cls->labels) return gf_probe_enough_labels(p->r, &p->validation, FEW);
    for (size_t c = 0; c < p->r->facts->classes.n; c++) {
        size_t n = 0;
        for (size_t i = 0; i < p->validation.rows.n; i++) n += p->validation.label[i] == (int32_t)c;
        all = all && n >= FEW;
    }
    return all;
}

static graft_status solve(probe *p, const gf_arguments *a, graft_error *err)
{
    gf_run *r = p->r;
    const bool labels = r->task.cls->labels;
    const size_t folds = (size_t)a->number[FOLDS];
    p->lambda = a->number[LAMBDA];
    if (isnan(p->lambda)) {
        gf_probe_set *held = enough(p) ? &p->validation : NULL;
        GF_TRY(labels ? gf_probe_choose_labels(&p->choice, r, &p->train, held, folds, err)
                      : gf_probe_choose(&p->choice, r, &p->train, held, folds, err));
        p->lambda = p->choice.lambda[p->choice.best];
    }
    return labels ? gf_probe_solve_labels(&p->train, r, p->lambda, &p->w, &p->minimum, err)
                  : gf_probe_solve(&p->train, r->host.pool, p->lambda, &p->w, &p->minimum, err);
}

/* The scaling goes into the weights: (x - mean) / sigma is what they were found for. */
static graft_status put_head(const probe *p, graft_error *err)
{
    gf_model *m = p->r->model;
    const gf_layer *head = linear_head(m);
    int layer = (int)(head - m->layer);
    const gf_rows *rows = &p->train.rows;
    const size_t k = gf_count(&head->shape);
    float *kernel = m->value + gf_model_param(m, layer, "kernel")->offset,
          *bias = m->value + gf_model_param(m, layer, "bias")->offset;
    for (size_t c = 0; c < k; c++) {
        const double *w = p->w + c * rows->stride;
        double b = w[rows->d];
        for (size_t j = 0; j < rows->d; j++) {
            double x = w[j] / p->scaling.sigma;
            kernel[j * k + c] = (float)x;
            b -= x * p->scaling.mean[j];
        }
        bias[c] = (float)b;
    }
    return gf_engine_reload(p->r->engine, err);
}

/* Loss and metrics of the training images, as epochs have them. */
static graft_status measure_training(const probe *p, graft_error *err)
{
    enum { CHUNK = 256 };
    gf_run *r = p->r;
    size_t n = p->train.rows.n, k = r->outputs, classes = r->facts->classes.n;
    float *z = gf_new_n(n * k, float), loss[CHUNK], *score = gf_new_n(CHUNK * classes, float);
    int32_t predicted[CHUNK];
    gf_class_target target[CHUNK];
    graft_status status = z && score ? gf_logistic_scores(&p->train.rows, p->w, k, r->host.pool, z, err)
                                     : gf_fail_memory(err, n * k * sizeof *z, "the solver");
    for (size_t at = 0; at < n && status == GRAFT_OK; at += CHUNK) {
        size_t some = n - at < CHUNK ? n - at : CHUNK;
        for (size_t i = 0; i < some; i++) target[i] = gf_target_of((uint32_t)p->train.target[at + i]);
        r->task.cls->step(&r->task, &(gf_task_batch){.n = some,
                                                     .width = k,
                                                     .out = z + at * k,
                                                     .target = target,
                                                     .training = true,
                                                     .scale = 1,
                                                     .loss = loss,
                                                     .predicted = predicted,
                                                     .score = score});
        const gf_labelling *labels = gf_task_labelling(&r->task);
        gf_running_add(&r->running,
                       &(gf_outcomes){some, classes, loss, p->train.target + at, predicted, score, labels});
    }
    gf_free(z);
    gf_free(score);
    return status;
}

static double accuracy(const gf_probe_set *s, const int32_t *predicted)
{
    size_t right = 0;
    for (size_t i = 0; i < s->rows.n; i++) right += predicted[i] == s->label[i];
    return (double)right / (double)s->rows.n;
}

static graft_status ask_neighbours(probe *p, graft_error *err)
{
    const gf_known known = {&p->train.rows, p->train.label, p->r->facts->classes.n, p->r->host.pool};
    size_t n = p->validation.rows.n;
    p->neighbours = p->centroid = NAN;
    if (!n || p->r->task.cls->labels) return GRAFT_OK; /* neighbours tell one class each */
    int32_t *predicted = gf_new_n(n, int32_t);
    graft_status status = predicted ? gf_nearest_neighbours(&known, &p->validation.rows, NEIGHBOURS, predicted, err)
                                    : gf_fail_memory(err, n * sizeof *predicted, "neighbours");
    if (status == GRAFT_OK) p->neighbours = accuracy(&p->validation, predicted);
    if (status == GRAFT_OK) status = gf_nearest_centroid(&known, &p->validation.rows, predicted, err);
    if (status == GRAFT_OK) p->centroid = accuracy(&p->validation, predicted);
    gf_free(predicted);
    return status;
}

/* ---- what is told */

static void tell(const probe *p)
{
    const gf_log *log = p->r->host.log;
    const gf_probe_choice *c = &p->choice;
    char lambda[32], by[64] = "asked for";
    snprintf(lambda, sizeof lambda, "lambda %.3g", p->lambda);
    if (c->lambda[0] > 0) {
        snprintf(by, sizeof by, c->folds ? "%zu parts of the training set" : "the validation set", c->folds);
        gf_decide(log, "probe", lambda, "of %d from %g to %g the least log loss on %s: %.4f", GF_PROBE_LAMBDAS,
                  c->lambda[0], c->lambda[GF_PROBE_LAMBDAS - 1], by, c->loss[c->best]);
    }
    if (!p->minimum.done) {
        gf_log_say(log, GF_NOTE, "probe: after %d steps the log loss does not fall any more, at %.6f", p->minimum.steps,
                   p->minimum.value);
    }
    if (isnan(p->neighbours)) return; /* no validation set, or several labels */
    gf_log_say(log, GF_NOTE,
               "probe: on %zu features of %zu %s; without training, the %d nearest neighbours are right "
               "on %.4f of the validation set, the nearest class mean on %.4f",
               p->train.rows.d, p->train.rows.n, p->r->data->cls->samples, NEIGHBOURS, p->neighbours, p->centroid);
}

static void tell_if_neighbours_win(const probe *p)
{
    const double much = 2; /* standard errors */
    gf_metrics m = gf_evaluation_metrics(&p->r->validation);
    if (p->r->task.cls->labels) return;
    double own = m.images ? m.value[1] : NAN, n = (double)m.images;
    if (!(p->neighbours - own > much * sqrt(own * (1 - own) / n + 1 / (n * n)))) return;
    gf_log_say(p->r->host.log, GF_NOTE,
               "probe: neighbours are right more often than a linear head (%.4f): classes are not linear in these "
               "features; fine-tuning (--fine-tune-at) is worth its time",
               own);
}

/* RUN/probe.json, for programs and plots. */
static graft_status write_json(const probe *p, graft_error *err)
{
    gf_json *j = gf_json_object(), *path = gf_json_array();
    for (size_t i = 0; i < GF_PROBE_LAMBDAS && p->choice.lambda[0] > 0; i++) {
        gf_json *row = gf_json_object();
        gf_json_set(row, "lambda", gf_json_real(p->choice.lambda[i]));
        gf_json_set(row, "log_loss", gf_json_real(p->choice.loss[i]));
        gf_json_add(path, row);
    }
    gf_json_set(j, "lambda", gf_json_real(p->lambda));
    gf_json_set(j, "tried", path);
    gf_json_set(j, "folds", gf_json_int((int64_t)p->choice.folds));
    gf_json_set(j, "images", gf_json_int((int64_t)p->train.rows.n));
    gf_json_set(j, "features", gf_json_int((int64_t)p->train.rows.d));
    gf_json_set(j, "steps", gf_json_int(p->minimum.steps));
    gf_json_set(j, "objective", gf_json_real(p->minimum.value));
    gf_json_set(j, "neighbours_accuracy", gf_json_real(p->neighbours));
    gf_json_set(j, "centroid_accuracy", gf_json_real(p->centroid));
    char *text = gf_json_text(j, 2), *file = NULL;
    gf_json_free(j);
    graft_status status =
        text ? gf_run_path(p->r, GF_FOLDER_PROBE, &file, err) : gf_fail_memory(err, 1024, "probe.json");
    if (status == GRAFT_OK) status = gf_file_write_text(file, text, err);
    gf_free(file);
    gf_free(text);
    return status;
}

/* ---- a phase */

static graft_status probe_phase(probe *p, const gf_arguments *a, graft_error *err)
{
    gf_run *r = p->r;
    GF_TRY(take_features(p, err));
    if (!p->train.rows.n) return cannot(r, "has no training set", NULL, err);
    GF_TRY(solve(p, a, err));
    GF_TRY(ask_neighbours(p, err));
    GF_TRY(put_head(p, err));
    gf_running_clear(&r->running);
    GF_TRY(measure_training(p, err));
    tell(p);
    return gf_run_writes(r) ? write_json(p, err) : GRAFT_OK;
}

static graft_status train(gf_run *r, const gf_arguments *a, graft_error *err)
{
    probe p = {.r = r};
    GF_TRY(check(r, err));
    r->pace = (gf_run_pace){.start = gf_sys_seconds(), .images = r->train_feature_cache.n};
    graft_status status = probe_phase(&p, a, err);
    r->state.total_steps++;
    if (status == GRAFT_OK) status = gf_run_end_epoch(r, NAN, gf_sys_seconds() - r->pace.start, err);
    if (status == GRAFT_OK) tell_if_neighbours_win(&p);
    gf_probe_set_free(&p.train);
    gf_probe_set_free(&p.validation);
    gf_scaling_free(&p.scaling);
    gf_free(p.w);
    return status;
}

const gf_solver_class gf_solver_probe = {
    .name = "probe",
    .help = "the optimum of a linear head on the features of all samples",
    .argument = arguments,
    .n_arguments = sizeof arguments / sizeof *arguments,
    .solves = true,
    .train = train,
};
