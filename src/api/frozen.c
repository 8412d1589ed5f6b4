/* frozen.c - whether a run's frozen part is computed in bytes: where that is fast, and safe on the run's own pictures.
 */
#include "api/internal.h"
#include "train/calibrate.h"

#include "image/augment.h"

#include <stdio.h>
#include <string.h>

enum { PICTURES = 64, RACERS = 16 };

/* ---- pictures of a data set as they are */

static graft_status set_picture(void *ctx, uint32_t epoch, uint32_t sample, bool training, float *dst, int worker,
                                graft_error *err)
{
    (void)epoch, (void)training;
    const gf_set_feed *s = ctx;
    const uint8_t *pixels;
    graft_status status = gf_cache_get(s->data->cache, sample, s->scratch[worker], &pixels, err);
    if (status != GRAFT_OK) return gf_cache_is_lost(s->data->cache, sample) ? GRAFT_DATA : status;
    gf_augment_apply(NULL, pixels, s->data->options.height, s->data->options.width, dst);
    return GRAFT_OK;
}

graft_status gf_set_feed_open(gf_set_feed *s, graft_context *c, const gf_data *data, graft_error *err)
{
    size_t bytes = gf_cache_picture_bytes(data->cache);
    *s = (gf_set_feed){.data = data, .threads = (size_t)gf_pool_threads(c->pool)};
    s->scratch = gf_new_n(s->threads, uint8_t *);
    bool ok = s->scratch != NULL;
    for (size_t i = 0; i < s->threads && ok; i++) {
        s->scratch[i] = gf_alloc_raw(bytes, 1);
        ok = s->scratch[i];
    }
    if (ok) return GRAFT_OK;
    gf_set_feed_close(s);
    return gf_fail_memory(err, s->threads * bytes, "pictures");
}

void gf_set_feed_close(gf_set_feed *s)
{
    for (size_t i = 0; i < s->threads && s->scratch; i++) gf_free(s->scratch[i]);
    gf_free(s->scratch);
    *s = (gf_set_feed){0};
}

gf_feed gf_set_feed_of(gf_set_feed *s) { return (gf_feed){set_picture, s}; }

/* ---- speed */

typedef struct race {
    graft_model *m;
    const gf_feed *feed;
    const uint32_t *sample;
    size_t n;
    gf_engine *engine[2];
    float *out;
    bool lost[RACERS];
} race;

static bool run_race(void *ctx, int candidate)
{
    race *r = ctx;
    if (!r->engine[candidate]) {
        gf_engine_spec spec;
        gf_engine_defaults(&spec);
        spec.dtype = r->m->facts.dtype;
        spec.int8_layers = candidate ? (int)r->m->model.n_layers : 0;
        spec.output_layer = r->m->model.features;
        graft_status status =
            gf_engine_create(&r->engine[candidate], &r->m->model, r->m->context->ops, r->m->context->pool, &spec, NULL);
        if (status != GRAFT_OK) return false;
    }
    return gf_engine_forward(r->engine[candidate], r->feed, NULL, r->sample, r->n, r->out, r->lost, NULL) == GRAFT_OK;
}

static bool is_faster(graft_model *m, const gf_feed *feed, const uint32_t *sample, size_t n)
{
    char key[GF_CHOICE_KEY];
    gf_api_choice_key(m, "frozen", key);
    const char *const names[] = {gf_dtype_name(m->facts.dtype), "int8"};
    race r = {.m = m, .feed = feed, .sample = sample, .n = n < RACERS ? n : RACERS};
    r.out = gf_new_n(n * gf_count(&m->model.layer[m->model.features].shape), float);
    gf_choice c = {.key = key,
                   .names = names,
                   .n = 2,
                   .preferred = 1,
                   .margin = GF_MARGIN_NETWORK,
                   .on_pool = true,
                   .pool = m->context->pool,
                   .run = run_race,
                   .ctx = &r};
    int chosen = r.out ? gf_ops_choose(m->context->ops, &c) : 0;
    for (int i = 0; i < 2; i++) gf_engine_destroy(r.engine[i]);
    gf_free(r.out);
    return chosen == 1;
}

/* ---- the choice */

static graft_status record(graft_model *m, bool int8, graft_error *err)
{
    m->facts.int8_layers = int8 ? (int)m->model.n_layers : 0;
    if (!int8) gf_model_drop_ranges(&m->model);
    return gf_config_text(&m->config.frozen, int8 ? "int8" : m->config.dtype, err);
}

static const double percent = 100;

/* Asked for by name it is done all the same. */
static void say_unsafe(const graft_model *m, const gf_calibration *c)
{
    gf_say(&m->context->log, GF_WARNING,
           "the frozen part is computed in int8, as asked for: its features are %.1f %% from f32's, in %s they are "
           "%.1f %%",
           percent * c->int8_error, gf_dtype_name(m->facts.dtype), percent * c->error);
}

static void say_choice(const graft_model *m, const gf_calibration *c, bool may, bool safe, bool int8)
{
    const char *dtype = gf_dtype_name(m->facts.dtype), *what = "frozen part";
    if (!may) {
        gf_decide(&m->log, what, dtype, "auto: this processor has no int8 dot products");
    } else if (!safe) {
        gf_decide(&m->log, what, dtype,
                  "auto: in int8 its features would be %.1f %% from f32's, in %s they are %.1f %%",
                  percent * c->int8_error, dtype, percent * c->error);
    } else if (int8) {
        gf_decide(&m->log, what, "int8",
                  "auto: this processor has int8 dot products, timing is not against it (%s); its features are %.1f %% "
                  "from f32's",
                  dtype, percent * c->int8_error);
    } else {
        gf_decide(&m->log, what, dtype, "auto: timed, int8 is clearly slower here");
    }
}

graft_status gf_api_choose_frozen(graft_model *m, const gf_feed *feed, uint32_t first, uint32_t n, bool check,
                                  graft_error *err)
{
    bool named = !strcmp(m->config.precision, "int8"), either = named || !strcmp(m->config.precision, "auto");
    bool may = either && gf_ops_has_int8(m->context->ops) && n > 0;
    uint32_t sample[PICTURES], count = n < PICTURES ? n : PICTURES;
    for (uint32_t i = 0; i < count && may; i++) sample[i] = first + (uint32_t)((uint64_t)i * n / count);
    gf_calibration c = {0};
    if (may) {
        GF_TRY(
            gf_calibrate(&m->model, m->context->ops, m->context->pool, feed, sample, count, m->facts.dtype, &c, err));
    }
    bool safe = c.safe || !check;
    if (may && !safe && named) say_unsafe(m, &c);
    bool int8 = may && (named || (safe && is_faster(m, feed, sample, count)));
    if (either && !named && n > 0) say_choice(m, &c, may, safe, int8);
    return record(m, int8, err);
}

graft_status gf_api_choose_frozen_for(graft_model *m, const graft_data *d, graft_error *err)
{
    gf_set_feed s;
    GF_TRY(gf_set_feed_open(&s, m->context, d->data, err));
    gf_feed feed = gf_set_feed_of(&s);
    const gf_index *x = d->data->index;
    graft_status status =
        gf_api_choose_frozen(m, &feed, x->first[GF_TRAIN], x->first[GF_TRAIN + 1] - x->first[GF_TRAIN], true, err);
    gf_set_feed_close(&s);
    return status;
}
