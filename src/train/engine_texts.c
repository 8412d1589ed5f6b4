/* engine_texts.c - micro-batches of texts, which are of different lengths. A worker is handed so many texts at a time,
 * packs them into as few runs of its workspace as that goes (graph/packing.h), and keeps a row for each text of what
 * comes out. So whoever asks for a micro-batch's rows need not know of lengths. */
#include "train/engine_parts.h"

#include <string.h>

enum { TEXTS = 32, ROWS = 256 }; /* handed to a worker at a time; places of a run, where no text is longer */

static size_t places_of(const gf_engine *e) { return gf_count(&e->graph.value[e->graph.input].shape); }

void gf_engine_pack_spec(const gf_engine *e, gf_plan_spec *spec)
{
    if (!gf_graph_is_packed(&e->graph)) return;
    size_t places = places_of(e);
    spec->micro_batch = TEXTS;
    spec->rows = places > ROWS ? (int)places : ROWS;
}

graft_status gf_engine_make_texts(gf_engine *e, graft_error *err)
{
    if (!gf_graph_is_packed(&e->graph)) return GRAFT_OK;
    e->texts = gf_new_n((size_t)e->threads, gf_engine_texts);
    if (!e->texts) return gf_fail_memory(err, 0, "workspaces");
    for (int i = 0; i < e->threads; i++) {
        gf_engine_texts *t = &e->texts[i];
        GF_TRY(gf_packer_create(&t->packer, TEXTS, err));
        t->piece = gf_new_n(TEXTS * places_of(e), int32_t);
        t->length = gf_new_n(TEXTS, int32_t);
        bool ok = t->piece && t->length;
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
        gf_free(t->features);
        for (size_t k = 0; k < GF_MAX_BOUNDARY_TENSORS; k++) gf_free(t->rows[k]);
    }
    gf_free(e->texts);
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
        gf_packing run = gf_packer_at(&l->packer, i, l->length);
        put_pieces(&l->packer, &run, i, l->piece, places, gf_workspace_input(e->frozen_workspace[worker], 0));
        const gf_exec_context step = {.training = false, .packing = &run};
        GF_TRY(gf_workspace_forward(e->frozen_workspace[worker], &step, err));
        keep_rows(e, l, i, run.n, worker);
    }
    return GRAFT_OK;
}
