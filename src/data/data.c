#include "data/data.h"

static graft_status copy_options(gf_data *data, const gf_data_options *options, graft_error *err)
{
    data->options = *options;
    for (size_t i = 0; options->classes && i < options->n_classes; i++) {
        GF_TRY(gf_names_add(&data->given_classes, options->classes[i], err));
    }
    if (options->classes) data->options.classes = (const char *const *)data->given_classes.item;
    data->options.image_column = data->options.label_column = data->options.split_column = NULL; /* not needed again */
    if (!options->cache_dir) return GRAFT_OK;
    data->cache_dir = gf_strdup(options->cache_dir);
    data->options.cache_dir = data->cache_dir;
    return data->cache_dir ? GRAFT_OK : gf_fail_memory(err, 4096, "a file name");
}

/* A class that had images and lost them all to the check. */
static graft_status refuse_emptied(const gf_data *data, const bool *drop, graft_error *err)
{
    const gf_index *index = data->index;
    uint32_t *left = gf_new_n(index->classes.n, uint32_t), *had = gf_new_n(index->classes.n, uint32_t);
    graft_status status = GRAFT_OK;
    if (!left || !had) GF_GOTO(gf_fail_memory(err, index->classes.n * sizeof *left, "class counts"));
    for (uint32_t i = 0; i < index->n; i++) {
        had[index->sample[i].class_id]++;
        left[index->sample[i].class_id] += !drop[i];
    }
    for (size_t c = 0; c < index->classes.n && !data->options.allow_empty_class; c++) {
        if (!had[c] || left[c]) continue;
        status = gf_fail(err, GF_E_DATA_EMPTY_CLASS, "repair its images, or take its folder away",
                         "%s: class %s has no image left, %u could not be used", GF_ESC(index->root),
                         GF_ESC(index->classes.item[c]), had[c]);
        break;
    }
out:
    gf_free(left);
    gf_free(had);
    return status;
}

static graft_status drop_bad(gf_data *data, const bool *drop, graft_error *err)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < data->index->n; i++) n += drop[i];
    if (!n) return GRAFT_OK;
    GF_TRY(refuse_emptied(data, drop, err));
    gf_cache_drop(data->cache, drop);
    gf_index_drop(data->index, drop);
    if (data->report->n_bad) {
        gf_log_say(data->options.log, GF_WARNING, "%zu bad images are left out", data->report->n_bad);
    }
    if (data->index->n) return GRAFT_OK;
    return gf_fail(err, GF_E_DATA_NO_IMAGES, NULL, "%s: no image is left", GF_ESC(data->index->root));
}

static graft_status check_classes(const gf_index *x, const char *path, size_t least, graft_error *err)
{
    if (x->classes.n >= least) return GRAFT_OK;
    return gf_fail(err, GF_E_DATA_ONE_CLASS,
                   "a folder a class is wanted, two at least; is the data set a folder further down?",
                   "%s: holds the class \"%s\" alone: there is nothing to tell apart", GF_ESC(path),
                   x->classes.n ? GF_ESC(x->classes.item[0]) : "");
}

graft_status gf_data_open(gf_data **out, const char *path, const gf_data_options *options, gf_pool *pool,
                          gf_data_report **report, graft_error *err)
{
    *out = NULL;
    if (report) *report = NULL;
    gf_data *data = gf_new(gf_data);
    if (!data) return gf_fail_memory(err, sizeof *data, "the data");
    bool *drop = NULL;
    graft_status status;
    GF_GOTO(copy_options(data, options, err));
    GF_GOTO(gf_index_build(&data->index, path, options, err));
    gf_index_tell_ignored(data->index, data->options.log);
    GF_GOTO(check_classes(data->index, path, options->least_classes, err));
    drop = gf_new_n(data->index->n, bool);
    if (!drop) GF_GOTO(gf_fail_memory(err, data->index->n, "the data"));
    GF_GOTO(gf_cache_create(&data->cache, data->index, &data->options, err));
    GF_GOTO(gf_check(data->index, data->cache, &data->options, pool, &data->report, drop, err));
    GF_GOTO(gf_check_policy(data->report, &data->options, err));
    GF_GOTO(drop_bad(data, drop, err));
    if (report) *report = data->report;
    *out = data;
out:
    gf_free(drop);
    if (status != GRAFT_OK && report) {
        *report = data->report;
        data->report = NULL;
    }
    if (status != GRAFT_OK) gf_data_close(data);
    return status;
}

void gf_data_close(gf_data *data)
{
    if (!data) return;
    gf_cache_free(data->cache);
    gf_index_free(data->index);
    gf_report_free(data->report);
    gf_names_free(&data->given_classes);
    gf_free(data->cache_dir);
    gf_free(data);
}

graft_status gf_data_inspect(const char *path, const gf_data_options *options, gf_pool *pool, gf_data_report **report,
                             graft_error *err)
{
    *report = NULL;
    gf_index *index;
    GF_TRY(gf_index_build(&index, path, options, err));
    bool *drop = gf_new_n(index->n, bool);
    graft_status status =
        drop ? gf_check(index, NULL, options, pool, report, drop, err) : gf_fail_memory(err, index->n, "the data");
    gf_free(drop);
    gf_index_free(index);
    return status;
}
