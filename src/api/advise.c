/* advise.c - graft_advise: what to train of a network on these images. */
#include "api/internal.h"

#include "train/advice.h"
#include "train/calibrate.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { LOOKED_AT = 64 };

typedef struct finding {
    uint64_t images;
    double distance; /* NaN: not measured */
    int layers;      /* that it was measured on */
    gf_amount amount;
    gf_likeness likeness;
} finding;

/* On training images, evenly over the set. */
static graft_status measure(graft_model *m, graft_data *d, finding *f, graft_error *err)
{
    const gf_index *x = d->data->index;
    uint32_t n = x->first[GF_TRAIN + 1] - x->first[GF_TRAIN], sample[LOOKED_AT];
    gf_data_feed images;
    gf_calibration c = {0};
    GF_TRY(gf_data_feed_open(&images, d->data, (size_t)gf_pool_threads(m->context->pool), err));
    gf_feed feed = gf_data_feed_of(&images);
    gf_calibration_job j = {.model = &m->model,
                            .ops = m->context->ops,
                            .pool = m->context->pool,
                            .feed = &feed,
                            .sample = sample,
                            .n = n < LOOKED_AT ? n : LOOKED_AT,
                            .dtype = GF_F32};
    j.ranged = j.n;
    for (uint32_t i = 0; i < j.n; i++) sample[i] = x->first[GF_TRAIN] + (uint32_t)((uint64_t)i * n / j.n);
    graft_status status = gf_calibrate(&j, &c, err);
    if (status == GRAFT_OK) f->distance = gf_likeness_measure(&m->model, &f->layers);
    gf_free(c.outside);
    gf_model_drop_ranges(&m->model);
    gf_data_feed_close(&images);
    return status;
}

static graft_status find(const graft_context *c, graft_model *m, graft_data *d, finding *f, graft_error *err)
{
    const char *likeness = gf_settings_text(c->settings, GF_SET_ADVISE_SIMILARITY);
    bool counted = gf_settings_given(c->settings, GF_SET_ADVISE_DATASET_SIZE);
    *f = (finding){.distance = NAN};
    if (!d && !(counted && likeness)) {
        return gf_fail(err, GF_E_USAGE, "give a data set, or both",
                       "without data the number of images (advise.dataset_size) and their similarity are wanted");
    }
    if (counted) f->images = (uint64_t)gf_settings_whole(c->settings, GF_SET_ADVISE_DATASET_SIZE);
    if (!counted) f->images = d->data->index->first[GF_TRAIN + 1] - d->data->index->first[GF_TRAIN];
    f->amount = gf_amount_of(f->images);
    if (likeness && gf_likeness_find(likeness, &f->likeness)) return GRAFT_OK;
    if (!m->has_values || !d->data->index->first[GF_TRAIN + 1]) {
        return gf_fail(err, GF_E_USAGE, "give --weights, or say it with --similarity",
                       "similarity is that to what a network was trained on: there are no weights, or no images");
    }
    GF_TRY(measure(m, d, f, err));
    f->likeness = gf_likeness_of(f->distance);
    if (f->layers) return GRAFT_OK;
    return gf_fail(err, GF_E_USAGE, "say it with --similarity high, medium or low",
                   "similarity cannot be measured: the network has no batch normalization that could tell");
}

static int last_of(const gf_advice *a, const graft_model *m)
{
    int layers = m ? (int)gf_model_backbone_layers(&m->model) : 0;
    return !m ? a->last : a->last < 0 || a->last > layers ? layers : a->last;
}

/* The options of graft train. */
static void add_options(gf_text *t, const gf_advice *a, int last)
{
    gf_text_add(t, "--probe");
    if (last < 0) gf_text_add(t, " --fine-tune-at 0");
    if (last > 0) gf_text_printf(t, " --fine-tune-last %d", last);
    if (last) gf_text_printf(t, " --fine-tune-lr %g --hook early-stopping:patience=3", a->lr);
    if (last && a->more_changes) gf_text_add(t, " --augment medium");
}

static void write_text(gf_text *t, const finding *f, const gf_advice *a, const char *options)
{
    gf_text_printf(t, "%-16s %" PRIu64 " for training: %s\n", "images", f->images, gf_amount_name(f->amount));
    gf_text_printf(t, "%-16s %s", "similarity", gf_likeness_name(f->likeness));
    if (f->layers)
        gf_text_printf(t, " to what the network was trained on: channel means are %.2f deviations away (%d layers)",
                       f->distance, f->layers);
    gf_text_printf(t, "\n%-16s %s: %s\n%-16s graft train %s\n", "advice", a->what, a->why, "options", options);
}

static graft_status advise(graft_context *c, graft_model *m, graft_data *d, graft_result **out, graft_error *err)
{
    finding f;
    GF_TRY(find(c, m, d, &f, err));
    const gf_advice a = gf_advice_of(f.amount, f.likeness);
    int last = last_of(&a, m);
    gf_text options = {0}, text = {0};
    add_options(&options, &a, last);
    write_text(&text, &f, &a, options.s ? options.s : "");
    gf_json *j = gf_json_object();
    gf_json_set(j, "images", gf_json_int((int64_t)f.images));
    gf_json_set(j, "size", gf_json_string(gf_amount_name(f.amount)));
    gf_json_set(j, "similarity", gf_json_string(gf_likeness_name(f.likeness)));
    gf_json_set(j, "distance", gf_json_real(f.distance));
    gf_json_set(j, "layers_measured", gf_json_int(f.layers));
    gf_json_set(j, "fine_tune_last", gf_json_int(last));
    gf_json_set(j, "fine_tune_lr", gf_json_real(a.lr));
    gf_json_set(j, "more_changes", gf_json_int(last && a.more_changes)); /* --augment medium */
    gf_json_set(j, "advice", gf_json_string(a.what));
    gf_json_set(j, "why", gf_json_string(a.why));
    gf_json_set(j, "options", gf_json_string(options.s));
    bool failed = options.failed || text.failed;
    gf_text_free(&options);
    if (!failed) return gf_result_create(out, j, text.s, err);
    gf_text_free(&text);
    gf_json_free(j);
    return gf_fail_memory(err, 1024, "a result");
}

graft_status graft_advise(graft_context *c, graft_model *m, graft_data *d, graft_result **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(c, "context");
    if (d) GF_NEEDS(m, "model");
    if (m) GF_NEEDS(d, "data");
    if (m) GF_TRY(gf_api_whole(m, err));
    gf_api_begin(c, GRAFT_STAGE_PLAN);
    return gf_api_end(advise(c, m, d, out, err), err);
}
