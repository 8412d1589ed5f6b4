/* model_head.c - what a model becomes for a run: a head for its classes, and the precision it is computed in. */
#include "api/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool same_names(const gf_names *a, const gf_names *b)
{
    for (size_t i = 0; i < a->n && a->n == b->n; i++) {
        if (strcmp(a->item[i], b->item[i])) return false;
    }
    return a->n == b->n;
}

/* The data's classes become names of the kept classifier's outputs, which the sorted folders must fit. */
static graft_status rename_classes(graft_model *m, const gf_names *classes, graft_error *err)
{
    if (classes->n > (size_t)m->model.classes) GF_TRY(gf_api_grow_head(m, classes, err));
    if (classes->n != (size_t)m->model.classes) {
        return gf_fail(err, GF_E_OPTION_VALUE, "leave the head out to get a new one",
                       "head keep: the network has %d classes, the data %zu", m->model.classes, classes->n);
    }
    gf_names_free(&m->facts.classes);
    GF_TRY(gf_names_add_all(&m->facts.classes, classes, err));
    return GRAFT_OK;
}

graft_status gf_api_make_trainable(graft_model *m, graft_error *err)
{
    if (m->trained || !m->head.keep_last) return GRAFT_OK;
    const gf_task_class *task = gf_api_task_class(m);
    if (m->model.end == GF_END_SIGMOID && !task->labels) {
        gf_decide(&m->log, "end of the network", "softmax",
                  "%s: its sigmoid is of each class by itself; here each image has one class",
                  GF_ESC(m->config.architecture));
    }
    GF_TRY(gf_head_for_training(&m->model, (size_t)gf_api_head_of(m, m->model.classes).outputs, err));
    if (task->labels) m->model.end = GF_END_SIGMOID;
    return GRAFT_OK;
}

/* A head that a run trained, for another task than now, of as many outputs: what stands behind them changes. False: it
 * has another number, and a new one is needed. */
static bool turn_head(graft_model *m, size_t classes)
{
    const gf_task_class *task = gf_api_task_class(m), *was = gf_task_find(m->facts.task);
    if (!m->trained || !was || task->labels == was->labels || task->keep || was->keep) return true;
    if (task->outputs((int)classes) != gf_api_outputs(m)) return false;
    m->model.end = task->labels ? GF_END_SIGMOID : GF_END_SOFTMAX;
    return true;
}

graft_status gf_api_set_classes(graft_model *m, const gf_names *classes, graft_error *err)
{
    GF_TRY(gf_api_make_trainable(m, err));
    if (m->has_head && same_names(&m->facts.classes, classes) && turn_head(m, classes->n)) return GRAFT_OK;
    if (m->head.keep_last) return rename_classes(m, classes, err);
    if (m->head.none) {
        return gf_fail(err, GF_E_OPTION_VALUE, "leave the head out to get a new one",
                       "head none: nothing would tell the %zu classes apart", classes->n);
    }
    gf_model with_head;
    GF_TRY(gf_api_build_model(m, &with_head, (int)classes->n, err));
    size_t backbone = gf_model_backbone_layers(&with_head);
    int boundary = m->model.boundary;
    gf_model_copy_values(&with_head, &m->model);
    gf_model_init(&with_head, (uint64_t)m->config.model_seed, (int)backbone); /* a head of an equal shape, too */
    if (m->context && gf_api_task_class(m)->begin_head) gf_api_task_class(m)->begin_head(&with_head);
    with_head.boundary = boundary;
    gf_model_free(&m->model);
    m->model = with_head;
    m->has_head = true;
    m->config.classes = (int64_t)classes->n;
    gf_names_free(&m->facts.classes);
    GF_TRY(gf_names_add_all(&m->facts.classes, classes, err));
    return GRAFT_OK;
}

typedef struct trial {
    graft_model *m;
    gf_engine *engine[2];
} trial;

static bool run_trial(void *ctx, int candidate)
{
    trial *t = ctx;
    if (!t->engine[candidate]) {
        gf_engine_spec spec;
        gf_engine_defaults(&spec);
        spec.dtype = candidate ? GF_BF16 : GF_F32;
        graft_status status =
            gf_engine_create(&t->engine[candidate], &t->m->model, t->m->context->ops, t->m->context->pool, &spec, NULL);
        if (status != GRAFT_OK) return false;
    }
    enum { IMAGES = 16 };
    uint32_t sample[IMAGES];
    bool lost[IMAGES];
    for (uint32_t i = 0; i < IMAGES; i++) sample[i] = i;
    float *out = gf_new_n(IMAGES * gf_engine_outputs(t->engine[candidate]), float);
    gf_feed feed = gf_self_test_feed();
    bool ok = out && gf_engine_forward(t->engine[candidate], &feed, NULL, sample, IMAGES, out, lost, NULL) == GRAFT_OK;
    gf_free(out);
    return ok;
}

graft_status gf_api_resolve_precision(graft_model *m, graft_error *err)
{
    const char *asked = m->config.precision;
    if (gf_api_detects(m->context) && !strcmp(asked, "auto")) { /* bf16 would move a side by up to 1 in 128 */
        gf_decide(&m->log, "precision", "f32", "auto: the sides of boxes are told in f32");
        m->facts.dtype = GF_F32;
        return gf_config_text(&m->config.dtype, gf_dtype_name(m->facts.dtype), err);
    }
    bool can = gf_ops_has_bf16(m->context->ops), both = !strcmp(asked, "auto");
    if (!strcmp(asked, "bf16") && !can) {
        return gf_fail(err, GF_E_OPTION_VALUE, "use --precision auto",
                       "precision bf16: this processor (%s) has no bf16", gf_ops_machine(m->context->ops));
    }
    bool int8 = !strcmp(asked, "int8");
    if (int8 && !gf_ops_has_int8(m->context->ops)) {
        return gf_fail(err, GF_E_OPTION_VALUE, "use --precision auto",
                       "precision int8: this processor (%s) has no AVX-512 VNNI", gf_ops_machine(m->context->ops));
    }
    m->facts.dtype = !strcmp(asked, "bf16") ? GF_BF16 : GF_F32;
    if (both && !can) gf_decide(&m->log, "precision", "f32", "auto: this processor has no bf16");
    if ((int8 || both) && can) { /* int8 is the frozen part's; what trains is as auto has it */
        static const char *const names[] = {"f32", "bf16"};
        trial t = {.m = m};
        char times[GF_TIMES];
        m->facts.dtype = gf_api_choose_network(m, "model", names, run_trial, &t, times) ? GF_BF16 : GF_F32;
        for (int i = 0; i < 2; i++) gf_engine_destroy(t.engine[i]);
        gf_decide(&m->log, "precision", gf_dtype_name(m->facts.dtype),
                  "%s: bf16 where the processor has it, unless it is clearly slower; %s",
                  both ? "auto" : "behind the int8 part", times);
    }
    return gf_config_text(&m->config.dtype, gf_dtype_name(m->facts.dtype), err);
}
