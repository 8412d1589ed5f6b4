/* keras_config_in.c - Keras's configuration into layers, in three steps: all layers of all nested models become nodes
 * of one list (keras_nodes.c), their sources are looked up by name (keras_links.c), and those whose sources are there
 * become layers, until none is left. */
#include "exchange/keras_nodes.h"

#include <stdio.h>
#include <string.h>

enum { MAX_TEXT = 16 << 20 };
static const size_t default_params = 2000000000, largest_values = (size_t)1 << 31; /* of one image at one layer */

/* What Keras has no word for: keras_config_out.c writes it. */
static graft_status read_own(const gf_kc *st, const gf_kc_node *n, gf_layer *l)
{
    const gf_json *own = st->options->own ? gf_json_get(gf_kc_config(n), "graft") : NULL;
    const gf_json *padding = gf_json_get(own, "padding"), *act = gf_json_get(own, "activation");
    l->backbone = !gf_json_true(gf_json_get(own, "head"), false);
    l->at.count_padding = gf_json_true(gf_json_get(own, "count_padding"), false);
    l->at.fixed = gf_json_true(gf_json_get(own, "fixed"), false);
    if (padding) {
        int *side[] = {&l->at.pt, &l->at.pb, &l->at.pl, &l->at.pr};
        enum { LARGEST = 1 << 15 };
        l->at.padding = GF_PAD_EXPLICIT;
        for (size_t i = 0; i < 4; i++) {
            int64_t x = gf_json_i64(gf_json_at(padding, i), -1);
            if (x < 0 || x > LARGEST) return gf_kc_refuse(st, n->name, "its padding is out of range");
            *side[i] = (int)x;
        }
    }
    const gf_keras_act *a = gf_keras_act_find(gf_json_str(act, "linear"));
    if (act && !a) return gf_kc_refuse(st, n->name, "its activation is not known");
    if (act) l->at.act = a->act;
    l->at.alpha = (float)gf_json_f64(gf_json_get(own, "alpha"), (double)l->at.alpha);
    return GRAFT_OK;
}

/* A further call is called LAYER#2, LAYER#3, ... */
static graft_status further_name(gf_kc *st, const gf_kc_node *n, char out[GF_NAME_MAX])
{
    gf_kc_node *first = &st->node[n->first];
    const char *layer = st->m->layer[first->own].name;
    do {
        if (snprintf(out, GF_NAME_MAX, "%s#%d", layer, ++first->further + 1) >= GF_NAME_MAX) {
            return gf_kc_refuse(st, n->name, "its name is too long");
        }
    } while (gf_model_find(st->m, out) >= 0);
    return GRAFT_OK;
}

/* A layer that a nested model calls like one outside it gets the model's name before its own. */
static graft_status unique_name(const gf_kc *st, const gf_kc_node *n, char out[GF_NAME_MAX])
{
    snprintf(out, GF_NAME_MAX, "%s", n->name);
    for (int outer = st->scope[n->scope].parent; outer >= 0; outer = st->scope[st->node[outer].scope].parent) {
        int same = gf_kc_find(st, 0, out);
        bool taken = gf_model_find(st->m, out) >= 0 || (same >= 0 && &st->node[same] != n && st->node[same].row);
        if (!taken) break;
        char longer[2 * GF_NAME_MAX];
        snprintf(longer, sizeof longer, "%s/%s", st->node[outer].name, out);
        if (strlen(longer) >= GF_NAME_MAX) return gf_kc_refuse(st, n->name, "its name is too long");
        memcpy(out, longer, strlen(longer) + 1);
    }
    return GRAFT_OK;
}

static graft_status check_size(const gf_kc *st, const gf_layer *l)
{
    size_t count, values = gf_shape_count(&l->shape, &count) ? count : SIZE_MAX;
    if (st->params <= st->max_params && values <= largest_values) return GRAFT_OK;
    return gf_fail(st->err, GF_E_KERAS_LIMIT, NULL,
                   "%s: layer %s: with it the model has %zu parameters (the limit is %zu), an image %zu values here",
                   GF_ESC(st->file), GF_ESC(l->name), st->params, st->max_params, values);
}

static graft_status add_layer(gf_kc *st, const gf_layer *l, int *out)
{
    size_t before = st->m->n_params, n = st->m->n_layers;
    gf_layer own = *l;
    for (size_t i = n; i-- > 0 && st->m->layer[i].again;) n = i;
    if (n && !st->m->layer[n - 1].backbone) own.backbone = false; /* behind the head is no backbone */
    graft_error inner = {0};                                      /* which says nothing of the file */
    if (gf_model_add(st->m, &own, out, &inner) != GRAFT_OK) {
        return gf_fail(st->err, (gf_errno)inner.number, inner.hint[0] ? inner.hint : NULL, "%s: %s", GF_ESC(st->file),
                       inner.message);
    }
    for (size_t i = before; i < st->m->n_params; i++) {
        if (!gf_add_size(st->params, st->m->param[i].count, &st->params)) st->params = SIZE_MAX;
    }
    return check_size(st, &st->m->layer[*out]);
}

static graft_status add_after(gf_kc *st, const gf_layer *first, gf_layer *l, int *at)
{
    const char *ending = gf_keras_layer_act_of(l)->name;
    if (snprintf(l->name, sizeof l->name, "%s_%s", first->name, ending) >= GF_NAME_MAX) {
        return gf_kc_refuse(st, first->name, "its name is too long");
    }
    l->n_src = 1;
    l->src[0] = *at;
    l->backbone = true;
    return add_layer(st, l, at);
}

/* "NAME_scale" between the layer and its second source. */
static graft_status add_before(gf_kc *st, gf_layer *l, gf_layer *before)
{
    if (snprintf(before->name, sizeof before->name, "%s_scale", l->name) >= GF_NAME_MAX) {
        return gf_kc_refuse(st, l->name, "its name is too long");
    }
    before->n_src = 1;
    before->src[0] = l->src[1];
    before->backbone = true;
    return add_layer(st, before, &l->src[1]);
}

static int most_sources(const gf_layer_class *cls)
{
    enum { OF_ATTENTION = 3 };
    bool merges = cls == &gf_layer_add || cls == &gf_layer_multiply || cls == &gf_layer_concatenate;
    merges |= cls == &gf_layer_operation; /* which checks it */
    return merges ? GF_OP_MAX_SRC : cls == &gf_layer_attention || cls == &gf_layer_piece_attention ? OF_ATTENTION : 1;
}

static bool has_positions(const gf_kc *st, const gf_kc_node *n)
{
    bool has = false;
    for (int k = 0; k < n->n_src; k++) has |= st->node[n->src[k]].positions.what != GF_POSITIONS_NONE;
    return has;
}

/* An operation that yields position indices becomes no layer: its node remembers whose positions they are. */
static graft_status build_positions(gf_kc *st, gf_kc_node *n)
{
    const gf_kc_node *src = &st->node[n->src[0]];
    gf_positions_call call = {.cls = n->row->name,
                              .config = gf_kc_config(n),
                              .args = gf_json_get(gf_json_at(gf_json_get(n->json, "inbound_nodes"), 0), "args"),
                              .constant = n->constant,
                              .has_constant = n->has_constant,
                              .constant_first = n->constant_first};
    bool known = n->n_src == 1 && st->m->layer[src->layer].shape.rank == 2;
    if (!known || !gf_keras_positions(&call, &src->positions, &n->positions)) {
        return gf_kc_refuse(st, n->name, "it is read only where it counts the places of a sequence, for an Embedding");
    }
    n->layer = src->layer;
    return GRAFT_OK;
}

static graft_status check_embedding(const gf_kc *st, const gf_kc_node *n)
{
    if (n->n_src == 1 && gf_positions_count_up(&st->node[n->src[0]].positions)) return GRAFT_OK;
    return gf_kc_refuse(
        st, n->name,
        "an Embedding is read only where it looks up the places of a sequence, 0, 1, 2, ...: what a network "
        "gets here is an image, no tokens");
}

/* x + table: an Embedding of the places of x, whose values the file has here. */
static graft_status add_given(gf_kc *st, gf_kc_node *n, gf_layer *sum)
{
    const gf_shape *s = &st->m->layer[sum->src[0]].shape;
    gf_layer l = {.cls = &gf_layer_embedding, .n_src = 1, .src = {sum->src[0]}, .backbone = true};
    bool fits = sum->n_src == 1 && n->row->cls == &gf_layer_add && !n->has_constant && gf_keras_table_fits(n->table, s);
    if (!fits || snprintf(l.name, sizeof l.name, "%s_table", sum->name) >= GF_NAME_MAX) {
        return gf_kc_refuse(st, n->name,
                            "it computes with a constant of many numbers, other than adding one for each place "
                            "and channel of a sequence");
    }
    l.at.units = (int)s->dim[1];
    l.at.fixed = true;
    GF_TRY(add_layer(st, &l, &n->given));
    sum->src[sum->n_src++] = n->given;
    return GRAFT_OK;
}

static graft_status build_node(gf_kc *st, gf_kc_node *n)
{
    gf_layer l = {.n_src = n->n_src, .backbone = true};
    for (int k = 0; k < n->n_src; k++) l.src[k] = st->node[n->src[k]].layer;
    if (!n->row) {
        n->layer = l.src[0];
        n->positions = st->node[n->src[0]].positions;
        return GRAFT_OK;
    }
    if (n->row->cls == &gf_layer_embedding) {
        GF_TRY(check_embedding(st, n));
    } else if (n->row->kind == GF_KERAS_POSITIONS || has_positions(st, n)) {
        return build_positions(st, n);
    }
    const bool further = n->first >= 0;
    GF_TRY(further && !n->named ? further_name(st, n, l.name) : unique_name(st, n, l.name));
    if (further) l.again = st->node[n->first].own + 1;
    memcpy(l.key, n->key, sizeof l.key);
    gf_keras_reader r = {.file = st->file,
                         .cls = n->row->name,
                         .config = gf_kc_config(n),
                         .call = n->call,
                         .src = l.n_src ? &st->m->layer[l.src[0]].shape : NULL,
                         .constant = n->constant,
                         .integers = l.n_src && st->m->layer[l.src[0]].at.dtype == GF_S32,
                         .has_constant = n->has_constant,
                         .constant_first = n->constant_first,
                         .old = st->old,
                         .l = &l,
                         .err = st->err};
    bool input = n->row->cls == &gf_layer_input;
    if (input && l.n_src) return gf_kc_refuse(st, n->name, "an input with a source");
    GF_TRY(input ? gf_kc_make_input(st, n, &l) : gf_keras_layer_read(&r, n->row));
    GF_TRY(read_own(st, n, &l));
    if (l.n_src > most_sources(l.cls)) return gf_kc_refuse(st, n->name, "it has more sources than its class takes");
    if (gf_kc_resizes(n)) gf_kc_tell_resize(st, n);
    if (r.before.cls) GF_TRY(add_before(st, &l, &r.before));
    if (n->table) GF_TRY(add_given(st, n, &l));
    GF_TRY(add_layer(st, &l, &n->layer));
    n->own = n->layer;
    return r.after.cls ? add_after(st, &l, &r.after, &n->layer) : GRAFT_OK;
}

static bool is_ready(const gf_kc *st, const gf_kc_node *n)
{
    for (int k = 0; k < n->n_src; k++) {
        if (st->node[n->src[k]].layer < 0) return false;
    }
    if (n->first >= 0 && st->node[n->first].layer < 0) return false;
    return n->layer < 0;
}

/* Inputs stand in the order in which the model lists them. */
static graft_status set_positions(gf_kc *st)
{
    const gf_kc_scope *s = &st->scope[0];
    for (int i = 0; i < s->n_inputs; i++) st->m->layer[st->node[s->input[i]].layer].at.position = i;
    int inputs = 0;
    for (size_t i = 0; i < st->m->n_layers; i++) inputs += st->m->layer[i].cls == &gf_layer_input;
    if (inputs == s->n_inputs) return GRAFT_OK;
    return gf_fail(st->err, GF_E_KERAS_GRAPH, NULL, "%s: it has %d inputs and lists %d of them", GF_ESC(st->file),
                   inputs, s->n_inputs);
}

/* In the file's order, which is Keras's; what stands before its sources waits for the next round. */
static graft_status build(gf_kc *st)
{
    size_t left = st->n;
    while (left) {
        size_t before = left;
        for (size_t i = 0; i < st->n; i++) {
            if (!is_ready(st, &st->node[i])) continue;
            GF_TRY(build_node(st, &st->node[i]));
            left--;
        }
        if (left < before) continue;
        size_t stuck = 0;
        while (st->node[stuck].layer >= 0) stuck++;
        return gf_kc_refuse(st, st->node[stuck].name, "it waits for itself: the graph has a cycle");
    }
    return set_positions(st);
}

/* The tables' values, in the finished model. */
static graft_status fill_tables(gf_kc *st)
{
    for (size_t i = 0; i < st->n; i++) {
        const gf_kc_node *n = &st->node[i];
        if (!n->table || n->given < 0) continue;
        gf_param *p = &st->m->param[st->m->layer[n->given].param[0]];
        p->given = true;
        if (!gf_keras_table_read(n->table, st->m->value + p->offset, p->count)) {
            return gf_kc_refuse(st, n->name, "its constant is not made of numbers");
        }
    }
    return GRAFT_OK;
}

/* Layers that no output comes from are no part of the model. */
static graft_status keep_needed(gf_kc *st)
{
    gf_model all = *st->m;
    *st->m = (gf_model){0};
    graft_status status = gf_model_copy_needed(st->m, &all, st->err);
    for (size_t i = 0; i < st->n; i++) {
        gf_kc_node *n = &st->node[i];
        if (n->table && n->given >= 0) n->given = gf_model_find(st->m, all.layer[n->given].name); /* -1: not needed */
    }
    gf_model_free(&all);
    return status;
}

/* The file's outputs, the first one first. */
static graft_status set_outputs(gf_kc *st)
{
    const gf_kc_scope *s = &st->scope[0];
    for (int i = 0; i < s->n_outputs; i++) {
        const gf_kc_node *last = &st->node[s->output[i]];
        if (last->positions.what != GF_POSITIONS_NONE) {
            return gf_kc_refuse(st, last->name, "the output does not depend on the image");
        }
        if (i) st->m->more[st->m->n_more++] = last->layer;
        if (!i) st->m->output = st->m->features = last->layer;
    }
    return GRAFT_OK;
}

/* Which layers give features and logits, and how many classes: graft's own. */
static graft_status read_ends(gf_kc *st, const gf_json *top)
{
    const gf_json *own = st->options->own ? gf_json_get(top, "graft") : NULL;
    if (!own) return GRAFT_OK;
    int64_t classes = gf_json_i64(gf_json_get(own, "classes"), 0);
    int features = gf_model_find(st->m, gf_json_str(gf_json_get(own, "features"), ""));
    enum { MOST_CLASSES = 1 << 24 };
    int64_t outputs = (int64_t)gf_count(&st->m->layer[st->m->output].shape);
    int64_t end = gf_json_i64(gf_json_get(own, "end"), GF_END_SOFTMAX);
    bool one_row = st->m->layer[st->m->output].shape.rank == 1; /* of logits; what more there is, its task knows */
    bool fits = (classes == 0 || outputs <= classes || !one_row) && end >= 0 && end <= GF_END_LOG_SOFTMAX;
    if (features < 0 || classes < 0 || classes > MOST_CLASSES || !fits) {
        return gf_kc_refuse(st, st->m->layer[st->m->output].name, "not the model's features and classes");
    }
    st->m->features = features;
    st->m->classes = (int)classes;
    st->m->end = (gf_end)end;
    return GRAFT_OK;
}

static graft_status parse_model(gf_kc *st, const gf_json *top)
{
    int scope_number;
    const char *version = gf_json_str(gf_json_get(top, "keras_version"), "3");
    st->old = version[0] == '1' || version[0] == '2';
    GF_TRY(gf_keras_add_lambdas(&st->unknown, top));
    if (!gf_kc_is_model(gf_kc_class_name(top)) || !gf_kc_is_keras(top)) {
        gf_keras_add_unknown(&st->unknown, *gf_kc_class_name(top) ? gf_kc_class_name(top) : "(no class)",
                             "as the model itself");
    } else {
        GF_TRY(gf_kc_read_scope(st, top, -1, &scope_number));
    }
    GF_TRY(gf_keras_refuse_unknown(&st->unknown, st->file, st->err));
    GF_TRY(gf_kc_link(st));
    gf_kc_find_size(st);
    GF_TRY(build(st));
    GF_TRY(set_outputs(st));
    GF_TRY(keep_needed(st));
    snprintf(st->m->name, sizeof st->m->name, "%s", gf_json_str(gf_json_get(st->scope[0].config, "name"), "model"));
    GF_TRY(read_ends(st, top));
    GF_TRY(gf_model_finish(st->m, st->err));
    return fill_tables(st);
}

graft_status gf_keras_config_parse(gf_model *m, const char *text, size_t n, const char *name,
                                   const gf_keras_config_options *options, graft_error *err)
{
    static const gf_keras_config_options defaults;
    gf_kc st = {.file = name, .options = options ? options : &defaults, .err = err, .m = m};
    gf_json *json = NULL;
    graft_status status = GRAFT_OK;
    *m = (gf_model){0};
    st.max_params = st.options->max_params ? st.options->max_params : default_params;
    if (n > MAX_TEXT) {
        return gf_fail(err, GF_E_KERAS_LIMIT, NULL, "%s: a configuration of %zu bytes, at most %d are read",
                       GF_ESC(name), n, (int)MAX_TEXT);
    }
    GF_GOTO(gf_json_parse(&json, text, n, name, err));
    GF_GOTO(parse_model(&st, json));
out:
    gf_free(st.node);
    gf_free(st.scope);
    gf_free(st.order);
    gf_text_free(&st.unknown.list);
    gf_json_free(json);
    if (status != GRAFT_OK) gf_model_free(m);
    return status;
}