#include "data/text_set.h"

#include "data/build.h"
#include "data/layouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct text_set {
    gf_dataset set;
    gf_texts texts;
    const gf_tokenizer *tokenizer; /* borrowed; NULL: none was given yet */
} text_set;

const gf_texts *gf_text_set_texts(const gf_dataset *d)
{
    return d->cls == &gf_dataset_texts ? &((const text_set *)d)->texts : NULL;
}

void gf_text_set_use(gf_dataset *d, const gf_tokenizer *tokenizer) { ((text_set *)d)->tokenizer = tokenizer; }

gf_texts_options gf_texts_options_of(const gf_settings *s, const gf_log *log)
{
    return (gf_texts_options){.encoding = gf_settings_text(s, GF_SET_DATA_ENCODING),
                              .text_column = gf_settings_text(s, GF_SET_DATA_TEXT_COLUMN),
                              .label_column = gf_settings_text(s, GF_SET_DATA_LABEL_COLUMN),
                              .split_column = gf_settings_text(s, GF_SET_DATA_SPLIT_COLUMN),
                              .labels = {.delimiter = gf_settings_text(s, GF_SET_DATA_LABEL_DELIMITER)},
                              .log = log};
}

/* ---- the index */

/* The classes asked for, in their order, else those of the data. */
static graft_status add_classes(text_set *t, const gf_data_options *o, graft_error *err)
{
    gf_names *classes = &t->set.index->classes;
    for (size_t i = 0; o->classes && i < o->n_classes; i++) GF_TRY(gf_names_add(classes, o->classes[i], err));
    return o->classes ? GRAFT_OK : gf_names_add_all(classes, &t->texts.classes, err);
}

static const char *file_of(const gf_texts *t, const gf_labelled_text *row) { return t->files.item[row->file]; }

static graft_status unknown(const gf_texts *t, const gf_labelled_text *row, uint32_t label, graft_error *err)
{
    return gf_fail(err, GF_E_CSV_LABEL, NULL, "%s:%u: label %s is none of the model's classes", GF_ESC(file_of(t, row)),
                   row->line, GF_ESC(t->classes.item[label]));
}

/* *out: its class in the index or, of several, the number of their set. */
static graft_status number_of(text_set *t, size_t i, uint32_t *out, graft_error *err)
{
    gf_index *index = t->set.index;
    const uint32_t *label;
    size_t n = gf_texts_labels(&t->texts, i, &label);
    uint32_t *number = gf_new_n(n, uint32_t);
    graft_status status = number ? GRAFT_OK : gf_fail_memory(err, n * sizeof *number, "labels");
    for (size_t k = 0; status == GRAFT_OK && k < n; k++) {
        int64_t class = gf_index_class(index, t->texts.classes.item[label[k]]);
        number[k] = (uint32_t) class;
        if (class < 0) status = unknown(&t->texts, &t->texts.row[i], label[k], err);
    }
    if (status == GRAFT_OK && index->sets) status = gf_label_sets_add(index->sets, number, n, out, err);
    if (status == GRAFT_OK && !index->sets) *out = number[0];
    gf_free(number);
    return status;
}

static graft_status add_row(text_set *t, size_t i, graft_error *err)
{
    const gf_labelled_text *row = &t->texts.row[i];
    char name[4096];
    uint32_t class_id;
    GF_TRY(number_of(t, i, &class_id, err));
    snprintf(name, sizeof name, "%s:%u", file_of(&t->texts, row), row->line);
    const struct stat st = {.st_size = (off_t)row->n, .st_ino = (ino_t)i};
    return gf_index_add(t->set.index, name, &st, class_id, (gf_split)row->split, err);
}

/* Of each text, whose digests tell equal ones. */
static graft_status add_contents(text_set *t, graft_error *err)
{
    gf_index *index = t->set.index;
    index->content = gf_new_n(index->n, gf_sha256);
    if (!index->content) return gf_fail_memory(err, index->n * sizeof *index->content, "digests of texts");
    for (uint32_t i = 0; i < index->n; i++) {
        size_t row = (size_t)index->sample[i].inode;
        index->content[i] = gf_sha256_of(gf_texts_text(&t->texts, row), t->texts.row[row].n);
    }
    return GRAFT_OK;
}

typedef struct known_text {
    gf_sha256 content;
    uint64_t row;
    uint32_t sample;
} known_text;

/* Equal texts side by side, each the earliest in the data first. */
static int by_content(const void *a, const void *b)
{
    const known_text *x = a, *y = b;
    int c = memcmp(x->content.byte, y->content.byte, sizeof x->content.byte);
    return c ? c : (x->row > y->row) - (x->row < y->row);
}

/* Where a split was made here, equal texts are on one side of it: a text that is known by heart measures nothing. */
static graft_status join_duplicates(text_set *t, const gf_data_options *o, graft_error *err)
{
    gf_index *index = t->set.index;
    uint32_t moved = 0;
    known_text *all = gf_new_n(index->n, known_text);
    if (!all) return gf_fail_memory(err, index->n * sizeof *all, "the split");
    for (uint32_t i = 0; i < index->n; i++) {
        const gf_sample *s = &index->sample[i];
        size_t n = t->texts.row[s->inode].n;
        all[i] = (known_text){gf_sha256_of(gf_texts_text(&t->texts, s->inode), n), s->inode, i};
    }
    qsort(all, index->n, sizeof *all, by_content);
    for (uint32_t i = 1, first = 0; i < index->n; i++) {
        if (memcmp(all[i].content.byte, all[first].content.byte, sizeof all->content.byte)) first = i;
        uint8_t split = index->sample[all[first].sample].split;
        moved += index->sample[all[i].sample].split != split;
        index->sample[all[i].sample].split = split;
    }
    gf_free(all);
    gf_index_sort(index);
    if (!moved) return GRAFT_OK;
    return gf_note_add(&index->notes, o->log, GF_NOTE, err,
                       "%u texts went to the part that an equal text is in: no part knows another's", moved);
}

static graft_status make_index(text_set *t, const char *path, const gf_data_options *o, graft_error *err)
{
    gf_index *index = t->set.index = gf_new(gf_index);
    uint32_t unlabelled = 0;
    if (!index) return gf_fail_memory(err, sizeof *index, "the data");
    index->root = gf_strdup(path);
    if (!index->root) return gf_fail_memory(err, strlen(path), "the data");
    GF_TRY(add_classes(t, o, err));
    if (t->texts.several) index->sets = gf_new(gf_label_sets);
    if (t->texts.several && !index->sets) return gf_fail_memory(err, sizeof *index->sets, "labels");
    for (size_t i = 0; i < t->texts.n; i++) {
        if (t->texts.row[i].label == GF_NO_LABEL) {
            unlabelled++;
        } else {
            GF_TRY(add_row(t, i, err));
        }
    }
    if (unlabelled) {
        GF_TRY(
            gf_note_add(&index->notes, o->log, GF_WARNING, err, "%u texts have no label and are left out", unlabelled));
    }
    gf_index_sort(index);
    if (index->sets) GF_TRY(gf_index_tell_unlabelled(index, o->log, err));
    GF_TRY(gf_index_split(index, o, err));
    if (!t->texts.parts) GF_TRY(join_duplicates(t, o, err));
    return add_contents(t, err);
}

/* ---- opening */

/* Rows that cannot be used: as images that cannot. */
static graft_status judge_bad(text_set *t, const char *path, const gf_data_options *o, graft_error *err)
{
    const gf_texts *x = &t->texts;
    t->set.n_bad = x->n_bad;
    if (!x->n_bad) return GRAFT_OK;
    double share = (double)x->n_bad / (double)(x->n + x->n_bad);
    if (o->bad_images == GF_BAD_SKIP && share <= o->max_bad) {
        gf_log_say(o->log, GF_WARNING, "%zu rows that cannot be used are left out, the first: %s", x->n_bad,
                   x->bad[0].message);
        return GRAFT_OK;
    }
    return gf_fail(err, GF_E_TEXT_ROWS, "--bad-images skip leaves out up to --max-bad of them",
                   "%s: %zu rows cannot be used, the first: %s", GF_ESC(path), x->n_bad, x->bad[0].message);
}

static void close_set(gf_dataset *d)
{
    text_set *t = (text_set *)d;
    gf_index_free(d->index);
    gf_texts_free(&t->texts);
    gf_free(t);
}

static graft_status check_classes(const text_set *t, const char *path, const gf_data_options *o, graft_error *err)
{
    const gf_names *classes = &t->set.index->classes;
    if (!t->set.index->n) {
        return gf_fail(err, GF_E_DATA_NO_IMAGES, "--label-column says where labels are", "%s: no text has a label",
                       GF_ESC(path));
    }
    if (classes->n >= o->least_classes) return GRAFT_OK;
    return gf_fail(err, GF_E_DATA_ONE_CLASS, NULL, "%s: holds the class \"%s\" alone: there is nothing to tell apart",
                   GF_ESC(path), classes->n ? GF_ESC(classes->item[0]) : "");
}

static bool suits(const char *path, const gf_data_options *o)
{
    return gf_settings_given(o->settings, GF_SET_DATA_TEXT_COLUMN) || gf_texts_are(path);
}

static graft_status open_set(gf_dataset **out, const char *path, const gf_data_options *o, gf_pool *pool,
                             graft_error *err)
{
    (void)pool;
    *out = NULL;
    text_set *t = gf_new(text_set);
    if (!t) return gf_fail_memory(err, sizeof *t, "the data");
    t->set.cls = &gf_dataset_texts;
    gf_texts_options options = gf_texts_options_of(o->settings, o->log);
    options.labels.wanted = o->labels;
    options.labels.known = o->classes;
    options.labels.n_known = o->n_classes;
    graft_status status = GRAFT_OK;
    GF_GOTO(gf_data_options_check(o, err));
    if (o->weight_column) GF_GOTO(gf_layout_no_column(path, err));
    GF_GOTO(gf_texts_read(&t->texts, path, &options, err));
    GF_GOTO(judge_bad(t, path, o, err));
    GF_GOTO(make_index(t, path, o, err));
    GF_GOTO(check_classes(t, path, o, err));
    *out = &t->set;
out:
    if (status != GRAFT_OK) close_set(&t->set);
    return status;
}

/* ---- as samples */

static graft_status feed_open(gf_data_feed *f, graft_error *err)
{
    if (gf_augment_any(&f->augment)) {
        return gf_fail(err, GF_E_OPTION_VALUE, "--augment none", "random changes are of images, the data are texts");
    }
    if (!f->own) f->own = gf_new_n(f->threads, gf_pieces);
    return f->own ? GRAFT_OK : gf_fail_memory(err, f->threads * sizeof(gf_pieces), "texts");
}

static void feed_close(gf_data_feed *f)
{
    for (size_t i = 0; f->own && i < f->threads; i++) gf_pieces_free((gf_pieces *)f->own + i);
    gf_free(f->own);
}

static graft_status fill(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                         graft_error *err)
{
    const gf_data_feed *f = ctx;
    const text_set *t = (const text_set *)f->data;
    const gf_sample *s = &f->data->index->sample[q->sample];
    const gf_labelled_text *row = &t->texts.row[s->inode];
    if (target) *(gf_class_target *)target = gf_target_of(s->class_id);
    return gf_tokenizer_put(t->tokenizer, gf_texts_text(&t->texts, (size_t)s->inode), row->n,
                            (gf_pieces *)f->own + q->worker, dst[0], gf_count(&in[0].shape), NULL, err);
}

/* ---- for people */

static graft_status show(gf_data_feed *f, uint32_t sample, bool changed, uint32_t epoch, gf_shown *out,
                         graft_error *err)
{
    enum { SHOWN = 400 }; /* bytes */
    (void)changed, (void)epoch;
    const text_set *t = (const text_set *)f->data;
    size_t row = (size_t)f->data->index->sample[sample].inode, n = t->texts.row[row].n;
    const char *text = gf_texts_text(&t->texts, row);
    bool cut = n > SHOWN;
    if (cut) n = SHOWN;
    while (cut && n && ((uint8_t)text[n] & 0xc0) == 0x80) n--; /* not within a character */
    out->text = gf_sprintf("%.*s%s", (int)n, text, cut ? " ..." : "");
    return out->text ? GRAFT_OK : gf_fail_memory(err, n, "a text of the report");
}

const gf_dataset_class gf_dataset_texts = {
    .name = "texts",
    .samples = "texts",
    .length = "pieces",
    .makes = "A text classifier",
    .pipeline = "text-classification",
    .suits = suits,
    .open = open_set,
    .close = close_set,
    .feed_open = feed_open,
    .feed_close = feed_close,
    .fill = fill,
    .show = show,
};
