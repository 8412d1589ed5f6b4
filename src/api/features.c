/* features.c - activations of a backbone's layer for images or texts, a row each. */
#include "api/features.h"

#include "api/session.h"
#include "formats/npy.h"

#include <string.h>

graft_status gf_features_rows(gf_features *f, size_t at, size_t n, float *out, graft_error *err)
{
    gf_image_list *a = &f->list;
    gf_feed feed = gf_image_list_feed(a);
    return gf_engine_forward(f->engine, &feed, NULL, a->sample + at, n, out, a->lost + at, err);
}

/* ---- one file */

static graft_status write_rows(gf_features *f, gf_npy *npy, float *out, graft_error *err)
{
    const gf_image_list *a = &f->list;
    for (uint32_t at = 0; at < a->index->n; at += GF_FEATURE_CHUNK) {
        size_t n = a->index->n - at < GF_FEATURE_CHUNK ? a->index->n - at : GF_FEATURE_CHUNK;
        GF_TRY(gf_features_rows(f, at, n, out, err));
        for (size_t i = 0; i < n; i++) {
            if (!a->lost[at + i]) continue; /* a row less would shift all others: nothing is written */
            const graft_error *why = gf_image_list_error(a, at + (uint32_t)i);
            if (err) *err = *why;
            return why->status;
        }
        GF_TRY(gf_npy_add(npy, out, n, err));
        gf_api_tell_evaluated(f->m->context, at + n, a->index->n, NULL);
        GF_TRY(gf_api_stop_asked(f->m->context, err));
    }
    return GRAFT_OK;
}

static graft_status one_file(gf_features *f, const char *file, graft_result **result, graft_error *err)
{
    size_t outputs = gf_engine_outputs(f->engine);
    const gf_shape *row = &f->layer->shape;
    float *out = gf_new_n(GF_FEATURE_CHUNK * outputs, float);
    gf_npy *npy = NULL;
    graft_status status = out ? gf_npy_create(&npy, file, row, err)
                              : gf_fail_memory(err, GF_FEATURE_CHUNK * outputs * sizeof *out, "features");
    if (status == GRAFT_OK) status = write_rows(f, npy, out, err);
    if (status == GRAFT_OK) {
        status = gf_npy_finish(npy, err);
    } else {
        gf_npy_abort(npy);
    }
    gf_free(out);
    if (status == GRAFT_OK) status = gf_check_tell(f->list.index, f->list.checked, &f->m->context->log, err);
    GF_TRY(status);
    gf_json *j = gf_json_object(), *shape = gf_json_array();
    gf_json_add(shape, gf_json_int(f->list.index->n));
    for (int i = 0; i < row->rank; i++) gf_json_add(shape, gf_json_int(row->dim[i]));
    gf_json_set(j, "file", gf_json_string(file));
    gf_json_set(j, "layer", gf_json_string(f->layer->name));
    gf_json_set(j, "shape", shape);
    return gf_result_create(
        result, j,
        gf_sprintf("%s: %u %s, layer %s\n", file, f->list.index->n, gf_api_samples(&f->m->model), f->layer->name), err);
}

/* ---- the call */

static graft_status make_engine(gf_features *f, int layer, graft_error *err)
{
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    bool is_row = f->layer->shape.rank == 1; /* maps are given in f32 */
    spec.dtype = !strcmp(f->m->config.precision, "bf16") && is_row ? GF_BF16 : GF_F32;
    spec.output_layer = layer;
    return gf_engine_create(&f->engine, &f->m->model, f->m->context->ops, f->m->context->pool, &spec, err);
}

static graft_status features(graft_model *m, const char *const *paths, size_t n, const char *layer, const char *to,
                             graft_result **out, graft_error *err)
{
    GF_TRY(gf_api_want_ranges(m, err));
    int at = layer ? gf_model_find(&m->model, layer) : m->model.features;
    if (at < 0) {
        return gf_fail(err, GF_E_LAYER_UNKNOWN, "graft summary lists the layers", "the model has no layer called %s",
                       GF_ESC(layer));
    }
    gf_features f = {.m = m, .layer = &m->model.layer[at]};
    GF_TRY(gf_api_list_open(&f.list, m, paths, n, true, err));
    graft_status status = make_engine(&f, at, err);
    if (status == GRAFT_OK) {
        status = gf_features_in_shards(m->context->settings) ? gf_features_shards(&f, to, out, err)
                                                             : one_file(&f, to, out, err);
    }
    gf_engine_destroy(f.engine);
    gf_image_list_close(&f.list);
    return status;
}

graft_status graft_features(graft_model *m, const char *const *paths, size_t n, const char *layer, const char *out_file,
                            graft_result **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(m, "model");
    GF_TRY(gf_api_check_texts(__func__, "paths", paths, n, err));
    GF_NEEDS(out_file, "out_file");
    GF_TRY(gf_api_whole(m, err));
    if (!gf_features_in_shards(m->context->settings)) GF_TRY(gf_api_check_out(m, paths, n, out_file, err));
    gf_api_begin(m->context, GRAFT_STAGE_PLAN);
    return gf_api_end(features(m, paths, n, layer, out_file, out, err), err);
}
