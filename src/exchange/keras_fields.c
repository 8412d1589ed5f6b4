#include "exchange/keras_fields.h"

#include "exchange/keras_rows.h"

#include <string.h>

/* ---- reading */

static void read_sides(gf_keras_reader *r, const gf_keras_field *f, void *to)
{
    if (f->needed && !gf_keras_arg(r, f->name)) gf_keras_refuse(r, f->name, "a whole number or two");
    gf_keras_sides(r, f->name, 1, (int)f->usual, 1, to, (int *)(void *)((char *)r->l + f->more));
}

static void read_padding(gf_keras_reader *r, const gf_keras_field *f, gf_padding *to)
{
    const char *word = gf_keras_word(r, f->name, "valid");
    bool causal = r->l->at.sequence && !strcmp(word, "causal");
    *to = causal ? GF_PAD_CAUSAL : !strcmp(word, "same") ? GF_PAD_SAME : GF_PAD_VALID;
    if (*to == GF_PAD_VALID && strcmp(word, "valid")) {
        gf_keras_refuse(r, f->name, r->l->at.sequence ? "valid, same or causal" : "valid or same");
    }
}

static void read_real(gf_keras_reader *r, const gf_keras_field *f, float *to)
{
    *to = gf_keras_float(r, f->name, f->usual);
    bool share = f->kind == GF_KERAS_SHARE;
    if (!(*to >= 0) || (share && !(*to < 1))) gf_keras_refuse(r, f->name, share ? "0 up to 1" : "0 or more");
}

static void read_field(gf_keras_reader *r, const gf_keras_field *f)
{
    void *to = (char *)r->l + f->at;
    switch (f->kind) {
    case GF_KERAS_COUNT: *(int *)to = gf_keras_count(r, f->name); break;
    case GF_KERAS_WHOLE: *(int *)to = gf_keras_int(r, f->name, 1, GF_KERAS_LARGEST, (int)f->usual); break;
    case GF_KERAS_FLAG: *(bool *)to = gf_keras_flag(r, f->name, f->usual != 0); break;
    case GF_KERAS_UNLESS: *(bool *)to = !gf_keras_flag(r, f->name, f->usual != 0); break;
    case GF_KERAS_FLOAT: *(float *)to = gf_keras_float(r, f->name, f->usual); break;
    case GF_KERAS_REAL:
    case GF_KERAS_SHARE: read_real(r, f, to); break;
    case GF_KERAS_SIDES: read_sides(r, f, to); break;
    case GF_KERAS_PADDING: read_padding(r, f, to); break;
    case GF_KERAS_ACT: gf_keras_read_act(r); break;
    case GF_KERAS_CHANNELS: gf_keras_last_axis(r); break;
    case GF_KERAS_FALSE:
        if (gf_keras_flag(r, f->name, false)) gf_keras_refuse(r, f->name, "false");
        break;
    case GF_KERAS_NULL:
        if (gf_keras_arg(r, f->name)) gf_keras_refuse(r, f->name, "null");
        break;
    case GF_KERAS_LAST: gf_keras_must_be(r, f->name, "channels_last"); break;
    }
}

void gf_keras_read_fields(gf_keras_reader *r, const gf_keras_field *fields)
{
    for (const gf_keras_field *f = fields; f && f->name; f++) read_field(r, f);
}

/* ---- writing */

static gf_json *sides(const gf_layer *l, const int *h, const int *w)
{
    gf_json *j = gf_json_array();
    if (!l->at.sequence) gf_json_add(j, gf_json_int(*h));
    gf_json_add(j, gf_json_int(*w));
    return j;
}

static const char *padding_word(gf_padding padding)
{
    return padding == GF_PAD_SAME ? "same" : padding == GF_PAD_CAUSAL ? "causal" : "valid";
}

/* NULL: it goes without saying. */
static gf_json *value_of(const gf_layer *l, const gf_keras_field *f)
{
    const void *from = (const char *)l + f->at;
    switch (f->kind) {
    case GF_KERAS_COUNT:
    case GF_KERAS_WHOLE: return gf_json_int(*(const int *)from);
    case GF_KERAS_FLAG: return gf_json_bool(*(const bool *)from);
    case GF_KERAS_UNLESS: return gf_json_bool(!*(const bool *)from);
    case GF_KERAS_FLOAT:
    case GF_KERAS_REAL:
    case GF_KERAS_SHARE: return gf_keras_real(*(const float *)from);
    case GF_KERAS_SIDES: return sides(l, from, (const int *)(const void *)((const char *)l + f->more));
    case GF_KERAS_PADDING: return gf_json_string(padding_word(*(const gf_padding *)from));
    case GF_KERAS_CHANNELS: return gf_json_int(-1);
    case GF_KERAS_LAST: return gf_json_string("channels_last");
    case GF_KERAS_ACT: return gf_json_string(gf_keras_act_of(l->at.act)->name);
    case GF_KERAS_FALSE:
    case GF_KERAS_NULL: break;
    }
    return NULL;
}

void gf_keras_write_fields(const gf_layer *l, const gf_keras_field *fields, gf_json *config)
{
    for (const gf_keras_field *f = fields; f && f->name; f++) {
        bool says = f->kind != GF_KERAS_FALSE && f->kind != GF_KERAS_NULL;
        if (says) gf_json_set(config, f->name, value_of(l, f));
    }
}
