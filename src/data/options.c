#include "data/options.h"

#include "data/layouts.h"

#include <math.h>

enum { MAX_SIDE = 16384 };

void gf_data_defaults(gf_data_options *options)
{
    *options = (gf_data_options){
        .split = {0.8, 0.2, 0},
        .batch = 32,
        .max_bad = 0.01,
        .image = gf_image_options_default(),
        .height = 160,
        .width = 160,
    };
}

graft_status gf_data_fit(gf_fit *fit, const gf_settings *s, graft_error *err)
{
    GF_TRY(gf_fit_parse(fit, gf_settings_text(s, GF_SET_DATA_FIT), err));
    fit->filter = (gf_resize_filter)gf_settings_choice(s, GF_SET_DATA_RESIZE_FILTER);
    return GRAFT_OK;
}

void gf_data_take_settings(gf_data_options *o, const gf_settings *s)
{
    o->settings = s;
    gf_layout_parse(&o->layout, gf_settings_text(s, GF_SET_DATA_LAYOUT), NULL); /* checked below, as is the next */
    o->follow_links = gf_settings_flag(s, GF_SET_DATA_FOLLOW_LINKS);
    o->image_column = gf_settings_text(s, GF_SET_DATA_IMAGE_COLUMN);
    o->label_column = gf_settings_text(s, GF_SET_DATA_LABEL_COLUMN);
    o->split_column = gf_settings_text(s, GF_SET_DATA_SPLIT_COLUMN);
    o->weight_column = gf_settings_text(s, GF_SET_DATA_WEIGHT_COLUMN);
    o->group_column = gf_settings_text(s, GF_SET_DATA_GROUP_COLUMN);
    o->label_delimiter = gf_settings_text(s, GF_SET_DATA_LABEL_DELIMITER);
    gf_data_fit(&o->fit, s, NULL);
    o->stored_side = (int)gf_settings_whole(s, GF_SET_DATA_STORED_SIZE);
    o->image.fast_dct = gf_settings_choice(s, GF_SET_DATA_DECODE) == 1;
    o->image.max_pixels = (uint64_t)gf_settings_whole(s, GF_SET_DATA_MAX_PIXELS);
}

static int shorter_side(const gf_data_options *o) { return o->height < o->width ? o->height : o->width; }

void gf_data_stored_size(const gf_data_options *o, bool to_train_on, int *height, int *width)
{
    int side = to_train_on && o->stored_side ? o->stored_side : shorter_side(o), by = shorter_side(o);
    *height = (int)(((int64_t)o->height * side + by / 2) / by);
    *width = (int)(((int64_t)o->width * side + by / 2) / by);
}

size_t gf_data_stored_bytes(const gf_data_options *o, bool to_train_on)
{
    const size_t rgb = 3;
    int h, w;
    gf_data_stored_size(o, to_train_on, &h, &w);
    return rgb * (size_t)h * (size_t)w;
}

static graft_status in_range(const char *name, double value, double low, double high, graft_error *err)
{
    if (value >= low && value <= high) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, NULL, "%s: %g is not in %g to %g", name, value, low, high);
}

graft_status gf_data_options_check(const gf_data_options *o, graft_error *err)
{
    gf_fit fit;
    const gf_layout_class *layout;
    GF_TRY(gf_data_fit(&fit, o->settings, err));
    if (o->antialias && !gf_resize_filter_widens(fit.filter)) {
        return gf_fail(err, GF_E_OPTION_VALUE, "leave it out, or take bilinear, bicubic or a lanczos filter",
                       "antialias: the resize filter %s is no wider with it", gf_resize_filter_name(fit.filter));
    }
    GF_TRY(gf_layout_parse(&layout, gf_settings_text(o->settings, GF_SET_DATA_LAYOUT), err));
    const struct {
        const char *name;
        double value, low, high;
    } range[] = {
        {"split (train)", o->split[0], 0, 1},
        {"split (validation)", o->split[1], 0, 1},
        {"split (test)", o->split[2], 0, 1},
        {"test from validation", o->test_from_validation, 0, 0.999999},
        {"batch", o->batch, 1, 1 << 20},
        {"max bad", o->max_bad, 0, 1},
        {"height", o->height, 1, MAX_SIDE},
        {"width", o->width, 1, MAX_SIDE},
        {"stored size", o->stored_side ? o->stored_side : shorter_side(o), shorter_side(o), MAX_SIDE},
        {"cache", o->cache, GF_CACHE_AUTO, GF_CACHE_NONE},
        {"bad images", o->bad_images, GF_BAD_REFUSE, GF_BAD_SKIP},
    };
    for (size_t i = 0; i < sizeof range / sizeof *range; i++) {
        GF_TRY(in_range(range[i].name, range[i].value, range[i].low, range[i].high, err));
    }
    double sum = o->split[0] + o->split[1] + o->split[2];
    if (!(fabs(sum - 1) <= 1e-6) || !(o->split[0] > 0)) {
        return gf_fail(err, GF_E_OPTION_VALUE, "such as 0.8,0.2 or 0.7,0.2,0.1",
                       "split: %g,%g,%g must add up to 1, with something left to train on", o->split[0], o->split[1],
                       o->split[2]);
    }
    return GRAFT_OK;
}
