/* files.c - which files a folder has, and which image a label means. */
#include "annotations/build.h"
#include "base/sys.h"
#include "data/names.h"
#include "data/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_DEPTH = 32, MAX_FILES = 5000000 };

bool gf_has_ending(const char *path, const char *extension)
{
    const char *dot = strrchr(gf_base_name(path), '.');
    return dot && !strcasecmp(dot + 1, extension);
}

const char *gf_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

size_t gf_stem_length(const char *base)
{
    const char *dot = strrchr(base, '.');
    return dot && dot != base ? (size_t)(dot - base) : strlen(base);
}

/* ---- finding */

static bool may_label(const char *name)
{
    static const char *const ending[] = {"xml", "json", "txt", "yaml", "yml", "csv", "names"};
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        if (gf_has_ending(name, ending[i])) return true;
    return false;
}

static graft_status take(gf_label_files *f, const char *relative, int depth, graft_error *err);

static graft_status walk(gf_label_files *f, const char *relative, int depth, graft_error *err)
{
    gf_names names = {0};
    char *path = *relative ? gf_path_join(f->root, relative) : gf_strdup(f->root);
    graft_status status = path ? gf_dir_list(path, &names, err) : gf_fail_memory(err, strlen(relative), f->root);
    for (size_t i = 0; i < names.n && status == GRAFT_OK; i++) {
        if (gf_name_is_litter(names.item[i])) continue;
        char *child = *relative ? gf_path_join(relative, names.item[i]) : gf_strdup(names.item[i]);
        status = child ? take(f, child, depth + 1, err) : gf_fail_memory(err, strlen(relative), f->root);
        gf_free(child);
    }
    gf_names_free(&names);
    gf_free(path);
    return status;
}

static graft_status take(gf_label_files *f, const char *relative, int depth, graft_error *err)
{
    bool image = gf_name_is_image(relative), label = !f->only && may_label(relative);
    if (image || label) {
        if (f->image.n + f->file.n == MAX_FILES)
            return gf_fail(err, GF_E_DATA_TOO_MANY, NULL, "%s: more than %d files", GF_ESC(f->root), MAX_FILES);
        return gf_names_add(image ? &f->image : &f->file, relative, err);
    }
    char *path = gf_path_join(f->root, relative);
    struct stat st;
    if (!path) return gf_fail_memory(err, strlen(relative), f->root);
    bool folder = !gf_sys_lstat(path, &st) && S_ISDIR(st.st_mode);
    gf_free(path);
    if (!folder) return GRAFT_OK;
    if (depth > MAX_DEPTH)
        return gf_fail(err, GF_E_DATA_TOO_DEEP, NULL, "%s: more than %d folders deep", GF_ESC(relative), MAX_DEPTH);
    return walk(f, relative, depth, err);
}

static int by_base_name(const void *a, const void *b, void *ctx)
{
    const gf_label_files *f = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int order = strcmp(gf_base_name(f->image.item[x]), gf_base_name(f->image.item[y]));
    return order ? order : x < y ? -1 : x > y;
}

static graft_status sort(gf_label_files *f, graft_error *err)
{
    gf_names_sort(&f->file);
    gf_names_sort(&f->image);
    f->by_name = gf_new_n(f->image.n, uint32_t);
    if (!f->by_name) return gf_fail_memory(err, f->image.n * sizeof *f->by_name, f->root);
    for (uint32_t i = 0; i < f->image.n; i++) f->by_name[i] = i;
    qsort_r(f->by_name, f->image.n, sizeof *f->by_name, by_base_name, f);
    return GRAFT_OK;
}

static graft_status find(gf_label_files *f, const char *path, bool images, graft_error *err)
{
    const char *base = gf_base_name(path);
    struct stat st;
    if (gf_sys_stat(path, &st)) return gf_fail_errno(err, GF_E_DATA_NOT_FOUND, errno, "cannot be read", path);
    if (S_ISDIR(st.st_mode)) {
        f->root = gf_strdup(path);
    } else {
        f->root = base == path ? gf_strdup(".") : gf_strndup(path, base - path > 1 ? (size_t)(base - path - 1) : 1);
        f->only = gf_strdup(base);
        if (!f->only) return gf_fail_memory(err, strlen(path), path);
        GF_TRY(gf_names_add(&f->file, base, err));
    }
    if (!f->root) return gf_fail_memory(err, strlen(path), path);
    if (images || !f->only) GF_TRY(walk(f, "", 0, err));
    return sort(f, err);
}

graft_status gf_label_files_find(gf_label_files *out, const char *path, bool images, graft_error *err)
{
    *out = (gf_label_files){0};
    graft_status status = find(out, path, images, err);
    if (status != GRAFT_OK) gf_label_files_free(out);
    return status;
}

void gf_label_files_free(gf_label_files *f)
{
    gf_free(f->root);
    gf_free(f->only);
    gf_names_free(&f->file);
    gf_names_free(&f->image);
    gf_free(f->by_name);
    *f = (gf_label_files){0};
}

/* ---- reading */

graft_status gf_label_file_read(const gf_label_files *f, const char *file, uint8_t **bytes, size_t *n, graft_error *err)
{
    char *path = gf_path_join(f->root, file);
    if (!path) return gf_fail_memory(err, strlen(file), file);
    graft_status status = gf_file_read(path, GF_LABEL_FILE_MOST, bytes, n, err);
    gf_free(path);
    return status;
}

graft_status gf_label_file_begin(const gf_label_files *f, const char *file, char buf[GF_LABEL_BEGIN + 1], size_t *n,
                                 graft_error *err)
{
    char *path = gf_path_join(f->root, file);
    *n = 0;
    if (!path) return gf_fail_memory(err, strlen(file), file);
    graft_status status = gf_file_read_begin(path, (uint8_t *)buf, GF_LABEL_BEGIN, n, err);
    gf_free(path);
    buf[status == GRAFT_OK ? *n : 0] = 0;
    return status;
}

/* ---- pairing */

static bool is_slash(char c) { return c == '/' || c == '\\'; }

/* How many of the last components of the two paths are equal. */
static size_t last_in_common(const char *path, const char *wanted)
{
    size_t n = 0, i = strlen(path), k = strlen(wanted);
    while (i && k) {
        size_t from = i, wanted_from = k;
        while (from && path[from - 1] != '/') from--;
        while (wanted_from && !is_slash(wanted[wanted_from - 1])) wanted_from--;
        if (i - from != k - wanted_from || memcmp(path + from, wanted + wanted_from, i - from) != 0) break;
        n++;
        i = from ? from - 1 : 0;
        k = wanted_from ? wanted_from - 1 : 0;
    }
    return n;
}

/* How many of the first folders of the two paths are equal; of two in one folder, one more than there are. */
static size_t first_in_common(const char *a, const char *b)
{
    size_t n = 0;
    for (;;) {
        const char *x = strchr(a, '/'), *y = strchr(b, '/');
        if (!x || !y) return n + (!x && !y);
        if (x - a != y - b || memcmp(a, b, (size_t)(x - a)) != 0) return n;
        n++;
        a = x + 1;
        b = y + 1;
    }
}

/* The first image in by_name whose last component's first n bytes are not below `base`. */
static size_t lower_bound(const gf_label_files *f, const char *base, size_t n)
{
    size_t low = 0, high = f->image.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strncmp(gf_base_name(f->image.item[f->by_name[middle]]), base, n) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

gf_found gf_find_image(const gf_label_files *f, const char *label, const char *wanted, bool whole, size_t *image)
{
    enum { COMPONENT = 1 << 20 };
    const char *base = wanted;
    for (const char *c = wanted; *c; c++)
        if (is_slash(*c)) base = c + 1;
    size_t n = strlen(base), best = 0;
    gf_found found = GF_FOUND_NONE;
    for (size_t i = lower_bound(f, base, n); n && i < f->image.n; i++) {
        const char *path = f->image.item[f->by_name[i]], *name = gf_base_name(path);
        if (strncmp(name, base, n) != 0) break;
        if (whole ? name[n] != 0 : gf_stem_length(name) != n) continue;
        size_t score = first_in_common(path, label) + (whole ? last_in_common(path, wanted) * COMPONENT : 0);
        if (found != GF_FOUND_NONE && score < best) continue;
        found = found == GF_FOUND_NONE || score > best ? GF_FOUND_ONE : GF_FOUND_SEVERAL;
        best = score;
        *image = f->by_name[i];
    }
    return found;
}

static uint8_t split_of_word(const char *s, size_t n)
{
    char name[256];
    if (!n || n >= sizeof name) return GF_NO_SPLIT;
    memcpy(name, s, n);
    name[n] = 0;
    gf_part_kind kind = gf_part_of_name(name);
    return kind == GF_PART_NONE || kind == GF_PART_UNLABELLED ? GF_NO_SPLIT : (uint8_t)gf_part_split(kind);
}

/* "instances_train2017": one of the words between signs. */
static uint8_t split_of_file(const char *base)
{
    size_t n = gf_stem_length(base);
    uint8_t split = split_of_word(base, n);
    for (size_t i = 0; i < n && split == GF_NO_SPLIT;) {
        size_t length = strcspn(base + i, "_-. ");
        if (length > n - i) length = n - i;
        split = split_of_word(base + i, length);
        i += length + 1;
    }
    return split;
}

uint8_t gf_split_of_path(const char *path, bool file_too)
{
    uint8_t split = GF_NO_SPLIT;
    const char *c = path;
    for (const char *slash; (slash = strchr(c, '/')) && split == GF_NO_SPLIT; c = slash + 1)
        split = split_of_word(c, (size_t)(slash - c));
    return split == GF_NO_SPLIT && file_too ? split_of_file(gf_base_name(path)) : split;
}
