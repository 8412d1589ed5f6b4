#include "train/calibrate.h"

#include "base/alloc.h"
#include "train/engine_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct observation {
    gf_engine *e;
    const gf_feed *feed;
    const uint32_t *sample;
    size_t n, channels; /* of all values */
    gf_range *range;    /* a micro-batch: of each channel of each value; mean: a sum over its images' means */
    float *images;      /* a micro-batch: how many */
    float *out;         /* the features of all samples */
    bool *lost;
} observation;

static size_t channels_of(const gf_graph *g, int v)
{
    const gf_shape *s = &g->value[v].shape;
    return (size_t)s->dim[s->rank - 1];
}

/* One image's values of a node: `rows` pixels. */
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
    const gf_micro_batch b = {o->feed, 0, false, o->sample + at, n, NULL, lost};
    GF_TRY(gf_engine_frozen(e, &b, worker, err));
    gf_range *range = o->range + item * o->channels;
    for (size_t c = 0; c < o->channels; c++) range[c] = (gf_range){INFINITY, -INFINITY, 0};
    for (size_t i = 0; i < n; i++) o->images[item] += !lost[i];
    for (size_t node = 0; node < e->graph.n_nodes; node++) {
        int v = e->graph.node[node].dst;
        size_t row = gf_count(&e->graph.value[v].shape), channels = channels_of(&e->graph, v);
        const float *x = gf_workspace_value(e->frozen_workspace[worker], v);
        for (size_t i = 0; i < n; i++) {
            if (!lost[i]) observe_rows(range, x + i * row, row / channels, channels);
        }
        range += channels;
    }
    memcpy(o->out + at * e->outputs, gf_workspace_value(e->frozen_workspace[worker], e->graph.output),
           n * e->outputs * sizeof *o->out);
    return GRAFT_OK;
}

/* Micro-batches in their order: the same numbers for any number of threads. */
static void keep_ranges(const observation *o, size_t items)
{
    const gf_graph *g = &o->e->graph;
    size_t at = 0;
    float images = 0;
    for (size_t i = 0; i < items; i++) images += o->images[i];
    for (size_t node = 0; node < g->n_nodes && images > 0; node++) {
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
            r.mean /= images;
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
    o.images = gf_new_n(items, float);
    graft_status status = o.range && o.images
                              ? gf_model_add_ranges(m, err)
                              : gf_fail_memory(err, items * o.channels * sizeof *o.range, "calibration");
    if (status == GRAFT_OK) status = gf_pool_run_watched(e->pool, items, observe_item, &o, err);
    if (status == GRAFT_OK) keep_ranges(&o, items);
    gf_free(o.range);
    gf_free(o.images);
    return status;
}

/* ---- features */

typedef struct work {
    const gf_calibration_job *j;
    size_t row;
    float *exact, *coarse; /* features: in f32, in int8 */
    bool *lost;
    gf_ridge *ridge;   /* NULL: nothing is judged */
    gf_range *ranges;  /* as they were seen */
    size_t n_ranges;   /* of all layers */
    size_t done, most; /* images, told to whoever waits */
} work;

static graft_status tell(work *w, size_t images, graft_error *err)
{
    w->done += images;
    if (w->done > w->most) w->most = w->done;
    return w->j->tell ? w->j->tell(w->j->ctx, w->done, w->most, err) : GRAFT_OK;
}

static graft_status open_engine(const work *w, gf_engine **e, bool int8, graft_error *err)
{
    const gf_calibration_job *j = w->j;
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.dtype = int8 ? j->dtype : GF_F32;
    spec.int8_layers = int8 ? (int)j->model->n_layers : 0;
    spec.keep = !int8;
    spec.output_layer = j->model->features;
    return gf_engine_create(e, j->model, j->ops, j->pool, &spec, err);
}

/* In f32; the ranges are taken on the way. */
static graft_status exact_features(work *w, graft_error *err)
{
    const gf_calibration_job *j = w->j;
    gf_engine *e;
    GF_TRY(open_engine(w, &e, false, err));
    graft_status status = observe(j->model, e, j->feed, j->sample, j->ranged, w->exact, w->lost, err);
    if (status == GRAFT_OK) status = tell(w, j->ranged, err);
    enum { CHUNK = 64 };
    for (size_t at = j->ranged; status == GRAFT_OK && at < j->n; at += CHUNK) {
        size_t n = j->n - at < CHUNK ? j->n - at : CHUNK;
        status = gf_engine_forward(e, j->feed, NULL, j->sample + at, n, w->exact + at * w->row, w->lost + at, err);
        if (status == GRAFT_OK) status = tell(w, n, err);
    }
    gf_engine_destroy(e);
    return status;
}

/* Of n images from `first` on, with the ranges as they are. */
static graft_status int8_features(work *w, size_t first, size_t n, graft_error *err)
{
    gf_engine *e;
    GF_TRY(open_engine(w, &e, true, err));
    graft_status status =
        gf_engine_forward(e, w->j->feed, NULL, w->j->sample + first, n, w->coarse, w->lost + first, err);
    gf_engine_destroy(e);
    return status == GRAFT_OK ? tell(w, n, err) : status;
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

/* ---- safety */

/* Both measures by what they may be at most, the worse one: up to 1 is safe. Where the noise tells nothing (a single
 * class), the distance does. */
static double strain_of(const gf_reading *r)
{
    double noise = r->added / GF_MOST_ADDED, distance = r->distance / GF_MOST_DISTANCE;
    return noise > distance || !(distance <= INFINITY) ? noise : distance;
}

/* How a classifier reads n images in int8, as the ranges are. */
static graft_status read_int8(work *w, size_t first, size_t n, gf_reading *reading, graft_error *err)
{
    GF_TRY(int8_features(w, first, n, err));
    return gf_ridge_read(w->ridge, w->coarse, first, n, reading, err);
}

static graft_status judge(work *w, gf_calibration *result, graft_error *err)
{
    const gf_calibration_job *j = w->j;
    gf_ridge *coarse = NULL;
    graft_status status = w->ridge ? read_int8(w, 0, j->n, &result->reading, err) : int8_features(w, 0, j->n, err);
    GF_TRY(status);
    result->int8_error = relative_error(w->coarse, w->exact, w->lost, j->n, w->row);
    if (!w->ridge) return GRAFT_OK;
    GF_TRY(gf_ridge_create(&coarse, w->coarse, j->label, w->lost, j->n, w->row, j->classes, j->pool, err));
    status = gf_ridge_compare(w->ridge, coarse, &result->reading, err);
    gf_ridge_destroy(coarse);
    result->safe = strain_of(&result->reading) <= 1;
    return status;
}

/* ---- layers that stay out of int8 */

/* Of the network's ranged layers; the most of them that stay out: a quarter; images that tell which. */
enum { GROUPS = 16, QUARTER = 4, SENSED = 64 };

typedef struct group {
    int layer[2];  /* first and last */
    double strain; /* of the network without it in int8: what a classifier of exact features reads */
} group;

static bool has_range(const gf_model *m, int layer)
{
    const gf_range *r = gf_model_range(m, layer);
    for (size_t c = 0; r && c < gf_model_range_count(m, layer); c++) {
        if (r[c].low < r[c].high) return true;
    }
    return false;
}

static size_t make_groups(const gf_model *m, group *g)
{
    size_t ranged = 0, at = 0, groups = 0;
    for (size_t i = 0; i < m->n_layers; i++) ranged += has_range(m, (int)i);
    for (size_t i = 0; i < m->n_layers; i++) {
        if (!has_range(m, (int)i)) continue;
        size_t k = ranged < GROUPS ? at : at * GROUPS / ranged;
        if (k == groups) g[groups++] = (group){{(int)i, (int)i}, INFINITY};
        g[k].layer[1] = (int)i;
        at++;
    }
    return groups;
}

static void leave_out(const work *w, const group *g)
{
    gf_model *m = w->j->model;
    for (int i = g->layer[0]; i <= g->layer[1]; i++) {
        memset(gf_model_range(m, i), 0, gf_model_range_count(m, i) * sizeof *m->range);
    }
}

static void put_back(const work *w) { memcpy(w->j->model->range, w->ranges, w->n_ranges * sizeof *w->ranges); }

static int by_strain(const void *a, const void *b)
{
    const group *x = a, *y = b;
    if (x->strain != y->strain) return x->strain < y->strain ? -1 : 1;
    return x->layer[0] - y->layer[0];
}

/* How much each group spoils: what the network is without it in int8, for images that gave no ranges, if there are
 * such. */
static graft_status sense(work *w, group *g, size_t groups, graft_error *err)
{
    size_t n = w->j->n < SENSED ? w->j->n : SENSED;
    for (size_t i = 0; i < groups; i++) {
        gf_reading reading;
        leave_out(w, &g[i]);
        GF_TRY(read_int8(w, w->j->n - n, n, &reading, err));
        double strain = isfinite(reading.crossed) ? reading.crossed : reading.distance;
        g[i].strain = isfinite(strain) ? strain : INFINITY;
        put_back(w);
    }
    qsort(g, groups, sizeof *g, by_strain);
    return GRAFT_OK;
}

static char *names_of(const gf_model *m, const gf_range *ranges, const group *g, size_t groups)
{
    gf_text t = {0};
    size_t at = 0;
    for (size_t i = 0; i < m->n_layers; i++) {
        bool outside = false, seen = false;
        for (size_t k = 0; k < groups; k++) outside |= (int)i >= g[k].layer[0] && (int)i <= g[k].layer[1];
        for (size_t c = 0; c < gf_model_range_count(m, (int)i); c++) seen |= ranges[at + c].low < ranges[at + c].high;
        at += gf_model_range_count(m, (int)i);
        if (outside && seen) gf_text_printf(&t, "%s%s", t.s ? ", " : "", m->layer[i].name);
    }
    if (t.failed) gf_text_free(&t);
    return t.s;
}

/* Takes out the group that spoils most, then the next, until what is left is safe; or leaves all as it was. */
static graft_status mix(work *w, gf_calibration *result, graft_error *err)
{
    group g[GROUPS];
    gf_model *m = w->j->model;
    size_t groups = make_groups(m, g);
    w->most += groups * (w->j->n < SENSED ? w->j->n : SENSED);
    GF_TRY(sense(w, g, groups, err));
    for (size_t k = 0; k < groups / QUARTER; k++) {
        gf_calibration tried = {0};
        leave_out(w, &g[k]);
        GF_TRY(judge(w, &tried, err));
        if (!tried.safe) continue;
        *result = tried;
        result->outside = names_of(m, w->ranges, g, k + 1);
        return result->outside ? GRAFT_OK : gf_fail_memory(err, GF_NAME_MAX, "calibration");
    }
    put_back(w);
    return GRAFT_OK;
}

static graft_status keep_seen(work *w, graft_error *err)
{
    gf_model *m = w->j->model;
    for (size_t i = 0; i < m->n_layers; i++) w->n_ranges += gf_model_range_count(m, (int)i);
    w->ranges = gf_new_n(w->n_ranges, gf_range);
    if (!w->ranges) return gf_fail_memory(err, w->n_ranges * sizeof *w->ranges, "calibration");
    memcpy(w->ranges, m->range, w->n_ranges * sizeof *w->ranges);
    return GRAFT_OK;
}

graft_status gf_calibrate(const gf_calibration_job *j, gf_calibration *result, graft_error *err)
{
    work w = {.j = j, .row = gf_count(&j->model->layer[j->model->features].shape), .most = 2 * j->n};
    *result = (gf_calibration){0};
    w.exact = gf_new_n(j->n * w.row, float);
    w.coarse = gf_new_n(j->n * w.row, float);
    w.lost = gf_new_n(j->n, bool);
    graft_status status = GRAFT_OK;
    if (!w.exact || !w.coarse || !w.lost) {
        status = gf_fail_memory(err, 2 * j->n * w.row * sizeof(float), "calibration");
        goto out;
    }
    GF_GOTO(exact_features(&w, err));
    GF_GOTO(keep_seen(&w, err));
    if (j->label) GF_GOTO(gf_ridge_create(&w.ridge, w.exact, j->label, w.lost, j->n, w.row, j->classes, j->pool, err));
    GF_GOTO(judge(&w, result, err));
    if (!result->safe && w.ridge && j->mix) GF_GOTO(mix(&w, result, err));
out:
    gf_ridge_destroy(w.ridge);
    gf_free(w.exact);
    gf_free(w.coarse);
    gf_free(w.lost);
    gf_free(w.ranges);
    return status;
}
