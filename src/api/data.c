#include "api/internal.h"

#include "base/io.h"
#include "data/paths.h"

#include <stdlib.h>
#include <string.h>

void graft_data_defaults(graft_data_options *o)
{
    if (o) *o = (graft_data_options){.width = 160, .height = 160, .split = {0.8, 0.2, 0}, .batch = 32, .max_bad = 0.01};
}

static graft_status data_progress(void *user, uint64_t done, uint64_t total)
{
    graft_context *c = user;
    gf_api_tell(c, &(graft_progress){
                       .stage = GRAFT_STAGE_CHECK, .done = (int64_t)done, .total = (int64_t)total, .seconds_left = -1});
    return gf_api_stop_asked(c, NULL);
}

gf_data_options gf_api_data_options(const graft_data *d)
{
    const graft_data_options *o = &d->options;
    static const gf_cache_mode cache[] = {
        [GRAFT_CACHE_AUTO] = GF_CACHE_AUTO,
        [GRAFT_CACHE_MEMORY] = GF_CACHE_MEMORY,
        [GRAFT_CACHE_DISK] = GF_CACHE_DISK,
        [GRAFT_CACHE_NONE] = GF_CACHE_NONE,
    };
    gf_data_options out;
    gf_data_defaults(&out);
    memcpy(out.split, o->split, sizeof out.split);
    out.test_from_validation = o->test_from_validation;
    out.labels = d->labels;
    out.batch = (uint32_t)o->batch;
    out.seed = o->seed;
    out.allow_empty_class = o->allow_empty_class;
    out.bad_images = o->skip_bad ? GF_BAD_SKIP : GF_BAD_REFUSE;
    out.max_bad = o->max_bad;
    out.image.allow_truncated = o->allow_truncated;
    out.image.ignore_exif = o->ignore_exif;
    out.height = o->height;
    out.width = o->width;
    out.antialias = o->antialias;
    out.cache = cache[o->cache];
    bool shared = d->context && gf_comm_size(d->context->comm) > 1;
    if (out.cache == GF_CACHE_AUTO && shared && d->cache_dir) out.cache = GF_CACHE_DISK; /* one decodes for all ranks */
    out.memory_limit = o->memory_limit;
    out.cache_dir = d->cache_dir;
    gf_data_take_settings(&out, d->settings);
    if (d->fit) out.fit = *d->fit;
    if (d->fit) out.image.fast_dct = d->fast_dct;
    if (d->fit) out.stored_side = 0; /* what is told of images must not hang on their split */
    out.progress = data_progress;
    out.user = d->context;
    out.log = &d->log;
    return out;
}

static graft_status stopped(graft_status status, graft_error *err)
{
    if (gf_is_stop(status) && err) {
        *err = (graft_error){.status = status, .message = "stopped while the images were checked; nothing was written"};
    }
    return status;
}

graft_status gf_api_data_open(graft_data *d, const gf_names *classes, graft_error *err)
{
    gf_data_options o = gf_api_data_options(d);
    if (!classes) o.least_classes = 2; /* to train on; inspect looks at any */
    if (classes) {
        o.classes = (const char *const *)classes->item;
        o.n_classes = classes->n;
    }
    graft_status status =
        d->boxes ? gf_api_open_boxes(d, &o, err) : gf_dataset_open(&d->data, d->path, &o, d->context->pool, err);
    return stopped(status, err);
}

/* Where decoded images are kept on disk when none was named. NULL: nowhere. */
static char *default_cache_dir(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache) return gf_path_join(cache, "graft");
    return home && *home ? gf_path_join(home, ".cache/graft") : NULL;
}

/* What the data room cannot tell, since it is cast on the way there. */
static graft_status check_options(const graft_data_options *o, graft_error *err)
{
    const struct {
        const char *name;
        int value;
    } sizes[] = {{"batch", o->batch}, {"width", o->width}, {"height", o->height}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (sizes[i].value >= 1) continue;
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "%s %d: wanted is at least 1", sizes[i].name, sizes[i].value);
    }
    if ((unsigned)o->cache <= GRAFT_CACHE_NONE) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, NULL, "cache %d: wanted is one of GRAFT_CACHE_AUTO (0) to _NONE (%d)",
                   (int)o->cache, GRAFT_CACHE_NONE);
}

static graft_status make(graft_context *context, const char *path, const graft_data_options *given, graft_data **out,
                         graft_error *err)
{
    *out = NULL;
    const graft_data_options with = gf_api_opened_options(context, given), *options = &with;
    GF_TRY(check_options(options, err));
    graft_data *d = gf_new(graft_data);
    if (!d) return gf_fail_memory(err, sizeof *d, "a data set");
    d->context = context;
    d->log = (gf_log){context->log.say, context->log.ctx, &d->decisions};
    d->options = *options;
    d->boxes = gf_api_detects(context);
    d->labels = gf_api_task_labels(context->settings);
    gf_real_path(path, &d->path, NULL); /* so that a run can be resumed from another folder */
    if (!d->path) d->path = gf_strdup(path);
    d->cache_dir = options->cache_dir ? gf_strdup(options->cache_dir) : default_cache_dir();
    d->options.cache_dir = d->cache_dir;
    graft_status status = gf_settings_copy(&d->settings, context->settings, err);
    if (status == GRAFT_OK && d->boxes && !gf_settings_given(d->settings, GF_SET_DATA_FIT))
        status = gf_settings_set(d->settings, "data.fit", "pad", err); /* boxes keep their proportions */
    if (status == GRAFT_OK && (!d->path || (options->cache_dir && !d->cache_dir))) {
        status = gf_fail_memory(err, strlen(path), "a data set");
    }
    if (status != GRAFT_OK) {
        graft_data_free(d);
        return status;
    }
    *out = d;
    return GRAFT_OK;
}

graft_status graft_data_open(graft_context *context, const char *path, const graft_data_options *options,
                             graft_data **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(context, "context");
    GF_NEEDS(path, "path");
    GF_NEEDS(options, "options");
    GF_TRY(make(context, path, options, out, err));
    gf_api_begin(context, GRAFT_STAGE_CHECK);
    graft_status status = gf_api_data_open(*out, NULL, err);
    if (status != GRAFT_OK) {
        graft_data_free(*out);
        *out = NULL;
    }
    return status;
}

void graft_data_free(graft_data *d)
{
    if (!d) return;
    gf_dataset_close(d->data);
    gf_tokenizer_close(&d->tokenizer);
    gf_free(d->path);
    gf_free(d->cache_dir);
    gf_settings_free(d->settings);
    gf_decisions_free(&d->decisions);
    gf_free(d);
}

int graft_data_classes(const graft_data *d) { return d ? (int)d->data->index->classes.n : 0; }

const char *graft_data_class_name(const graft_data *d, int i)
{
    const gf_names *n = d ? &d->data->index->classes : &(gf_names){0};
    return i >= 0 && (size_t)i < n->n ? n->item[i] : NULL;
}

graft_status graft_inspect(graft_context *context, const char *path, const graft_data_options *options,
                           graft_result **out, int64_t *bad, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(context, "context");
    GF_NEEDS(path, "path");
    GF_NEEDS(options, "options");
    if (gf_api_is_boxes(context, path)) return gf_api_inspect_boxes(context, path, out, bad, err);
    if (gf_api_is_texts(context, path)) return gf_api_inspect_texts(context, path, out, bad, err);
    graft_data *d;
    GF_TRY(make(context, path, options, &d, err));
    gf_api_begin(context, GRAFT_STAGE_CHECK);
    graft_status status = stopped(gf_api_inspect_images(d, out, bad, err), err);
    graft_data_free(d);
    return status;
}
