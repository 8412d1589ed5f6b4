#include "formats/weights.h"

#include "base/alloc.h"
#include "formats/stranger.h"
#include "formats/weight_format.h"

#include <string.h>

/* A weight file that has been read but not yet believed. */
typedef struct source {
    const gf_weights_options *options;
    gf_weight_reading r;
    gf_caged_answer caged;
} source;

void gf_weights_notes_free(gf_weights_notes *notes)
{
    gf_names_free(&notes->left_out);
    gf_free(notes->taken);
    gf_free(notes->why);
    *notes = (gf_weights_notes){0};
}

/* ---- zip archives ---- */

bool gf_is_zip_of(const uint8_t *file, size_t n, bool (*kind)(const gf_zip *zip))
{
    gf_zip zip;
    if (!gf_zip_looks(file, n) || gf_zip_open(&zip, file, n, "", NULL, NULL) != GRAFT_OK) return false;
    bool is = kind(&zip);
    gf_zip_close(&zip);
    return is;
}

static bool is_unchecked(const uint8_t *file, size_t n) { return gf_is_zip_of(file, n, gf_zip_unchecked); }

void gf_weights_words(gf_text *text)
{
    for (size_t i = 0; gf_weight_format_at(i); i++) {
        gf_text_printf(text, "%s - %s\n", gf_weight_format_at(i)->files, gf_weight_format_at(i)->name);
    }
}

/* ---- what is read in a cage ---- */

/* Packed archives: weights as floats hardly pack, and besides what is wanted a file may hold an optimizer's. */
static size_t may_unpack(size_t size, const gf_weight *want, size_t n)
{
    size_t bytes = ((size_t)64 << 20) + 4 * size;
    for (size_t i = 0; i < n; i++) bytes += 8 * sizeof(float) * gf_count(&want[i].shape);
    return bytes;
}

static graft_status read_caged(source *s, gf_weights_reply reply, graft_error *err)
{
    gf_weight_reading *r = &s->r;
    const uint8_t **values = gf_new_n(r->n, const uint8_t *);
    if (!values) return gf_fail_memory(err, r->n * sizeof *values, "a list of tensors");
    const gf_caged_file caged = {r->file, r->size, r->path, reply,
                                 gf_zip_looks(r->file, r->size) ? may_unpack(r->size, r->want, r->n) : 0};
    graft_status status = gf_caged_weights(&caged, r->want, r->n, s->options, &r->found, values, &s->caged, err);
    for (size_t i = 0; i < r->n && status == GRAFT_OK; i++) { /* its reader has converted them */
        r->places[i] = (gf_weight_place){values[i], GF_F32, gf_view_plain(&r->want[i].shape)};
    }
    gf_free(values);
    return status;
}

/* ---- the common end ---- */

enum { LISTED = 5 };

/* Counts values that are not finite, through a buffer, so that the caller's is not touched before all is well. */
static graft_status check_finite(const source *s, const gf_weight *want, size_t n, size_t *total, graft_error *err)
{
    size_t largest = 0, tensors = 0;
    for (size_t i = 0; i < n; i++) {
        if (gf_count(&want[i].shape) > largest) largest = gf_count(&want[i].shape);
    }
    float *buffer = gf_alloc_raw(largest, sizeof *buffer);
    if (!buffer) return gf_fail_memory(err, largest * sizeof *buffer, s->r.path);
    gf_text list = {0};
    for (size_t i = 0; i < n; i++) {
        size_t count = gf_count(&want[i].shape);
        gf_view_f32(s->r.places[i].bytes, s->r.places[i].dtype, &s->r.places[i].view, buffer);
        size_t bad = gf_count_nonfinite(buffer, count);
        *total += bad;
        if (bad && tensors++ < LISTED) {
            gf_text_printf(&list, "%s%s/%s (%zu of %zu)", list.n ? ", " : "", want[i].layer, want[i].var, bad, count);
        }
    }
    gf_free(buffer);
    graft_status status = GRAFT_OK;
    if (list.failed) {
        status = gf_fail_memory(err, 0, s->r.path);
    } else if (*total && !(s->options && s->options->allow_nonfinite)) {
        status = gf_fail(err, GF_E_WEIGHTS_NONFINITE, "--allow-nonfinite takes them all the same",
                         "%s: %zu values in %zu tensors are NaN or infinite: %s%s", GF_ESC(s->r.path), *total, tensors,
                         GF_ESC(list.s), tensors > LISTED ? " and more" : "");
    }
    gf_text_free(&list);
    return status;
}

static graft_status note_left_out(const gf_found *found, gf_names *names, graft_error *err)
{
    for (size_t i = 0; i < found->n; i++) {
        const gf_found_tensor *t = &found->item[i];
        if (t->want >= 0) continue;
        char *line = gf_sprintf("%s %s", t->path, GF_SHAPE_TEXT(&t->shape));
        if (!line) return gf_fail_memory(err, strlen(t->path), "a list of tensors");
        graft_status status = gf_names_add(names, line, err);
        gf_free(line);
        GF_TRY(status);
    }
    return GRAFT_OK;
}

/* What the notes say of a file that is believed. */
static graft_status fill_notes(source *s, const gf_weight_format *format, size_t nonfinite, gf_weights_notes *notes,
                               graft_error *err)
{
    notes->format = format->name;
    notes->nonfinite = nonfinite;
    notes->uncaged = s->caged.uncaged;
    notes->unchecked = is_unchecked(s->r.file, s->r.size);
    notes->taken = s->r.found.taken;
    notes->why = s->r.found.why;
    s->r.found.taken = s->r.found.why = NULL;
    return note_left_out(&s->r.found, &notes->left_out, err);
}

static graft_status read_file(source *s, gf_weight *want, gf_weights_notes *notes, graft_error *err)
{
    gf_weight_reading *r = &s->r;
    const gf_weight_format *f = gf_weight_format_find(r->file, r->size);
    if (!f) return gf_stranger_refuse(r->path, r->file, r->size, GF_STRANGER_WEIGHTS, err);
    graft_status status = f->reply ? read_caged(s, f->reply, err) : f->read(r, err);
    for (size_t i = 0; i < r->found.n; i++) {
        if (r->found.item[i].want >= 0) want[r->found.item[i].want].found = true;
    }
    size_t nonfinite = 0;
    if (status == GRAFT_OK) status = check_finite(s, want, r->n, &nonfinite, err);
    if (status == GRAFT_OK && notes) status = fill_notes(s, f, nonfinite, notes, err);
    for (size_t i = 0; i < r->n && status == GRAFT_OK; i++) {
        gf_view_f32(r->places[i].bytes, r->places[i].dtype, &r->places[i].view, want[i].data);
    }
    if (f->close) f->close(r);
    return status;
}

/* The file that the path stands for in one of the formats, else the path itself (gf_free). */
static graft_status locate(const char *path, char **file, graft_error *err)
{
    *file = NULL;
    for (size_t i = 0; gf_weight_format_at(i) && !*file; i++) {
        const gf_weight_format *f = gf_weight_format_at(i);
        if (f->locate) GF_TRY(f->locate(path, file, err));
    }
    if (!*file) *file = gf_strdup(path);
    return *file ? GRAFT_OK : gf_fail_memory(err, strlen(path), "a path");
}

static graft_status read_at(const char *path, gf_weight *want, size_t n, const gf_weights_options *options,
                            gf_weights_notes *notes, graft_error *err)
{
    uint8_t *file;
    size_t size, limit = options && options->max_bytes ? options->max_bytes : (size_t)4 << 30;
    for (size_t i = 0; i < n; i++) want[i].found = false;
    GF_TRY(gf_file_read(path, limit, &file, &size, err));
    source s = {.options = options, .r = {.path = path, .file = file, .size = size, .want = want, .n = n}};
    s.r.which = gf_new_n(n, int32_t);
    s.r.places = gf_new_n(n, gf_weight_place);
    graft_status status = s.r.which && s.r.places ? read_file(&s, want, notes, err)
                                                  : gf_fail_memory(err, n * sizeof *s.r.places, "a list of tensors");
    gf_free(s.caged.reply);
    gf_found_free(&s.r.found);
    gf_free(s.r.which);
    gf_free(s.r.places);
    gf_free(file);
    return status;
}

graft_status gf_weights_read(const char *path, gf_weight *want, size_t n, const gf_weights_options *options,
                             gf_weights_notes *notes, graft_error *err)
{
    char *file;
    GF_TRY(locate(path, &file, err));
    graft_status status = read_at(file, want, n, options, notes, err);
    gf_free(file);
    return status;
}
