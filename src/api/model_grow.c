/* model_grow.c - a trained classifier gets further classes: the rows of those that it has stay as they are. */
#include "api/internal.h"

#include <string.h>

static size_t outputs_of(const graft_model *m, size_t classes)
{
    return (size_t)gf_api_head_of(m, (int)classes).outputs;
}

/* Which of `classes` the model's i-th class is; E3002 where one is missing. */
static graft_status match(const graft_model *m, const gf_names *classes, size_t *place, graft_error *err)
{
    const gf_names *own = &m->facts.classes;
    for (size_t i = 0; i < own->n; i++) {
        place[i] = 0;
        while (place[i] < classes->n && strcmp(own->item[i], classes->item[place[i]]) != 0) place[i]++;
        if (place[i] < classes->n) continue;
        return gf_fail(err, GF_E_OPTION_VALUE, "leave the head out to get a new one",
                       "head keep: the network has %zu classes, the data %zu, and \"%s\" is not among them", own->n,
                       classes->n, GF_ESC(own->item[i]));
    }
    return GRAFT_OK;
}

/* The same layers, the last one with so many outputs. */
static graft_status widen(gf_model *to, const gf_model *m, size_t outputs, size_t classes, graft_error *err)
{
    gf_layer l = m->layer[m->output];
    int at;
    graft_status status = GRAFT_OK;
    *to = (gf_model){.buffers = m->buffers};
    memcpy(to->name, m->name, sizeof to->name);
    GF_GOTO(gf_model_copy_layers(to, m, l.src[0], NULL, &at, err));
    l.src[0] = at;
    l.n_params = 0;
    l.at.units = (int)outputs;
    GF_GOTO(gf_model_add(to, &l, &at, err));
    to->output = at;
    to->features = gf_model_find(to, m->layer[m->features].name);
    to->classes = (int)classes;
    to->boundary = m->boundary;
    GF_GOTO(gf_model_finish(to, err));
    gf_model_copy_values(to, m);
out:
    if (status != GRAFT_OK) gf_model_free(to);
    return status;
}

/* Columns of kernel and bias to their places; those of new classes are 0, as is the first of two classes, which had
 * none. */
static void move_rows(gf_model *to, const gf_model *from, const size_t *place, size_t old_classes)
{
    static const char *const vars[] = {"kernel", "bias"};
    bool two = old_classes == 2 && gf_count(&from->layer[from->output].shape) == 1;
    for (int v = 0; v < 2; v++) {
        const gf_param *p = gf_model_param(to, to->output, vars[v]), *q = gf_model_param(from, from->output, vars[v]);
        size_t width = gf_count(&to->layer[to->output].shape), old = gf_count(&from->layer[from->output].shape);
        if (!p || !q) continue;
        memset(to->value + p->offset, 0, p->count * sizeof *to->value);
        for (size_t row = 0; row < q->count / old; row++) {
            for (size_t k = 0; k < old; k++) {
                to->value[p->offset + row * width + place[two ? 1 : k]] = from->value[q->offset + row * old + k];
            }
        }
    }
}

graft_status gf_api_grow_head(graft_model *m, const gf_names *classes, graft_error *err)
{
    const gf_layer *head = &m->model.layer[m->model.output];
    size_t old = m->facts.classes.n, outputs = outputs_of(m, classes->n);
    bool fits = old == (size_t)m->model.classes && head->cls == &gf_layer_dense && head->at.act == GF_ACT_LINEAR &&
                gf_count(&head->shape) == outputs_of(m, old) && m->model.features != m->model.output;
    if (!fits) {
        return gf_fail(err, GF_E_OPTION_VALUE, "leave the head out to get a new one",
                       "head keep: the network has %d classes, the data %zu", m->model.classes, classes->n);
    }
    gf_model grown;
    size_t *place = gf_new_n(old, size_t);
    if (!place) return gf_fail_memory(err, old * sizeof *place, "classes");
    graft_status status = match(m, classes, place, err);
    if (status == GRAFT_OK) status = widen(&grown, &m->model, outputs, classes->n, err);
    if (status == GRAFT_OK) {
        move_rows(&grown, &m->model, place, old);
        gf_model_free(&m->model);
        m->model = grown;
        m->config.classes = (int64_t)classes->n;
        gf_decide(&m->log, "head", "kept and grown", "%zu classes are new, and begin with zeros", classes->n - old);
    }
    gf_free(place);
    return status;
}
