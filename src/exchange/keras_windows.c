/* keras_windows.c - the arguments of layers that go over a map with a window, pool it, or change its border or size;
 * those of sequences have one number where the others have height and width. */
#include "exchange/keras_rows.h"

#include <string.h>

static gf_json *two(int a, int b)
{
    gf_json *j = gf_json_array();
    gf_json_add(j, gf_json_int(a));
    gf_json_add(j, gf_json_int(b));
    return j;
}

/* A window's height and width; of a sequence the width. */
static void set_sides(const gf_layer *l, gf_json *config, const char *key, int h, int w)
{
    gf_json *j = gf_json_array();
    if (!l->at.sequence) gf_json_add(j, gf_json_int(h));
    gf_json_add(j, gf_json_int(w));
    gf_json_set(config, key, j);
}

static void read_window(gf_keras_reader *r, const char *size, int stride)
{
    gf_layer *l = r->l;
    gf_keras_must_be(r, "data_format", "channels_last");
    if (!gf_keras_arg(r, size)) gf_keras_refuse(r, size, "a whole number or two");
    gf_keras_sides(r, size, 1, 0, 1, &l->at.kh, &l->at.kw);
    gf_keras_sides(r, "strides", 1, stride, 1, &l->at.sh, &l->at.sw);
    gf_keras_sides(r, "dilation_rate", 1, 1, 1, &l->at.dh, &l->at.dw);
    const char *padding = gf_keras_word(r, "padding", "valid");
    bool causal = l->at.sequence && !strcmp(padding, "causal");
    l->at.padding = causal ? GF_PAD_CAUSAL : !strcmp(padding, "same") ? GF_PAD_SAME : GF_PAD_VALID;
    if (l->at.padding == GF_PAD_VALID && strcmp(padding, "valid")) {
        gf_keras_refuse(r, "padding", l->at.sequence ? "valid, same or causal" : "valid or same");
    }
}

static const char *padding_word(gf_padding padding)
{
    return padding == GF_PAD_SAME ? "same" : padding == GF_PAD_CAUSAL ? "causal" : "valid";
}

static void write_window(const gf_layer *l, gf_json *config, const char *size)
{
    set_sides(l, config, size, l->at.kh, l->at.kw);
    set_sides(l, config, "strides", l->at.sh, l->at.sw);
    gf_json_set(config, "padding", gf_json_string(padding_word(l->at.padding)));
    gf_json_set(config, "data_format", gf_json_string("channels_last"));
}

/* What all convolutions have. */
static void read_conv_common(gf_keras_reader *r)
{
    read_window(r, "kernel_size", 1);
    r->l->at.use_bias = gf_keras_flag(r, "use_bias", true);
    gf_keras_read_act(r);
}

static void write_conv_common(const gf_layer *l, gf_json *config)
{
    write_window(l, config, "kernel_size");
    set_sides(l, config, "dilation_rate", l->at.dh, l->at.dw);
    gf_json_set(config, "use_bias", gf_json_bool(l->at.use_bias));
    gf_keras_write_act(l, config);
}

/* A count that has no default. */
int gf_keras_count(gf_keras_reader *r, const char *key)
{
    if (!gf_keras_arg(r, key)) gf_keras_refuse(r, key, "a whole number");
    return gf_keras_int(r, key, 1, GF_KERAS_LARGEST, 0);
}

void gf_keras_read_conv(gf_keras_reader *r)
{
    r->l->at.filters = gf_keras_count(r, "filters");
    r->l->at.groups = gf_keras_int(r, "groups", 1, GF_KERAS_LARGEST, 1);
    read_conv_common(r);
}

void gf_keras_write_conv(const gf_layer *l, gf_json *config)
{
    gf_json_set(config, "filters", gf_json_int(l->at.filters));
    gf_json_set(config, "groups", gf_json_int(l->at.groups));
    write_conv_common(l, config);
}

void gf_keras_read_depthwise(gf_keras_reader *r)
{
    r->l->at.multiplier = gf_keras_int(r, "depth_multiplier", 1, GF_KERAS_LARGEST, 1);
    read_conv_common(r);
}

void gf_keras_write_depthwise(const gf_layer *l, gf_json *config)
{
    gf_json_set(config, "depth_multiplier", gf_json_int(l->at.multiplier));
    write_conv_common(l, config);
}

void gf_keras_read_separable(gf_keras_reader *r)
{
    r->l->at.filters = gf_keras_count(r, "filters");
    gf_keras_read_depthwise(r);
}

void gf_keras_write_separable(const gf_layer *l, gf_json *config)
{
    gf_json_set(config, "filters", gf_json_int(l->at.filters));
    gf_keras_write_depthwise(l, config);
}

void gf_keras_read_pool(gf_keras_reader *r) { read_window(r, "pool_size", 0); } /* 0: the pool's size, by its class */
void gf_keras_write_pool(const gf_layer *l, gf_json *config) { write_window(l, config, "pool_size"); }

void gf_keras_read_global_pool(gf_keras_reader *r)
{
    gf_keras_must_be(r, "data_format", "channels_last");
    r->l->at.keepdims = gf_keras_flag(r, "keepdims", false);
}

void gf_keras_write_global_pool(const gf_layer *l, gf_json *config)
{
    gf_json_set(config, "keepdims", gf_json_bool(l->at.keepdims));
}

/* [before, after], or one number for both */
static void read_ends(gf_keras_reader *r, const char *key)
{
    gf_keras_must_be(r, "data_format", "channels_last");
    gf_keras_pair(r, key, 0, 1, &r->l->at.pl, &r->l->at.pr);
}

/* [[top, bottom], [left, right]], [rows, columns] or one number */
static void read_border(gf_keras_reader *r, const char *key)
{
    gf_layer *l = r->l;
    if (l->at.sequence) {
        read_ends(r, key);
        return;
    }
    const gf_json *rows = gf_keras_list(gf_json_at(gf_keras_list(gf_keras_arg(r, key)), 0));
    const gf_json *columns = gf_keras_list(gf_json_at(gf_keras_list(gf_keras_arg(r, key)), 1));
    gf_keras_must_be(r, "data_format", "channels_last");
    if (!rows || !columns) {
        gf_keras_pair(r, key, 0, 1, &l->at.pt, &l->at.pl);
        l->at.pb = l->at.pt;
        l->at.pr = l->at.pl;
        return;
    }
    bool good =
        gf_json_size(rows) == 2 && gf_json_size(columns) == 2 && gf_json_size(gf_keras_list(gf_keras_arg(r, key))) == 2;
    good = good && gf_keras_in_range(gf_json_at(rows, 0), 0, GF_KERAS_LARGEST_SIDE, &l->at.pt) &&
           gf_keras_in_range(gf_json_at(rows, 1), 0, GF_KERAS_LARGEST_SIDE, &l->at.pb) &&
           gf_keras_in_range(gf_json_at(columns, 0), 0, GF_KERAS_LARGEST_SIDE, &l->at.pl) &&
           gf_keras_in_range(gf_json_at(columns, 1), 0, GF_KERAS_LARGEST_SIDE, &l->at.pr);
    if (!good) gf_keras_refuse(r, key, "[[top, bottom], [left, right]]");
}

static void write_border(const gf_layer *l, gf_json *config, const char *key)
{
    gf_json *j = l->at.sequence ? two(l->at.pl, l->at.pr) : gf_json_array();
    if (!l->at.sequence) {
        gf_json_add(j, two(l->at.pt, l->at.pb));
        gf_json_add(j, two(l->at.pl, l->at.pr));
    }
    gf_json_set(config, key, j);
    if (!l->at.sequence || l->cls == &gf_layer_zero_padding)
        gf_json_set(config, "data_format", gf_json_string("channels_last"));
}

void gf_keras_read_zero_padding(gf_keras_reader *r) { read_border(r, "padding"); }
void gf_keras_write_zero_padding(const gf_layer *l, gf_json *config) { write_border(l, config, "padding"); }
void gf_keras_read_cropping(gf_keras_reader *r)
{
    if (!gf_keras_arg(r, "cropping")) gf_keras_refuse(r, "cropping", "[[top, bottom], [left, right]]");
    read_border(r, "cropping");
}
void gf_keras_write_cropping(const gf_layer *l, gf_json *config) { write_border(l, config, "cropping"); }

void gf_keras_read_upsampling(gf_keras_reader *r)
{
    gf_keras_must_be(r, "data_format", "channels_last");
    gf_keras_sides(r, "size", 1, 2, 1, &r->l->at.factor_h, &r->l->at.factor_w);
    const char *how = gf_keras_word(r, "interpolation", "nearest");
    r->l->at.bilinear = !strcmp(how, "bilinear");
    if (!r->l->at.bilinear && strcmp(how, "nearest")) gf_keras_refuse(r, "interpolation", "nearest or bilinear");
}

void gf_keras_write_upsampling(const gf_layer *l, gf_json *config)
{
    if (l->at.sequence) {
        gf_json_set(config, "size", gf_json_int(l->at.factor_w));
        return;
    }
    set_sides(l, config, "size", l->at.factor_h, l->at.factor_w);
    gf_json_set(config, "interpolation", gf_json_string(l->at.bilinear ? "bilinear" : "nearest"));
    gf_json_set(config, "data_format", gf_json_string("channels_last"));
}
