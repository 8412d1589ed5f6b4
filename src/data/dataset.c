#include "data/dataset.h"

graft_status gf_dataset_open(gf_dataset **out, const char *path, const gf_data_options *options, gf_pool *pool,
                             graft_error *err)
{
    size_t i = 0;
    while (gf_dataset_class_at(i)->suits && !gf_dataset_class_at(i)->suits(path, options)) i++;
    return gf_dataset_class_at(i)->open(out, path, options, pool, err);
}

void gf_dataset_close(gf_dataset *d)
{
    if (d) d->cls->close(d);
}

bool gf_dataset_is_lost(const gf_dataset *d, uint32_t sample) { return d->cls->is_lost && d->cls->is_lost(d, sample); }

uint32_t gf_dataset_n_lost(const gf_dataset *d) { return d->cls->n_lost ? d->cls->n_lost(d) : 0; }

void gf_dataset_adopt(const gf_dataset *d, void *target)
{
    if (d->cls->adopt) d->cls->adopt(d, target);
}

void gf_dataset_mark_lost(gf_dataset *d, uint32_t sample)
{
    if (d->cls->mark_lost) d->cls->mark_lost(d, sample);
}

graft_status gf_dataset_tell_lost(gf_dataset *d, graft_error *err)
{
    return d->cls->tell_lost ? d->cls->tell_lost(d, err) : GRAFT_OK;
}

graft_status gf_data_feed_open(gf_data_feed *f, gf_dataset *data, size_t threads, graft_error *err)
{
    *f = (gf_data_feed){.data = data, .threads = threads};
    graft_status status = data->cls->feed_open(f, err);
    if (status != GRAFT_OK) gf_data_feed_close(f);
    return status;
}

graft_status gf_data_feed_change(gf_data_feed *f, const gf_augment_spec *changes, uint64_t seed, graft_error *err)
{
    f->augment = *changes;
    f->seed = seed;
    return f->data->cls->feed_open(f, err);
}

void gf_data_feed_close(gf_data_feed *f)
{
    if (f->data) f->data->cls->feed_close(f);
    *f = (gf_data_feed){0};
}

gf_feed gf_data_feed_of(gf_data_feed *f) { return (gf_feed){f->data->cls->fill, f}; }

graft_status gf_data_feed_show(gf_data_feed *f, uint32_t sample, bool changed, uint32_t epoch, gf_shown *out,
                               graft_error *err)
{
    *out = (gf_shown){0};
    return f->data->cls->show(f, sample, changed, epoch, out, err);
}
