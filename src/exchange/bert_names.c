#include "exchange/bert_names.h"

#include "formats/weights.h"

#include <ctype.h>
#include <string.h>

typedef char name[GF_NAME_MAX];

/* "encoder.layer.3.output.dense" is "encoder/layer_3/output/dense" there; kernels lie as graft's do. */
static void name_of(const char *layer, name out)
{
    size_t n = strlen(layer);
    for (size_t i = 0; i <= n; i++) {
        bool before_number = layer[i] == '.' && isdigit((unsigned char)layer[i + 1]);
        out[i] = layer[i] != '.' ? layer[i] : before_number ? '_' : '/';
    }
}

/* A table has no variable of its own: "embeddings/word_embeddings" is one tensor. */
static void want(gf_weight *item, const gf_model *m, const gf_param *p, name room)
{
    const gf_layer *l = &m->layer[p->layer];
    name_of(l->name, room);
    *item = (gf_weight){room, p->var, p->shape, m->value + p->offset, false};
    char *slash = strrchr(room, '/');
    if (l->cls != &gf_layer_piece_lookup || !slash) return;
    *slash = 0;
    item->var = slash + 1;
}

graft_status gf_bert_load_checkpoint(gf_model *m, const char *path, bool allow_nonfinite, graft_error *err)
{
    const gf_weights_options options = {.allow_nonfinite = allow_nonfinite};
    gf_weights_notes notes = {0};
    gf_weight *item = gf_new_n(m->n_params, gf_weight);
    name *room = gf_new_n(m->n_params, name);
    graft_status status = GRAFT_OK;
    if (!item || !room) status = gf_fail_memory(err, m->n_params * sizeof *item, "weights");
    for (size_t i = 0; status == GRAFT_OK && i < m->n_params; i++) want(&item[i], m, &m->param[i], room[i]);
    if (status == GRAFT_OK) status = gf_weights_read(path, item, m->n_params, &options, &notes, err);
    gf_weights_notes_free(&notes);
    gf_free(item);
    gf_free(room);
    return status;
}
