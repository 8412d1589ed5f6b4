/* bench.c - steps of both phases on synthetic images, timed, beside what one matrix product reaches. */
#include "api/bench_ranks.h"

#include "base/rng.h"
#include "base/sys.h"
#include "image/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void graft_bench_defaults(graft_bench_options *o)
{
    if (o)
        *o = (graft_bench_options){.batch = 32, .steps = 30, .augment = gf_settings_text(NULL, GF_SET_BENCH_AUGMENT)};
}

typedef struct synthetic {
    uint8_t *pixels; /* `batch` images */
    int width, height, batch, classes;
    gf_augment_spec augment;
    uint8_t *for_change; /* change_bytes per worker */
    size_t change_bytes;
} synthetic;

static graft_status fill(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                         graft_error *err)
{
    (void)err;
    const synthetic *s = ctx;
    const uint8_t *pixels = s->pixels + q->sample % (uint32_t)s->batch * (size_t)(s->width * s->height * 3);
    gf_augment_drawn drawn;
    gf_augment_draw(&s->augment, 1, q->epoch, q->sample, s->height, s->width, s->height, s->width, &drawn);
    gf_input_put(&in[0], q->training ? &drawn : NULL, pixels, q->scratch,
                 s->for_change + (size_t)q->worker * s->change_bytes, dst[0]);
    if (target) *(gf_class_target *)target = gf_target_of(q->sample % (uint32_t)s->classes);
    return GRAFT_OK;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, by_value);
    return x[n / 2];
}

/* Steps until all are timed; the first few warm up. Whole steps: images, both parts, update; the next step's frozen
 * part overlaps, as it does in a run. */
static graft_status time_steps(graft_model *m, gf_engine *e, const char *optimizer, synthetic *s,
                               const graft_bench_options *o, double *ms, graft_error *err)
{
    enum { WARM_UP = 5 };
    gf_optimizer opt;
    GF_TRY(gf_optimizer_parse(&opt, optimizer, err));
    size_t batch = (size_t)o->batch;
    float *slots = gf_alloc_tensor((size_t)gf_optimizer_slots(&opt) * gf_engine_trainable(e) * sizeof *slots);
    double *seconds = gf_new_n((size_t)o->steps, double);
    uint32_t *sample = gf_new_n(batch, uint32_t);
    graft_status status = GRAFT_OK;
    if (!slots || !seconds || !sample) {
        status = gf_fail_memory(err, gf_engine_trainable(e) * sizeof *slots, "a benchmark");
        goto out;
    }
    for (size_t i = 0; i < batch; i++) sample[i] = (uint32_t)i;
    gf_feed feed = {fill, s};
    for (int k = 0; k < WARM_UP + o->steps; k++) {
        double t = gf_sys_seconds();
        gf_batch now = {(uint32_t)k, (uint64_t)k, batch, sample};
        gf_batch next = {(uint32_t)k + 1, (uint64_t)k + 1, batch, sample};
        gf_step_result r;
        GF_GOTO(gf_engine_gradient(e, &feed, NULL, &now, &next, &r, err));
        GF_GOTO(gf_engine_apply(e, &opt, 1e-6, k, slots, err));
        if (k >= WARM_UP) seconds[k - WARM_UP] = gf_sys_seconds() - t;
        GF_GOTO(gf_api_stop_asked(m->context, err));
    }
    *ms = 1e3 * median(seconds, o->steps);
out:
    gf_engine_drain_prefetch(e);
    gf_free(slots);
    gf_free(seconds);
    gf_free(sample);
    return status;
}

typedef struct phase_result {
    double ms, forward_flops, trainable_flops;
    size_t values; /* that train */
} phase_result;

static graft_status time_phase(graft_model *m, int boundary, const char *optimizer, synthetic *s,
                               const graft_bench_options *o, const gf_comm *comm, phase_result *r, graft_error *err)
{
    gf_engine *e = NULL;
    m->config.batch = o->batch;
    gf_engine_spec spec = gf_run_engine_spec(
        &m->config, &(gf_phase){.batch_norm = m->config.batch_norm, .int8_layers = (int)m->model.n_layers});
    m->model.boundary = boundary;
    spec.comm = comm;
    GF_TRY(gf_engine_create(&e, &m->model, m->context->ops, m->context->pool, &spec, err));
    graft_status status = time_steps(m, e, optimizer, s, o, &r->ms, err);
    r->forward_flops = gf_engine_flops(e, true);
    r->trainable_flops = gf_engine_flops(e, false);
    r->values = gf_engine_trainable(e);
    gf_engine_destroy(e);
    return status;
}

typedef struct peak_job {
    graft_context *c;
    gf_dtype dtype;
    double gflops[64];
} peak_job;

static graft_status peak_item(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)worker;
    peak_job *j = ctx;
    return gf_ops_matmul_gflops(j->c->ops, j->dtype, &j->gflops[item], err);
}

/* One product a thread, at the same time: what the threads reach together. */
static graft_status measure_peak(graft_context *c, gf_dtype dtype, double *gflops, graft_error *err)
{
    peak_job j = {.c = c, .dtype = dtype};
    int threads = gf_pool_threads(c->pool);
    if (threads > 64) threads = 64;
    GF_TRY(gf_pool_run(c->pool, (size_t)threads, peak_item, &j, err));
    *gflops = 0;
    for (int i = 0; i < threads; i++) *gflops += j.gflops[i];
    return GRAFT_OK;
}

static graft_status bench_result(const graft_model *m, const graft_bench_options *o, const phase_result *frozen,
                                 const phase_result *tune, double peak, const gf_bench_ranks *ranks, graft_result **out,
                                 graft_error *err)
{
    /* backward costs the trainable part twice its forward */
    double flops = o->batch * (tune->forward_flops + 2 * tune->trainable_flops);
    gf_json *j = gf_json_object();
    gf_json_set(j, "frozen_step_ms", gf_json_real(frozen->ms));
    gf_json_set(j, "fine_tune_step_ms", gf_json_real(tune->ms));
    gf_json_set(j, "images_per_second", gf_json_real(1e3 * o->batch / tune->ms));
    gf_json_set(j, "gflops", gf_json_real(flops / tune->ms * 1e-6));
    gf_json_set(j, "frozen_gflops", gf_json_real(o->batch * frozen->forward_flops / frozen->ms * 1e-6));
    gf_json_set(j, "peak_gflops", gf_json_real(peak));
    gf_json_set(j, "peak_rss_mb", gf_json_real(gf_run_peak_rss_mb()));
    gf_json_set(j, "precision", gf_json_string(gf_dtype_name(m->facts.dtype)));
    gf_json_set(j, "frozen_precision", gf_json_string(m->config.frozen));
    gf_json_set(j, "threads", gf_json_int(gf_pool_threads(m->context->pool)));
    gf_json_set(j, "machine", gf_json_string(gf_ops_machine(m->context->ops)));
    gf_text more = {0};
    gf_bench_ranks_tell(ranks, j, &more);
    char *text = gf_sprintf("frozen step     %8.2f ms\nfine-tune step  %8.2f ms\nfine-tuning     %8.1f images/s\n"
                            "%.0f GFLOP/s of %.0f that a matrix product reaches (%s)\n%s",
                            frozen->ms, tune->ms, 1e3 * o->batch / tune->ms, flops / tune->ms * 1e-6, peak,
                            gf_dtype_name(m->facts.dtype), more.s ? more.s : "");
    gf_text_free(&more);
    return gf_result_create(out, j, text, err);
}

static void free_images(synthetic *s)
{
    gf_free(s->for_change);
    gf_free(s->pixels);
}

/* To be freed in any case. */
static graft_status make_images(synthetic *s, const graft_model *m, const graft_bench_options *o, graft_error *err)
{
    *s = (synthetic){.width = (int)m->config.width, .height = (int)m->config.height, .batch = o->batch};
    GF_TRY(gf_augment_parse(gf_api_text_or(o->augment, GF_SET_BENCH_AUGMENT), &s->augment, err));
    s->classes = m->model.classes;
    size_t bytes = (size_t)(s->width * s->height * 3) * (size_t)s->batch;
    s->change_bytes = gf_augment_scratch_bytes(&s->augment, s->height, s->width, s->height, s->width);
    s->pixels = gf_alloc_raw(bytes, 1);
    s->for_change = gf_alloc_tensor(s->change_bytes * (size_t)gf_pool_threads(m->context->pool));
    if (!s->pixels || !s->for_change) return gf_fail_memory(err, bytes, "a benchmark");
    gf_rng rng = gf_rng_make(0, GF_PURPOSE_SYNTHETIC, 0, 0);
    for (size_t i = 0; i < bytes; i++) s->pixels[i] = (uint8_t)gf_rng_u32(&rng);
    return GRAFT_OK;
}

static int boundary_of(const graft_model *m)
{
    return (int)(m->config.fine_tune_at >= 0 ? m->config.fine_tune_at : (int64_t)gf_model_backbone_layers(&m->model));
}

graft_status gf_bench_shared_step(graft_model *m, const graft_bench_options *o, const gf_comm *comm, double *ms,
                                  size_t *values, graft_error *err)
{
    synthetic s;
    phase_result r = {0};
    graft_status status = make_images(&s, m, o, err);
    if (status == GRAFT_OK) status = time_phase(m, boundary_of(m), "rmsprop", &s, o, comm, &r, err);
    *ms = r.ms;
    *values = r.values;
    free_images(&s);
    return status;
}

static graft_status bench(graft_model *m, const graft_bench_options *options, graft_result **out, graft_error *err)
{
    const graft_bench_options with = gf_api_bench_options(m->context, options), *o = &with;
    if (o->batch < 1 || o->batch > 4096 || o->steps < 1 || o->steps > 100000) {
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "batch %d, steps %d: wanted are 1 to 4096 and 1 to 100000",
                       o->batch, o->steps);
    }
    synthetic s;
    graft_status status = GRAFT_OK;
    gf_names two = {.item = (char *[]){"a", "b"}, .n = 2};
    int frozen_at = (int)gf_model_backbone_layers(&m->model);
    GF_TRY(gf_api_make_trainable(m, err));
    if (!m->has_head) GF_TRY(gf_api_set_classes(m, &two, err));
    GF_TRY(gf_api_resolve_precision(m, err));
    GF_GOTO(make_images(&s, m, o, err));
    phase_result frozen, tune;
    gf_bench_ranks ranks = {0};
    double peak;
    GF_GOTO(gf_api_choose_frozen(m, &(gf_feed){fill, &s}, (uint32_t)o->batch, err));
    GF_GOTO(time_phase(m, frozen_at, "adam", &s, o, NULL, &frozen, err));
    GF_GOTO(time_phase(m, boundary_of(m), "rmsprop", &s, o, NULL, &tune, err));
    GF_GOTO(measure_peak(m->context, m->facts.dtype, &peak, err));
    gf_api_keep_choices(m->context);
    GF_GOTO(gf_bench_on_ranks(m, o, &ranks, err));
    GF_GOTO(bench_result(m, o, &frozen, &tune, peak, &ranks, out, err));
out:
    free_images(&s);
    return status;
}

graft_status graft_bench(graft_model *m, const graft_bench_options *options, graft_result **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(m, "model");
    GF_NEEDS(options, "options");
    GF_TRY(gf_api_want_images(m, "bench", err));
    gf_api_drop_session(m);
    gf_api_begin(m->context, GRAFT_STAGE_PLAN);
    return gf_api_end(bench(m, options, out, err), err);
}
