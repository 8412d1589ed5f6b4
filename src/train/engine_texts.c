/* engine_texts.c - micro-batches of texts, which are of different lengths. A worker is handed so many texts at a time,
 * packs them into as few runs of its workspace as that goes (graph/packing.h), and keeps a row for each text of what
 * comes out. So whoever asks for a micro-batch's rows need not know of lengths. */
#include "train/engine_parts.h"

#include <string.h>

enum {
    TEXTS = 32, /* handed to a worker at a time, and the most of a run */
    ROWS = 256, /* places of a run, where no text is longer */
    BLOCKS = 4, /* of gradients: the sums of runs are never more, however many runs a batch has */
    FEW_BLOCKS = 2
};

static size_t places_of(const gf_engine *e) { return gf_count(&e->graph.value[e->graph.input].shape); }

void gf_engine_pack_spec(const gf_engine *e, gf_plan_spec *spec)
{
    if (!gf_graph_is_packed(&e->graph)) return;
    size_t places = places_of(e);
    spec->micro_batch = TEXTS;
    spec->rows = places > ROWS ? (int)places : ROWS;
}

bool gf_engine_trains_texts(const gf_engine *e) { return e->spec.train && !e->cut && gf_graph_is_packed(&e->graph); }

int gf_engine_text_blocks(const gf_engine *e)
{
    const size_t large = (size_t)1 << 26; /* floats: a quarter of a gigabyte */
    int most = gf_plan_grad_count(e->trainable_plan) > large ? FEW_BLOCKS : BLOCKS;
    return e->spec.batch < most ? e->spec.batch : most;
}

/* Memory for batches of texts that train. */
static graft_status make_batch(gf_engine *e, graft_error *err)
{
    size_t batch = (size_t)e->spec.batch, bytes = gf_plan_grad_count(e->trainable_plan) * sizeof(float);
    GF_TRY(gf_packer_create(&e->packer, batch, err));
    e->length = gf_new_n(batch, int32_t);
    e->sum = gf_new_n((size_t)e->blocks, float *);
    if (!e->length || !e->sum) return gf_fail_memory(err, batch * sizeof(int32_t), "texts");
    for (int i = 0; i < e->blocks; i++) {
        e->sum[i] = gf_alloc_tensor(bytes);
        if (!e->sum[i]) return gf_fail_memory(err, bytes, "gradients");
    }
    return GRAFT_OK;
}

graft_status gf_engine_make_texts(gf_engine *e, graft_error *err)
{
    if (!gf_graph_is_packed(&e->graph)) return GRAFT_OK;
    if (gf_engine_trains_texts(e)) GF_TRY(make_batch(e, err));
    e->texts = gf_new_n((size_t)e->threads, gf_engine_texts);
    if (!e->texts) return gf_fail_memory(err, 0, "workspaces");
    for (int i = 0; i < e->threads; i++) {
        gf_engine_texts *t = &e->texts[i];
        GF_TRY(gf_packer_create(&t->packer, TEXTS, err));
        t->piece = gf_new_n(TEXTS * places_of(e), int32_t);
        t->length = gf_new_n(TEXTS, int32_t);
        t->first = gf_new_n(TEXTS + 1, int32_t);
        t->known = gf_engine_trains_texts(e) ? gf_new_n(TEXTS * places_of(e), int32_t) : NULL;
        bool ok = t->piece && t->length && t->first && (t->known || !gf_engine_trains_texts(e));
        for (size_t k = 0; k < e->parts && e->cut; k++) {
            t->rows[k] = gf_alloc_tensor(TEXTS * e->part_bytes[k]);
            ok = ok && t->rows[k];
        }
        if (gf_engine_features(e)) {
            t->features = gf_new_n(TEXTS * gf_engine_features(e), float);
            ok = ok && t->features;
        }
        if (!ok) return gf_fail_memory(err, TEXTS * places_of(e) * sizeof(int32_t), "texts");
    }
    return GRAFT_OK;
}

void gf_engine_free_texts(gf_engine *e)
{
    for (int i = 0; e->texts && i < e->threads; i++) {
        gf_engine_texts *t = &e->texts[i];
        gf_packer_free(&t->packer);
        gf_free(t->piece);
        gf_free(t->length);
        gf_free(t->first);
        gf_free(t->known);
        gf_free(t->features);
        for (size_t k = 0; k < GF_MAX_BOUNDARY_TENSORS; k++) gf_free(t->rows[k]);
    }
    gf_free(e->texts);
    for (int i = 0; e->sum && i < e->blocks; i++) gf_free(e->sum[i]);
    gf_free(e->sum);
    gf_free(e->length);
    gf_packer_free(&e->packer);
}

/* The texts of a run to the rows of an input. */
static void put_pieces(const gf_packer *p, const gf_packing *run, size_t i, const int32_t *piece, size_t places,
                       int32_t *to)
{
    for (size_t t = 0; t < run->n; t++) {
        size_t text = p->order[p->begin[i] + t], n = (size_t)(run->first[t + 1] - run->first[t]);
        memcpy(to + run->first[t], piece + text * places, n * sizeof *to);
    }
}

static void keep_rows(const gf_engine *e, gf_engine_texts *l, size_t i, size_t n, int worker)
{
    const gf_workspace *ws = e->frozen_workspace[worker];
    size_t features = l->features ? gf_engine_features(e) : 0;
    for (size_t t = 0; t < n; t++) {
        size_t text = l->packer.order[l->packer.begin[i] + t];
        for (size_t k = 0; k < e->parts; k++) {
            const char *value = gf_workspace_value(ws, e->boundary_tensor[k]);
            memcpy(l->rows[k] + text * e->part_bytes[k], value + t * e->part_bytes[k], e->part_bytes[k]);
        }
        if (!features) continue;
        const float *value = gf_workspace_value(ws, e->graph.features);
        memcpy(l->features + text * features, value + t * features, features * sizeof *value);
    }
}

graft_status gf_engine_frozen_texts(gf_engine *e, const gf_micro_batch *b, int worker, graft_error *err)
{
    gf_engine_texts *l = &e->texts[worker];
    size_t places = places_of(e);
    if (!e->cut) return GRAFT_OK;
    for (size_t i = 0; i < b->n; i++) l->length[i] = b->lost[i] ? 0 : gf_pieces_of(l->piece + i * places, places);
    gf_packer_plan(&l->packer, l->length, b->n, gf_plan_rows(e->frozen), TEXTS);
    for (size_t i = 0; i < l->packer.n; i++) {
        gf_packing run = gf_packer_at(&l->packer, i, l->length, l->first);
        put_pieces(&l->packer, &run, i, l->piece, places, gf_workspace_input(e->frozen_workspace[worker], 0));
        const gf_exec_context step = {.training = false, .packing = &run};
        GF_TRY(gf_workspace_forward(e->frozen_workspace[worker], &step, err));
        keep_rows(e, l, i, run.n, worker);
    }
    return GRAFT_OK;
}

/* ---- texts through the trainable part */

size_t gf_engine_pack_batch(gf_engine *e, const int32_t *(*row)(const void *ctx, size_t i), const void *ctx, size_t n)
{
    gf_packer *p = &e->packer;
    for (size_t i = 0; i < n; i++) e->length[i] = gf_pieces_of(row(ctx, e->present[i]), places_of(e));
    gf_packer_plan(p, e->length, n, gf_plan_rows(e->trainable_plan), TEXTS);
    size_t packed = p->begin[p->n];
    /* from here on text i of the plan is the i-th present one; p->of is free to hold what is moved */
    for (size_t i = 0; i < packed; i++) p->of[i] = e->present[p->order[i]], p->rows[i] = (size_t)e->length[p->order[i]];
    for (size_t i = 0; i < packed; i++) {
        e->present[i] = p->of[i];
        e->length[i] = (int32_t)p->rows[i];
        p->order[i] = i;
    }
    return packed;
}

graft_status gf_engine_forward_texts(gf_engine *e, int worker, size_t n, const bool *lost, float *out, graft_error *err)
{
    gf_engine_texts *l = &e->texts[worker];
    gf_workspace *ws = e->eval_workspace[worker];
    size_t places = places_of(e);
    for (size_t i = 0; i < n; i++) l->length[i] = lost[i] ? 0 : gf_pieces_of(l->known + i * places, places);
    memset(out, 0, n * e->outputs * sizeof *out);
    gf_packer_plan(&l->packer, l->length, n, gf_plan_rows(e->eval_plan), TEXTS);
    for (size_t i = 0; i < l->packer.n; i++) {
        gf_packing run = gf_packer_at(&l->packer, i, l->length, l->first);
        put_pieces(&l->packer, &run, i, l->known, places, gf_workspace_value(ws, e->graph.input));
        GF_TRY(gf_workspace_forward(ws, &(gf_exec_context){.training = false, .packing = &run}, err));
        const float *value = gf_workspace_value(ws, e->graph.output);
        for (size_t t = 0; t < run.n; t++) {
            size_t text = l->packer.order[l->packer.begin[i] + t];
            memcpy(out + text * e->outputs, value + t * e->outputs, e->outputs * sizeof *out);
        }
    }
    return GRAFT_OK;
}
