#include "formats/weights.h"

#include "base/alloc.h"
#include "formats/found.h"
#include "formats/keras_h5.h"
#include "formats/keras_zip.h"
#include "formats/npz.h"
#include "formats/safetensors.h"
#include "formats/stranger.h"
#include "formats/torch.h"
#include "formats/torch_child.h"
#include "formats/torch_view.h"
#include "formats/wanted_names.h"
#include "json/json.h"

#include <string.h>

/* Where a wanted tensor's values stand, and as what; the view is that of C order where the file's is. */
typedef struct place {
    const uint8_t *bytes;
    gf_dtype dtype;
    gf_view view;
} place;

/* A weight file that has been read but not yet believed. */
typedef struct source {
    const char *path;
    const gf_weights_options *options;
    gf_found found;
    int32_t *which; /* for each wanted tensor its index in found */
    place *values;
    gf_caged_answer caged;
    gf_safetensors st;
    bool uncaged;
} source;

void gf_weights_notes_free(gf_weights_notes *notes)
{
    gf_names_free(&notes->left_out);
    gf_free(notes->taken);
    gf_free(notes->why);
    *notes = (gf_weights_notes){0};
}

/* ---- Keras HDF5 ---- */

static bool looks_like_h5(const uint8_t *file, size_t n)
{
    static const char signature[8] = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
    return n >= sizeof signature && !memcmp(file, signature, sizeof signature);
}

/* ---- zip archives ---- */

/* Is it a whole archive of this kind? */
static bool looks_like_zip_of(const uint8_t *file, size_t n, bool (*kind)(const gf_zip *zip))
{
    gf_zip zip;
    if (!gf_zip_looks(file, n) || gf_zip_open(&zip, file, n, "", NULL, NULL) != GRAFT_OK) return false;
    bool is = kind(&zip);
    gf_zip_close(&zip);
    return is;
}

static bool looks_like_keras(const uint8_t *file, size_t n) { return looks_like_zip_of(file, n, gf_keras_zip_is); }
static bool looks_like_npz(const uint8_t *file, size_t n) { return looks_like_zip_of(file, n, gf_npz_is); }
static bool is_unchecked(const uint8_t *file, size_t n) { return looks_like_zip_of(file, n, gf_zip_unchecked); }

/* ---- safetensors ---- */

static bool looks_like_safetensors(const uint8_t *file, size_t n)
{
    uint64_t length = 0;
    if (n >= 10) memcpy(&length, file, sizeof length);
    return n >= 10 && file[8] == '{' && length >= 2 && length < 1ull << 40;
}

static graft_status list_safetensors(source *s, const gf_weight *want, size_t n, graft_error *err)
{
    for (size_t i = 0; i < s->st.n; i++) {
        const gf_safetensors_tensor *t = &s->st.tensor[i];
        gf_found_tensor *f;
        GF_TRY(gf_found_add(&s->found, t->name, NULL, &f, err));
        bool floats = t->dtype == GF_F32 || t->dtype == GF_F16 || t->dtype == GF_BF16 || t->dtype == GF_F64;
        f->shape = t->shape;
        f->dtype = floats ? t->dtype : GF_DTYPES;
    }
    return gf_wanted_match(&s->found, want, n, err);
}

/* A run of graft's says of what architecture it is. */
static graft_status judge_safetensors(const source *s, const gf_weight *want, size_t n, graft_error *err)
{
    graft_error why = {0};
    graft_status status = gf_found_judge(s->path, &s->found, want, n, s->which, &why);
    if (status == GRAFT_OK) return status;
    const char *facts = gf_safetensors_meta(&s->st, "graft.model");
    gf_json *j = NULL;
    bool read = facts && gf_json_parse(&j, facts, strlen(facts), s->path, NULL) == GRAFT_OK;
    const char *architecture = read ? gf_json_str(gf_json_get(j, "architecture"), NULL) : NULL;
    char *hint = architecture ? gf_sprintf("this is a run of graft, of %s: give --model %s, or the run as the model",
                                           GF_ESC(architecture), GF_ESC(architecture))
                              : NULL;
    gf_json_free(j);
    status = gf_fail(err, (gf_errno)why.number, hint ? hint : why.hint, "%s", why.message);
    gf_free(hint);
    return status;
}

static graft_status read_safetensors(source *s, const uint8_t *file, size_t size, const gf_weight *want, size_t n,
                                     graft_error *err)
{
    GF_TRY(gf_safetensors_parse(&s->st, file, size, s->path, NULL, err));
    GF_TRY(list_safetensors(s, want, n, err));
    for (size_t i = 0; i < s->found.n; i++) {
        gf_found_tensor *f = &s->found.item[i];
        const gf_safetensors_tensor *t = &s->st.tensor[i];
        if (f->want < 0) continue;
        gf_view plain = gf_view_plain(&t->shape), view = plain;
        if (f->transposed) gf_view_turn(&plain, &want[f->want], &view, &f->shape);
        s->values[f->want] = (place){gf_safetensors_bytes(&s->st, t), t->dtype, view};
    }
    return judge_safetensors(s, want, n, err);
}

/* ---- what is read in a cage ---- */

/* Packed archives: weights as floats hardly pack, and besides what is wanted a file may hold an optimizer's. */
static size_t may_unpack(size_t size, const gf_weight *want, size_t n)
{
    size_t bytes = ((size_t)64 << 20) + 4 * size;
    for (size_t i = 0; i < n; i++) bytes += 8 * sizeof(float) * gf_count(&want[i].shape);
    return bytes;
}

static graft_status read_caged(source *s, gf_weights_reply reply, const uint8_t *file, size_t size,
                               const gf_weight *want, size_t n, graft_error *err)
{
    const uint8_t **values = gf_new_n(n, const uint8_t *);
    if (!values) return gf_fail_memory(err, n * sizeof *values, "a list of tensors");
    const gf_caged_file caged = {file, size, s->path, reply, gf_zip_looks(file, size) ? may_unpack(size, want, n) : 0};
    graft_status status = gf_caged_weights(&caged, want, n, s->options, &s->found, values, &s->caged, err);
    for (size_t i = 0; i < n && status == GRAFT_OK; i++) {
        s->values[i] = (place){values[i], GF_F32, gf_view_plain(&want[i].shape)}; /* its reader has converted them */
    }
    gf_free(values);
    s->uncaged = s->caged.uncaged;
    return status;
}

/* ---- formats by what a file begins with ---- */

static const struct format {
    const char *name;
    bool (*looks)(const uint8_t *file, size_t n);
    gf_weights_reply reply; /* the caged reader; NULL: it is read here, as safetensors */
} format_row[] = {
    {"Keras HDF5", looks_like_h5, gf_keras_h5_reply}, {"Keras zip", looks_like_keras, gf_keras_zip_reply},
    {"NumPy zip", looks_like_npz, gf_npz_reply},      {"PyTorch", gf_torch_looks, gf_torch_reply},
    {"safetensors", looks_like_safetensors, NULL},
};

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
    if (!buffer) return gf_fail_memory(err, largest * sizeof *buffer, s->path);
    gf_text list = {0};
    for (size_t i = 0; i < n; i++) {
        size_t count = gf_count(&want[i].shape);
        gf_view_f32(s->values[i].bytes, s->values[i].dtype, &s->values[i].view, buffer);
        size_t bad = gf_count_nonfinite(buffer, count);
        *total += bad;
        if (bad && tensors++ < LISTED) {
            gf_text_printf(&list, "%s%s/%s (%zu of %zu)", list.n ? ", " : "", want[i].layer, want[i].var, bad, count);
        }
    }
    gf_free(buffer);
    graft_status status = GRAFT_OK;
    if (list.failed) {
        status = gf_fail_memory(err, 0, s->path);
    } else if (*total && !(s->options && s->options->allow_nonfinite)) {
        status = gf_fail(err, GF_E_WEIGHTS_NONFINITE, "--allow-nonfinite takes them all the same",
                         "%s: %zu values in %zu tensors are NaN or infinite: %s%s", GF_ESC(s->path), *total, tensors,
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

static graft_status read_file(source *s, const uint8_t *file, size_t size, gf_weight *want, size_t n,
                              gf_weights_notes *notes, graft_error *err)
{
    const struct format *f = NULL;
    for (size_t i = 0; i < sizeof format_row / sizeof *format_row && !f; i++) {
        if (format_row[i].looks(file, size)) f = &format_row[i];
    }
    if (!f) return gf_stranger_refuse(s->path, file, size, GF_STRANGER_WEIGHTS, err);
    graft_status status =
        f->reply ? read_caged(s, f->reply, file, size, want, n, err) : read_safetensors(s, file, size, want, n, err);
    for (size_t i = 0; i < s->found.n; i++) {
        if (s->found.item[i].want >= 0) want[s->found.item[i].want].found = true;
    }
    GF_TRY(status);
    size_t nonfinite = 0;
    GF_TRY(check_finite(s, want, n, &nonfinite, err));
    if (notes) {
        notes->format = f->name;
        notes->nonfinite = nonfinite;
        notes->uncaged = s->uncaged;
        notes->unchecked = is_unchecked(file, size);
        notes->taken = s->found.taken;
        notes->why = s->found.why;
        s->found.taken = s->found.why = NULL;
        GF_TRY(note_left_out(&s->found, &notes->left_out, err));
    }
    for (size_t i = 0; i < n; i++) {
        gf_view_f32(s->values[i].bytes, s->values[i].dtype, &s->values[i].view, want[i].data);
    }
    return GRAFT_OK;
}

graft_status gf_weights_read(const char *path, gf_weight *want, size_t n, const gf_weights_options *options,
                             gf_weights_notes *notes, graft_error *err)
{
    uint8_t *file;
    size_t size, limit = options && options->max_bytes ? options->max_bytes : (size_t)4 << 30;
    for (size_t i = 0; i < n; i++) want[i].found = false;
    GF_TRY(gf_file_read(path, limit, &file, &size, err));
    source s = {.path = path, .options = options};
    s.which = gf_new_n(n, int32_t);
    s.values = gf_new_n(n, place);
    graft_status status = s.which && s.values ? read_file(&s, file, size, want, n, notes, err)
                                              : gf_fail_memory(err, n * sizeof *s.values, "a list of tensors");
    gf_safetensors_close(&s.st);
    gf_free(s.caged.reply);
    gf_found_free(&s.found);
    gf_free(s.which);
    gf_free(s.values);
    gf_free(file);
    return status;
}
