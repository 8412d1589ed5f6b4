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

#define WINDOW(size, stride)                                                            \
    {size, GF_KERAS_SIDES, GF_KERAS_AT(kh), GF_KERAS_AT(kw), .needed = true},           \
        {"strides", GF_KERAS_SIDES, GF_KERAS_AT(sh), GF_KERAS_AT(sw), .usual = stride}, \
        {"padding", GF_KERAS_PADDING, GF_KERAS_AT(padding)},                            \
    {                                                                                   \
        "data_format", GF_KERAS_LAST                                                    \
    }

/* What all convolutions have. */
#define CONV                                                                                                   \
    WINDOW("kernel_size", 1), {"dilation_rate", GF_KERAS_SIDES, GF_KERAS_AT(dh), GF_KERAS_AT(dw), .usual = 1}, \
        {"use_bias", GF_KERAS_FLAG, GF_KERAS_AT(use_bias), .usual = 1},                                        \
    {                                                                                                          \
        "activation", GF_KERAS_ACT                                                                             \
    }

#define FILTERS                                         \
    {                                                   \
        "filters", GF_KERAS_COUNT, GF_KERAS_AT(filters) \
    }
#define MULTIPLIER                                                              \
    {                                                                           \
        "depth_multiplier", GF_KERAS_WHOLE, GF_KERAS_AT(multiplier), .usual = 1 \
    }

const gf_keras_field gf_keras_conv[] = {
    FILTERS, {"groups", GF_KERAS_WHOLE, GF_KERAS_AT(groups), .usual = 1}, CONV, {0}};
const gf_keras_field gf_keras_depthwise[] = {MULTIPLIER, CONV, {0}};
const gf_keras_field gf_keras_separable[] = {FILTERS, MULTIPLIER, CONV, {0}};
const gf_keras_field gf_keras_pool[] = {WINDOW("pool_size", 0), {0}}; /* 0: the pool's size, by its class */
const gf_keras_field gf_keras_global_pool[] = {
    {"data_format", GF_KERAS_LAST}, {"keepdims", GF_KERAS_FLAG, GF_KERAS_AT(keepdims)}, {0}};

/* A count that has no default. */
int gf_keras_count(gf_keras_reader *r, const char *key)
{
    if (!gf_keras_arg(r, key)) gf_keras_refuse(r, key, "a whole number");
    return gf_keras_int(r, key, 1, GF_KERAS_LARGEST, 0);
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
    gf_json_set(config, "size", two(l->at.factor_h, l->at.factor_w));
    gf_json_set(config, "interpolation", gf_json_string(l->at.bilinear ? "bilinear" : "nearest"));
    gf_json_set(config, "data_format", gf_json_string("channels_last"));
}
