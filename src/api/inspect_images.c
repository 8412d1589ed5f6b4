/* inspect_images.c - what inspect says of images: the report, and the page of it with plots and samples. */
#include "api/internal.h"

#include "base/io.h"
#include "data/images.h"
#include "data/report_looks.h"
#include "report/inspection.h"
#include "report/photo.h"

#include <stdio.h>
#include <string.h>

enum { MOST_SAMPLES = 24, MOST_PAIRS = 12, MOST_LISTED = 200, PHOTO = 240, HISTOGRAMS = 3, NAME = 48 };

typedef struct page {
    const gf_index *index;
    const gf_data_report *report;
    const gf_data_options *options;
    gf_photo photo[MOST_SAMPLES];
    size_t n_photos;
    gf_pair pair[MOST_PAIRS];
    char how[MOST_PAIRS][NAME];
    size_t n_pairs;
    gf_bins bins[HISTOGRAMS];
    const char *name[HISTOGRAMS][GF_BINNED_MOST];
    char names[HISTOGRAMS][GF_BINNED_MOST][NAME];
    gf_fact bad[MOST_LISTED], equal[MOST_LISTED], note[MOST_LISTED];
    gf_data_split split[GF_SPLITS];
} page;

/* A sample's image, made small; without pixels where it cannot be read. */
static graft_status open_photo(const page *p, uint32_t sample, gf_photo *out, graft_error *err)
{
    gf_buffer file = {0};
    gf_image whole = {0}, fit = {0};
    const gf_sample *s = &p->index->sample[sample];
    graft_error why = {0};
    *out = (gf_photo){.path = gf_index_path(p->index, sample), .truth = (int32_t)s->class_id, .predicted = -1};
    if (p->index->sets) out->truth = -1; /* of several classes their names, where they are shown */
    graft_status status = gf_sample_read(p->index, sample, &file, &why);
    if (status == GRAFT_OK)
        status = gf_image_decode(file.data, file.n, out->path, &p->options->image, &whole, NULL, &why);
    if (status == GRAFT_OK) {
        const gf_pixels pixels = {whole.w, whole.h, whole.rgb};
        status = gf_photo_fit(&pixels, PHOTO, PHOTO, &fit, &why);
    }
    gf_buffer_free(&file);
    gf_image_free(&whole);
    if (status != GRAFT_OK && why.number == GF_E_NO_MEMORY) {
        if (err) *err = why;
        return status;
    }
    if (status == GRAFT_OK) out->pixels = (gf_pixels){fit.w, fit.h, fit.rgb};
    return GRAFT_OK;
}

static void close_page(page *p)
{
    for (size_t i = 0; i < p->n_photos; i++) gf_free((void *)p->photo[i].pixels.rgb);
    for (size_t i = 0; i < p->n_photos; i++) gf_free((void *)p->photo[i].truths);
    for (size_t i = 0; i < p->n_pairs; i++) {
        gf_free((void *)p->pair[i].first.pixels.rgb);
        gf_free((void *)p->pair[i].second.pixels.rgb);
    }
    gf_free(p);
}

static bool is_of(const gf_index *x, uint32_t sample, uint32_t class_id)
{
    uint32_t own = x->sample[sample].class_id;
    return x->sets ? gf_label_sets_has(x->sets, own, class_id) : own == class_id;
}

static graft_status name_labels(const gf_index *x, uint32_t sample, gf_photo *photo, graft_error *err)
{
    gf_text names = {0};
    gf_index_label_text(x, sample, &names);
    if (!names.n) gf_text_add(&names, "none");
    if (names.failed) gf_text_free(&names);
    photo->truth = 0;
    photo->truths = names.s;
    return names.s ? GRAFT_OK : gf_fail_memory(err, 64, "a page");
}

/* Of each class the same number, spread over its images; of many classes, one each of the first. */
static graft_status take_samples(page *p, graft_error *err)
{
    const gf_index *x = p->index;
    size_t classes = x->classes.n, each = classes < MOST_SAMPLES ? MOST_SAMPLES / classes : 1;
    each = each < 4 ? each : 4;
    for (uint32_t c = 0; c < classes && p->n_photos < MOST_SAMPLES; c++) {
        uint64_t n = 0, seen = 0, taken = 0;
        for (uint32_t i = 0; i < x->n; i++) n += is_of(x, i, c);
        for (uint32_t i = 0; i < x->n && taken < each && p->n_photos < MOST_SAMPLES; i++) {
            if (!is_of(x, i, c) || seen++ * each < taken * n) continue;
            taken++;
            GF_TRY(open_photo(p, i, &p->photo[p->n_photos], err));
            if (!p->photo[p->n_photos].pixels.rgb) continue;
            p->n_photos++;
            if (x->sets) GF_TRY(name_labels(x, i, &p->photo[p->n_photos - 1], err));
        }
    }
    return GRAFT_OK;
}

static graft_status take_pair(page *p, const gf_near_copy *n, graft_error *err)
{
    gf_pair *pair = &p->pair[p->n_pairs];
    char *how = p->how[p->n_pairs];
    snprintf(how, NAME, "%s%s%s%s%s", n->mirrored ? "mirrored" : "", n->mirrored && n->other_class ? ", " : "",
             n->other_class ? "two classes" : "", (n->mirrored || n->other_class) && n->other_split ? ", " : "",
             n->other_split ? "two parts" : "");
    *pair = (gf_pair){.how = how};
    p->n_pairs++;
    GF_TRY(open_photo(p, n->first, &pair->first, err));
    return open_photo(p, n->second, &pair->second, err);
}

static graft_status take_pairs(page *p, graft_error *err)
{
    for (int plain = 0; plain < 2; plain++) {
        for (size_t i = 0; i < p->report->n_near && p->n_pairs < MOST_PAIRS; i++) {
            const gf_near_copy *n = &p->report->near[i];
            if ((n->other_class || n->other_split) != !plain) continue;
            GF_TRY(take_pair(p, n, err));
        }
    }
    return GRAFT_OK;
}

static void take_bins(page *p)
{
    const gf_data_report *r = p->report;
    const struct {
        const gf_binned *h;
        const char *title, *note;
    } of[HISTOGRAMS] = {{&r->side, "Size", "images by their shorter side in pixels"},
                        {&r->shape, "Shape", "images by width to height"},
                        {&r->brightness, "Brightness", "images by their mean, 0 black, 255 white"}};
    for (size_t k = 0; k < HISTOGRAMS; k++) {
        for (size_t i = 0; i < of[k].h->n; i++) {
            p->name[k][i] = gf_report_bin_name(r, of[k].h, i, p->names[k][i], NAME);
        }
        p->bins[k] = (gf_bins){of[k].title, of[k].note, of[k].h->n, of[k].h->count, p->name[k]};
    }
}

static gf_facts bad_files(page *p)
{
    size_t n = p->report->n_bad < MOST_LISTED ? p->report->n_bad : MOST_LISTED;
    for (size_t i = 0; i < n; i++) p->bad[i] = (gf_fact){p->report->bad[i].path, p->report->bad[i].message};
    return (gf_facts){p->bad, n};
}

static gf_facts equal_files(page *p)
{
    size_t n = p->report->n_duplicates < MOST_LISTED ? p->report->n_duplicates : MOST_LISTED;
    for (size_t i = 0; i < n; i++) {
        p->equal[i] = (gf_fact){p->report->duplicate[i].path, p->report->duplicate[i].duplicate};
    }
    return (gf_facts){p->equal, n};
}

static gf_facts notes(page *p)
{
    size_t n = p->report->notes.n < MOST_LISTED ? p->report->notes.n : MOST_LISTED;
    for (size_t i = 0; i < n; i++) {
        const gf_note *note = &p->report->notes.item[i];
        p->note[i] = (gf_fact){note->level == GF_WARNING ? "warning" : "note", note->text};
    }
    return (gf_facts){p->note, n};
}

static graft_status write_page(page *p, const char *file, graft_error *err)
{
    const gf_data_report *r = p->report;
    char *html;
    size_t n;
    GF_TRY(take_samples(p, err));
    GF_TRY(take_pairs(p, err));
    take_bins(p);
    for (int s = 0; s < GF_SPLITS; s++) {
        p->split[s] =
            (gf_data_split){gf_split_name((gf_split)s), r->split_count[s], r->count + (size_t)s * r->classes.n};
    }
    const gf_fact folder = {"path", r->root};
    const gf_inspection x = {
        .record = {.title = r->root,
                   .classes = (const char *const *)r->classes.item,
                   .n_classes = r->classes.n,
                   .splits = p->split,
                   .n_splits = GF_SPLITS,
                   .data_facts = {&folder, 1},
                   .samples = {p->photo, p->n_photos}},
        .images = r->images,
        .bytes = r->bytes,
        .bad = r->n_bad,
        .duplicates = r->same_class + r->other_class + r->other_split,
        .near_copies = r->near_pairs,
        .bins = p->bins,
        .n_bins = HISTOGRAMS,
        .pair = p->pair,
        .n_pairs = p->n_pairs,
        .bad_files = bad_files(p),
        .equal_files = equal_files(p),
        .notes = notes(p),
    };
    GF_TRY(gf_inspection_page(&html, &n, &x, err));
    graft_status status = gf_file_write(file, &(gf_bytes){html, n}, 1, err);
    gf_free(html);
    return status;
}

static graft_status look(graft_data *d, gf_index *index, const gf_data_options *o, graft_result **out, int64_t *bad,
                         graft_error *err)
{
    gf_data_report *report = NULL;
    char *text = NULL;
    const char *file = gf_settings_text(d->settings, GF_SET_INSPECT_HTML);
    GF_TRY(gf_images_look(index, o, d->context->pool, &report, err));
    graft_status status = GRAFT_OK;
    if (file) {
        page *p = gf_new(page);
        status = p ? GRAFT_OK : gf_fail_memory(err, sizeof *p, "a page");
        if (p) {
            *p = (page){.index = index, .report = report, .options = o};
            status = write_page(p, file, err);
            close_page(p);
        }
    }
    if (status == GRAFT_OK) status = gf_report_text(report, &text, err);
    if (status == GRAFT_OK) {
        if (bad) *bad = (int64_t)report->n_bad;
        status = gf_result_create(out, gf_report_json(report), text, err);
    }
    gf_report_free(report);
    return status;
}

graft_status gf_api_inspect_images(graft_data *d, graft_result **out, int64_t *bad, graft_error *err)
{
    gf_index *index;
    const char *file = gf_settings_text(d->settings, GF_SET_INSPECT_HTML);
    gf_data_options o = gf_api_data_options(d);
    if (file) GF_TRY(gf_api_check_apart((const char *const *)&d->path, 1, file, err));
    GF_TRY(gf_index_build(&index, d->path, &o, err));
    graft_status status = look(d, index, &o, out, bad, err);
    gf_index_free(index);
    return status;
}
