/* write.c - a set of annotations into a new folder. */
#include "annotations/write.h"

#include "annotations/format.h"
#include "data/load.h"
#include "data/paths.h"

#include <stdlib.h>
#include <string.h>

const char *gf_writer_name(const gf_annotation_writer *w, size_t image) { return w->name.item[image]; }

const char *gf_writer_split(const gf_annotation_writer *w, size_t image)
{
    static const char *const name[] = {"train", "valid", "test"};
    uint8_t split = w->set->image[image].split;
    return split == GF_NO_SPLIT ? "" : name[split];
}

bool gf_writer_has(const gf_annotation_writer *w, uint8_t split)
{
    for (size_t i = 0; i < w->set->images; i++)
        if (w->set->image[i].split == split) return true;
    return false;
}

/* ---- names */

static int by_stem(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    size_t n = gf_stem_length(x), m = gf_stem_length(y);
    int order = strncmp(x, y, n < m ? n : m);
    return order ? order : n < m ? -1 : n > m;
}

static graft_status are_flat(const gf_annotations *set, bool *flat, graft_error *err)
{
    const char **base = gf_new_n(set->images, const char *);
    if (!base) return gf_fail_memory(err, set->images * sizeof *base, "names of images");
    for (size_t i = 0; i < set->images; i++) base[i] = gf_base_name(gf_annotations_path(set, i));
    qsort(base, set->images, sizeof *base, by_stem);
    *flat = true;
    for (size_t i = 1; i < set->images && *flat; i++) *flat = by_stem(&base[i - 1], &base[i]) != 0;
    gf_free(base);
    return GRAFT_OK;
}

graft_status gf_flat_names(gf_names *out, const gf_annotations *set, bool *flat, graft_error *err)
{
    bool are = true;
    GF_TRY(are_flat(set, &are, err));
    if (flat) *flat = are;
    for (size_t i = 0; i < set->images; i++) {
        const char *path = gf_annotations_path(set, i);
        GF_TRY(gf_names_add(out, are ? gf_base_name(path) : path, err));
        if (are) continue;
        for (char *c = out->item[i]; *c; c++)
            if (*c == '/') *c = '_';
    }
    return GRAFT_OK;
}

/* ---- files */

/* The whole path of a file below the folder; frees `relative`. */
static graft_status file_path(const gf_annotation_writer *w, char *relative, char **out, graft_error *err)
{
    *out = relative ? gf_path_join(w->folder, relative) : NULL;
    gf_free(relative);
    if (!*out) return gf_fail_memory(err, 1, w->folder);
    char *slash = strrchr(*out, '/');
    *slash = 0;
    graft_status status = gf_make_dirs(*out, err);
    *slash = '/';
    if (status == GRAFT_OK) return GRAFT_OK;
    gf_free(*out);
    *out = NULL;
    return status;
}

graft_status gf_writer_text(const gf_annotation_writer *w, const gf_text *text, char *relative, graft_error *err)
{
    char *path;
    GF_TRY(file_path(w, relative, &path, err));
    const gf_bytes part = {text->s, text->n};
    graft_status status =
        text->failed ? gf_fail_memory(err, text->n, path) : gf_file_write(path, &part, text->n ? 1 : 0, err);
    gf_free(path);
    return status;
}

static graft_status copy(const gf_annotation_writer *w, size_t image, const char *to, graft_error *err)
{
    char *from = gf_path_join(w->set->root, gf_annotations_path(w->set, image));
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (!from) return gf_fail_memory(err, 1, w->set->root);
    graft_status status = gf_file_read(from, GF_IMAGE_FILE_MAX, &bytes, &n, err);
    gf_free(from);
    if (status == GRAFT_OK) {
        gf_sha256 now = gf_sha256_of(bytes, n);
        if (memcmp(&now, &w->set->image[image].content, sizeof now) != 0)
            status = gf_fail(err, GF_E_DATA_CHANGED, NULL, "%s changed while its labels were converted",
                             GF_ESC(gf_annotations_path(w->set, image)));
    }
    const gf_bytes part = {bytes, n};
    if (status == GRAFT_OK) status = gf_file_write(to, &part, 1, err);
    gf_free(bytes);
    return status;
}

graft_status gf_writer_image(const gf_annotation_writer *w, size_t image, char *relative, graft_error *err)
{
    char *path;
    if (w->labels_only) {
        gf_free(relative);
        return GRAFT_OK;
    }
    GF_TRY(file_path(w, relative, &path, err));
    graft_status status = copy(w, image, path, err);
    gf_free(path);
    return status;
}

graft_status gf_new_folder(const char *folder, graft_error *err)
{
    gf_names names = {0};
    GF_TRY(gf_make_dirs(folder, err));
    graft_status status = gf_dir_list(folder, &names, err);
    size_t there = names.n;
    gf_names_free(&names);
    GF_TRY(status);
    return there ? gf_fail(err, GF_E_OUT_EXISTS, "name a new folder", "%s is not empty", GF_ESC(folder)) : GRAFT_OK;
}

/* The folder is made, so that its real path can be asked for. */
static graft_status check_folder(const gf_annotations *set, const char *folder, graft_error *err)
{
    char *root;
    GF_TRY(gf_new_folder(folder, err));
    if (!set->root) return GRAFT_OK;
    GF_TRY(gf_real_path(set->root, &root, err));
    bool inside = gf_is_inside(root, folder);
    gf_free(root);
    if (!inside) return GRAFT_OK;
    return gf_fail(err, GF_E_OUT_EXISTS, "name a folder outside of the data",
                   "%s is in the folder of the data, which is never written to", GF_ESC(folder));
}

graft_status gf_annotations_write(const gf_annotations *set, const gf_annotation_format *format, const char *folder,
                                  bool labels_only, graft_error *err)
{
    gf_annotation_writer w = {.set = set, .folder = folder, .labels_only = labels_only};
    graft_status status = check_folder(set, folder, err);
    if (status == GRAFT_OK) status = gf_flat_names(&w.name, set, &w.flat, err);
    if (status == GRAFT_OK) status = format->write_all(&w, err);
    gf_names_free(&w.name);
    return status;
}
