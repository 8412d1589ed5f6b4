#include "train/calibrate.h"

#include "base/alloc.h"
#include "train/engine_parts.h"

#include <math.h>
#include <string.h>

typedef struct observation {
    gf_engine *e;
    const gf_feed *feed;
    const uint32_t *sample;
    size_t n, channels; /* of all values */
    gf_range *range;    /* a micro-batch: of each channel of each value; mean: a sum over its pictures' means */
    float *pictures;    /* a micro-batch: how many */
    float *out;         /* the features of all samples */
    bool *lost;
} observation;

static size_t channels_of(const gf_graph *g, int v)
{
    const gf_shape *s = &g->value[v].shape;
    return (size_t)s->dim[s->rank - 1];
}

/* One picture's values of a node: `rows` pixels. */
static void observe_rows(gf_range *range, const float *x, size_t rows, size_t channels)
{
    for (size_t c = 0; c < channels; c++) {
        float low = x[c], high = x[c], sum = 0;
        for (size_t i = 0; i < rows; i++) {
            float v = x[i * channels + c];
            low = v < low ? v : low;
            high = v > high ? v : high;
            sum += v;
        }
        range[c].low = fminf(range[c].low, low);
        range[c].high = fmaxf(range[c].high, high);
        range[c].mean += sum / (float)rows;
    }
}

static graft_status observe_item(void *ctx, size_t item, int worker, graft_error *err)
{
    observation *o = ctx;
    gf_engine *e = o->e;
    size_t micro = (size_t)e->spec.frozen_micro, at = item * micro, n = o->n - at < micro ? o->n - at : micro;
    bool *lost = o->lost + at;
    GF_TRY(gf_engine_frozen(e, o->feed, 0, false, o->sample + at, n, worker, lost, err));
    gf_range *range = o->range + item * o->channels;
    for (size_t c = 0; c < o->channels; c++) range[c] = (gf_range){INFINITY, -INFINITY, 0};
    for (size_t i = 0; i < n; i++) o->pictures[item] += !lost[i];
    for (size_t node = 0; node < e->graph.n_nodes; node++) {
        int v = e->graph.node[node].dst;
        size_t row = gf_count(&e->graph.value[v].shape), channels = channels_of(&e->graph, v);
        const float *x = gf_lane_value(e->frozen_lane[worker], v);
        for (size_t i = 0; i < n; i++) {
            if (!lost[i]) observe_rows(range, x + i * row, row / channels, channels);
        }
        range += channels;
    }
    memcpy(o->out + at * e->outputs, gf_lane_value(e->frozen_lane[worker], e->graph.output),
           n * e->outputs * sizeof *o->out);
    return GRAFT_OK;
}

/* Micro-batches in their order: the same numbers for any number of threads. */
static void keep_ranges(const observation *o, size_t items)
{
    const gf_graph *g = &o->e->graph;
    size_t at = 0;
    float pictures = 0;
    for (size_t i = 0; i < items; i++) pictures += o->pictures[i];
    for (size_t node = 0; node < g->n_nodes && pictures > 0; node++) {
        size_t channels = channels_of(g, g->node[node].dst);
        gf_range *to = gf_graph_range(g, g->node[node].dst);
        for (size_t c = 0; c < channels && to; c++) {
            gf_range r = {INFINITY, -INFINITY, 0};
            for (size_t i = 0; i < items; i++) {
                const gf_range *from = &o->range[i * o->channels + at + c];
                r.low = fminf(r.low, from->low);
                r.high = fmaxf(r.high, from->high);
                r.mean += from->mean;
            }
            r.mean /= pictures;
            to[c] = isfinite(r.low) && isfinite(r.high) && isfinite(r.mean) ? r : (gf_range){0};
        }
        at += channels;
    }
}

static graft_status observe(gf_model *m, gf_engine *e, const gf_feed *feed, const uint32_t *sample, size_t n,
                            float *out, bool *lost, graft_error *err)
{
    observation o = {.e = e, .feed = feed, .sample = sample, .n = n, .out = out, .lost = lost};
    size_t micro = (size_t)e->spec.frozen_micro, items = (n + micro - 1) / micro;
    for (size_t i = 0; i < e->graph.n_nodes; i++) o.channels += channels_of(&e->graph, e->graph.node[i].dst);
    o.range = gf_new_n(items * o.channels, gf_range);
    o.pictures = gf_new_n(items, float);
    graft_status status = o.range && o.pictures
                              ? gf_model_add_ranges(m, err)
                              : gf_fail_memory(err, items * o.channels * sizeof *o.range, "calibration");
    if (status == GRAFT_OK) status = gf_pool_run_watched(e->pool, items, observe_item, &o, err);
    if (status == GRAFT_OK) keep_ranges(&o, items);
    gf_free(o.range);
    gf_free(o.pictures);
    return status;
}

typedef struct trial {
    gf_dtype dtype;
    bool int8, keep;
    float *out;
} trial;

/* The features of all samples, by an engine of its own; in f32 the ranges are taken on the way. */
static graft_status run_trial(gf_model *m, gf_ops *ops, gf_pool *pool, const gf_feed *feed, const uint32_t *sample,
                              size_t n, trial *t, bool *lost, graft_error *err)
{
    gf_engine *e;
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.dtype = t->dtype;
    spec.int8_layers = t->int8 ? (int)m->n_layers : 0;
    spec.keep = t->keep;
    spec.output_layer = m->features;
    GF_TRY(gf_engine_create(&e, m, ops, pool, &spec, err));
    graft_status status = t->keep ? observe(m, e, feed, sample, n, t->out, lost, err)
                                  : gf_engine_forward(e, feed, NULL, sample, n, t->out, lost, err);
    gf_engine_destroy(e);
    return status;
}

static double relative_error(const float *x, const float *exact, const bool *lost, size_t n, size_t row)
{
    double difference = 0, sum = 0;
    for (size_t i = 0; i < n * row; i++) {
        if (lost[i / row]) continue;
        double d = (double)x[i] - (double)exact[i];
        difference += d * d;
        sum += (double)exact[i] * (double)exact[i];
    }
    return sqrt(difference / sum); /* NaN where nothing can be said */
}

graft_status gf_calibrate(gf_model *m, gf_ops *ops, gf_pool *pool, const gf_feed *feed, const uint32_t *sample,
                          size_t n, gf_dtype dtype, gf_calibration *result, graft_error *err)
{
    const double times = 1.5, more = 0.08; /* docs/design/precision.md */
    size_t row = gf_count(&m->layer[m->features].shape);
    float *out = gf_new_n(3 * n * row, float);
    bool *lost = gf_new_n(n, bool);
    graft_status status = GRAFT_OK;
    if (!out || !lost) {
        status = gf_fail_memory(err, 3 * n * row * sizeof *out, "calibration");
        goto out;
    }
    float *half = dtype == GF_F32 ? out : out + n * row, *bytes = out + 2 * n * row;
    trial t[] = {{GF_F32, false, true, out}, {dtype, false, false, half}, {dtype, true, false, bytes}};
    for (int i = 0; i < 3; i++) {
        bool known = i == 1 && dtype == GF_F32;
        if (!known) GF_GOTO(run_trial(m, ops, pool, feed, sample, n, &t[i], lost, err));
    }
    result->error = relative_error(half, out, lost, n, row);
    result->int8_error = relative_error(bytes, out, lost, n, row);
    result->safe = result->int8_error <= times * result->error + more;
out:
    gf_free(out);
    gf_free(lost);
    return status;
}
