/* summary.c - a model's layers, or its variables one by one. */
#include "api/internal.h"

#include "base/number.h"

#include <math.h>
#include <stdio.h>

enum { FIRST = 4, DIGITS = 6 };

static gf_json *counts_json(const gf_model *m)
{
    gf_counts c = gf_model_counts(m);
    gf_json *j = gf_json_object();
    gf_json_set(j, "layers", gf_json_int((int64_t)c.layers));
    gf_json_set(j, "total_params", gf_json_int((int64_t)c.total));
    gf_json_set(j, "trainable_params", gf_json_int((int64_t)c.trainable));
    gf_json_set(j, "non_trainable_params", gf_json_int((int64_t)c.non_trainable));
    gf_json_set(j, "trainable_variables", gf_json_int((int64_t)c.trainable_variables));
    return j;
}

typedef struct statistics {
    double mean, deviation, least, greatest;
} statistics;

static statistics statistics_of(const float *x, size_t n)
{
    statistics s = {.least = INFINITY, .greatest = -INFINITY};
    for (size_t i = 0; i < n; i++) {
        s.mean += (double)x[i] / (double)n;
        s.least = fmin(s.least, (double)x[i]);
        s.greatest = fmax(s.greatest, (double)x[i]);
    }
    for (size_t i = 0; i < n; i++) {
        double d = (double)x[i] - s.mean;
        s.deviation += d * d / (double)n;
    }
    s.deviation = sqrt(s.deviation);
    return s;
}

static void add_values(const gf_model *m, const gf_param *p, gf_json *row, gf_text *text)
{
    const float *x = m->value + p->offset;
    statistics s = statistics_of(x, p->count);
    gf_json *first = gf_json_array();
    gf_json_set(row, "mean", gf_json_real(s.mean));
    gf_json_set(row, "deviation", gf_json_real(s.deviation));
    gf_json_set(row, "least", gf_json_real(s.least));
    gf_json_set(row, "greatest", gf_json_real(s.greatest));
    gf_text_printf(text, "  mean %s, deviation %s, %s to %s: [", GF_GENERAL(s.mean, DIGITS),
                   GF_GENERAL(s.deviation, DIGITS), GF_GENERAL(s.least, DIGITS), GF_GENERAL(s.greatest, DIGITS));
    for (size_t i = 0; i < p->count && i < FIRST; i++) {
        gf_json_add(first, gf_json_real((double)x[i]));
        gf_text_printf(text, "%s%s", i ? ", " : "", GF_GENERAL((double)x[i], DIGITS));
    }
    gf_json_set(row, "first", first);
    gf_text_add(text, p->count > FIRST ? ", ..]\n" : "]\n");
}

/* "(3, 3, 32, 1)", as Keras and numpy write it. */
static void add_shape(const gf_shape *shape, gf_json *row, char *text, size_t size)
{
    gf_json *dims = gf_json_array();
    size_t n = (size_t)snprintf(text, size, "(");
    for (int i = 0; i < shape->rank; i++) {
        gf_json_add(dims, gf_json_int(shape->dim[i]));
        n += (size_t)snprintf(text + n, size - n, "%s%lld", i ? ", " : "", (long long)shape->dim[i]);
    }
    snprintf(text + n, size - n, shape->rank == 1 ? ",)" : ")");
    gf_json_set(row, "shape", dims);
}

/* In the network's order, as its layers stand; a shared layer's once. */
static gf_json *variables(const graft_model *m, bool values, gf_text *text)
{
    const gf_model *g = &m->model;
    gf_json *list = gf_json_array();
    for (int l = 0; l < (int)g->n_layers; l++) {
        for (size_t i = 0; i < g->n_params; i++) {
            const gf_param *p = &g->param[i];
            char shape[160], name[2 * GF_NAME_MAX];
            if (p->layer != l) continue;
            gf_json *row = gf_json_object();
            bool trains = gf_model_param_trains(g, p);
            snprintf(name, sizeof name, "%s/%s", g->layer[l].name, p->var);
            gf_json_set(row, "name", gf_json_string(name));
            add_shape(&p->shape, row, shape, sizeof shape);
            gf_json_set(row, "values", gf_json_int((int64_t)p->count));
            gf_json_set(row, "trainable", gf_json_bool(trains));
            gf_text_printf(text, "%-56s %-20s %10zu  %s\n", GF_ESC(name), shape, p->count,
                           trains         ? "trainable"
                           : p->statistic ? "statistic"
                                          : "frozen");
            if (values) add_values(g, p, row, text);
            gf_json_add(list, row);
        }
    }
    return list;
}

graft_status graft_summary(const graft_model *m, graft_result **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(m, "model");
    const gf_settings *s = m->context->settings;
    bool each = gf_settings_flag(s, GF_SET_SUMMARY_VARIABLES), values = gf_settings_flag(s, GF_SET_SUMMARY_VALUES);
    gf_text text = {0};
    if (values && !each) return gf_fail(err, GF_E_USAGE, NULL, "values are told of variables: ask for these as well");
    if (values && !m->trained && !m->has_values) {
        return gf_fail(err, GF_E_USAGE, "give --weights, or a run", "the model has no values yet");
    }
    gf_json *j = counts_json(&m->model);
    if (each) gf_json_set(j, "variables", variables(m, values, &text));
    graft_status status = each ? GRAFT_OK : gf_model_summary(&m->model, &text, err);
    if (status == GRAFT_OK && text.failed) status = gf_fail_memory(err, text.n, "a summary");
    if (status == GRAFT_OK) return gf_result_create(out, j, text.s, err);
    gf_json_free(j);
    gf_text_free(&text);
    return status;
}
