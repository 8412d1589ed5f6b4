#include "data/index.h"

#include "base/decide.h"
#include "base/sys.h"
#include "data/build.h"
#include "data/layouts.h"
#include "data/names.h"
#include "data/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *gf_split_name(gf_split split)
{
    static const char *const name[] = {"train", "validation", "test"};
    return (unsigned)split < GF_SPLITS ? name[split] : "(none)";
}

const char *gf_index_path(const gf_index *index, uint32_t sample)
{
    return index->paths.s + index->sample[sample].path;
}

graft_status gf_index_add(gf_index *index, const char *path, const struct stat *st, uint32_t class_id, gf_split split,
                          graft_error *err)
{
    if (index->n == UINT32_MAX) {
        return gf_fail(err, GF_E_DATA_TOO_MANY, NULL, "more than %u images", UINT32_MAX);
    }
    size_t cap = index->cap;
    bool grown = gf_grow(&index->sample, index->n, &cap);
    if (grown) index->cap = cap < UINT32_MAX ? (uint32_t)cap : UINT32_MAX;
    uint64_t at = index->paths.n;
    gf_text_add_n(&index->paths, path, strlen(path) + 1);
    if (!grown || index->paths.failed) return gf_fail_memory(err, at, "the list of files");
    index->sample[index->n++] = (gf_sample){
        .path = at,
        .size = (uint64_t)st->st_size,
        .mtime = gf_mtime(st),
        .inode = st->st_ino,
        .class_id = class_id,
        .weight = 1,
        .split = (uint8_t)split,
    };
    return GRAFT_OK;
}

void gf_index_count_ignored(gf_index *index, const char *name)
{
    char extension[GF_EXTENSION_MAX + 1];
    gf_name_extension(name, extension, sizeof extension);
    size_t i = 0;
    while (i < index->n_ignored && strcmp(index->ignored[i].name, extension)) i++;
    if (i == index->n_ignored) {
        static const gf_extension_count other = {.name = "(other)"};
        if (i == GF_EXTENSIONS) {
            i--; /* the last one takes all that have no place of their own */
        } else {
            index->n_ignored++;
            index->ignored[i] = other;
            if (i < GF_EXTENSIONS - 1) memcpy(index->ignored[i].name, extension, sizeof extension);
            snprintf(index->ignored[i].first, sizeof index->ignored[i].first, "%s", name);
        }
    }
    index->ignored[i].n++;
}

graft_status gf_index_take(gf_index *index, const gf_log *log, const char *what, const char *as, const char *why,
                           graft_error *err)
{
    if (!gf_grow(&index->taken, index->n_taken, &index->cap_taken)) return gf_fail_memory(err, 64, "notes on the data");
    gf_taken *t = &index->taken[index->n_taken];
    *t = (gf_taken){gf_strdup(what), gf_strdup(as), why != NULL};
    index->n_taken++;
    if (!t->what || !t->as) return gf_fail_memory(err, strlen(what) + strlen(as), "notes on the data");
    if (why) gf_decide(log, GF_ESC(what), GF_ESC(as), "%s", why);
    return GRAFT_OK;
}

void gf_taken_free(gf_taken *taken, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        gf_free(taken[i].what);
        gf_free(taken[i].as);
    }
    gf_free(taken);
}

/* Left out, and what there is of it: "12 .txt, 3 without an ending". */
void gf_index_tell_ignored(const gf_index *index, const gf_log *log)
{
    enum { SHOWN = 8 };
    uint64_t sum = 0, rest = 0;
    gf_text t = {0};
    for (size_t i = 0; i < index->n_ignored; i++) {
        const gf_extension_count *e = &index->ignored[i];
        bool none = !strcmp(e->name, "(none)"), other = !strcmp(e->name, "(other)");
        sum += e->n;
        if (i >= SHOWN || other) {
            rest += e->n;
            continue;
        }
        gf_text_printf(&t, "%s%llu %s%s (%s%s)", t.n ? ", " : "", (unsigned long long)e->n,
                       none ? "without an ending" : ".", none ? "" : GF_ESC(e->name), GF_ESC(e->first),
                       e->n > 1 ? ", ..." : "");
    }
    if (rest) gf_text_printf(&t, "%s%llu others", t.n ? ", " : "", (unsigned long long)rest);
    if (sum) {
        gf_log_say(log, GF_NOTE, "%llu file%s left out, no image by content: %s", (unsigned long long)sum,
                   sum == 1 ? " is" : "s are", t.s ? t.s : "");
    }
    gf_text_free(&t);
}

static int by_split_and_path(const void *a, const void *b, void *paths)
{
    const gf_sample *x = a, *y = b;
    if (x->split != y->split) return x->split < y->split ? -1 : 1;
    return strcmp((char *)paths + x->path, (char *)paths + y->path);
}

static void find_first(gf_index *index)
{
    uint32_t at = 0;
    for (int split = 0; split <= GF_SPLITS; split++) {
        while (at < index->n && index->sample[at].split < split) at++;
        index->first[split] = at;
    }
}

void gf_index_sort(gf_index *index)
{
    if (index->n) qsort_r(index->sample, index->n, sizeof *index->sample, by_split_and_path, index->paths.s);
    find_first(index);
}

int64_t gf_index_class(const gf_index *index, const char *name)
{
    const gf_names *classes = &index->classes;
    size_t low = 0, high = classes->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(classes->item[middle], name);
        if (!order) return (int64_t)middle;
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (size_t i = 0; i < classes->n; i++) { /* a given list need not be sorted */
        if (!strcmp(classes->item[i], name)) return (int64_t)i;
    }
    return -1;
}

typedef struct keyed_name {
    char *key;
    const char *name;
} keyed_name;

static int by_key(const void *a, const void *b)
{
    const keyed_name *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order ? order : strcmp(x->name, y->name);
}

/* Classes that a person would take for one: the data were probably merged from two machines. */
static graft_status warn_of_duplicates(gf_index *index, const gf_log *log, graft_error *err)
{
    size_t n = index->classes.n;
    keyed_name *item = gf_new_n(n, keyed_name);
    if (!item) return gf_fail_memory(err, n * sizeof *item, "class names");
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < n; i++) {
        const char *name = index->classes.item[i];
        item[i] = (keyed_name){gf_alloc(GF_NAME_KEY_GROWTH * strlen(name) + 1, 1), name};
        if (!item[i].key) GF_GOTO(gf_fail_memory(err, strlen(name), "class names"));
        gf_name_key(name, item[i].key);
    }
    qsort(item, n, sizeof *item, by_key);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(item[i - 1].key, item[i].key)) continue;
        GF_GOTO(gf_note_add(&index->notes, log, GF_WARNING, err,
                            "classes '%s' and '%s' differ only in capitals or in how their letters are encoded; "
                            "they are kept apart",
                            GF_ESC(item[i - 1].name), GF_ESC(item[i].name)));
    }
out:
    for (size_t i = 0; i < n; i++) gf_free(item[i].key);
    gf_free(item);
    return status;
}

static graft_status finish(gf_index *index, const char *path, const gf_data_options *options, graft_error *err)
{
    if (!index->n) {
        uint64_t others = 0;
        for (size_t i = 0; i < index->n_ignored; i++) others += index->ignored[i].n;
        return gf_fail(err, GF_E_DATA_NO_IMAGES,
                       "images are told by their content: JPEG, PNG, WebP, GIF, BMP, TIFF, PPM and PGM",
                       "%s: no images found (%llu other files)", GF_ESC(path), (unsigned long long)others);
    }
    gf_sample *fitted = gf_realloc(index->sample, index->n, sizeof *fitted);
    if (fitted) {
        index->sample = fitted;
        index->cap = index->n;
    }
    char *text = gf_realloc(index->paths.s, index->paths.n + 1, 1);
    if (text) {
        index->paths.s = text;
        index->paths.cap = index->paths.n + 1;
    }
    gf_index_sort(index);
    if (options->labels && !index->sets) GF_TRY(gf_index_make_sets(index, err));
    if (index->sets) GF_TRY(gf_index_tell_unlabelled(index, options->log, err));
    GF_TRY(gf_index_split(index, options, err));
    GF_TRY(warn_of_duplicates(index, options->log, err));
    if (index->classes.n == 1) {
        return gf_note_add(&index->notes, options->log, GF_WARNING, err,
                           "only one class (%s): there is nothing to tell apart", GF_ESC(index->classes.item[0]));
    }
    return GRAFT_OK;
}

graft_status gf_index_build(gf_index **out, const char *path, const gf_data_options *options, graft_error *err)
{
    *out = NULL;
    GF_TRY(gf_data_options_check(options, err));
    struct stat st;
    if (gf_sys_stat(path, &st)) return gf_fail_errno(err, GF_E_DATA_NOT_FOUND, errno, "no data there", path);
    gf_index *index = gf_new(gf_index);
    if (!index) return gf_fail_memory(err, sizeof *index, "the list of files");
    graft_status status = gf_layout_read(index, path, &st, options, err);
    if (status == GRAFT_OK) status = finish(index, path, options, err);
    if (status == GRAFT_OK) {
        *out = index;
    } else {
        gf_index_free(index);
    }
    return status;
}

/* Where the group's number stands among the slots, or is to be put: the first that is free from its hash on. */
static uint32_t *group_slot(const gf_index *index, const char *name)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    for (const char *s = name; *s; s++) hash = (hash ^ (uint8_t)*s) * 1099511628211U;
    for (size_t i = hash & (index->n_slots - 1);; i = (i + 1) & (index->n_slots - 1)) {
        uint32_t *slot = &index->slot[i];
        if (!*slot || !strcmp(index->groups.item[*slot - 1], name)) return slot;
    }
}

static graft_status more_slots(gf_index *index, graft_error *err)
{
    enum { FIRST = 64 };
    size_t n = index->n_slots ? 2 * index->n_slots : FIRST;
    uint32_t *slot = gf_new_n(n, uint32_t);
    if (!slot) return gf_fail_memory(err, n * sizeof *slot, "groups");
    gf_free(index->slot);
    index->slot = slot;
    index->n_slots = n;
    for (size_t i = 0; i < index->groups.n; i++) *group_slot(index, index->groups.item[i]) = (uint32_t)(i + 1);
    return GRAFT_OK;
}

graft_status gf_index_group(gf_index *index, uint32_t *group, const char *name, graft_error *err)
{
    if (2 * (index->groups.n + 1) > index->n_slots) GF_TRY(more_slots(index, err));
    uint32_t *slot = group_slot(index, name);
    if (!*slot) {
        GF_TRY(gf_names_add(&index->groups, name, err));
        *slot = (uint32_t)index->groups.n;
    }
    *group = *slot;
    return GRAFT_OK;
}

static graft_status walk_named(gf_walk *walk, const char *path, graft_error *err)
{
    graft_status status = gf_walk_folder(walk, path, err);
    gf_walk_end(walk);
    gf_free(walk->nested_in);
    return status;
}

static graft_status add_archive(gf_index *index, const char *path, const gf_data_options *options, graft_error *err)
{
    GF_TRY(gf_members_open(index, path, options, err));
    gf_walk walk = {
        .index = index, .options = options, .archive = index->n_archives, .skip = strlen(path), .split = GF_TEST};
    return walk_named(&walk, path, err);
}

static graft_status add_named(gf_index *index, const char *path, const gf_data_options *options, graft_error *err)
{
    struct stat st;
    if (gf_sys_stat(path, &st)) {
        const struct stat why = {.st_ino = (ino_t)errno};
        GF_TRY(gf_index_add(index, path, &why, 0, GF_TEST, err));
        index->sample[index->n - 1].size = GF_NOT_THERE;
        return GRAFT_OK;
    }
    /* What is called an image is not opened to see whether it is one: there may be very many. */
    if (S_ISREG(st.st_mode) && !gf_name_is_image(path) && gf_archive_looks(path))
        return add_archive(index, path, options, err);
    if (!S_ISDIR(st.st_mode)) return gf_index_add(index, path, &st, 0, GF_TEST, err);
    char *real_root;
    GF_TRY(gf_real_path(path, &real_root, err));
    gf_walk walk = {.index = index, .options = options, .real_root = real_root, .split = GF_TEST};
    graft_status status = walk_named(&walk, path, err);
    gf_free(real_root);
    return status;
}

graft_status gf_index_images(gf_index **out, const char *const *paths, size_t n, const gf_data_options *options,
                             graft_error *err)
{
    *out = NULL;
    gf_index *index = gf_new(gf_index);
    if (!index) return gf_fail_memory(err, sizeof *index, "the list of files");
    graft_status status = GRAFT_OK;
    index->root = gf_strdup("");
    if (!index->root) status = gf_fail_memory(err, 1, "a file name");
    if (status == GRAFT_OK) status = gf_names_add(&index->classes, "", err);
    for (size_t i = 0; i < n && status == GRAFT_OK; i++) status = add_named(index, paths[i], options, err);
    if (status == GRAFT_OK && !index->n) {
        status = gf_fail(err, GF_E_DATA_NO_IMAGES, NULL, "%s%s: no images found",
                         n ? GF_ESC(paths[0]) : "nothing given", n > 1 ? " and others" : "");
    }
    find_first(index);
    if (status == GRAFT_OK) {
        *out = index;
    } else {
        gf_index_free(index);
    }
    return status;
}

void gf_index_free(gf_index *index)
{
    if (!index) return;
    for (size_t i = 0; i < index->n_archives; i++) gf_archive_close(index->archive[i]);
    gf_free(index->archive);
    gf_free(index->root);
    gf_names_free(&index->classes);
    gf_names_free(&index->groups);
    gf_label_sets_free(index->sets);
    gf_free(index->sets);
    gf_free(index->slot);
    gf_free(index->sample);
    gf_text_free(&index->paths);
    gf_free(index->labels);
    gf_free(index->content);
    gf_taken_free(index->taken, index->n_taken);
    gf_notes_free(&index->notes);
    gf_free(index);
}

void gf_index_drop(gf_index *index, const bool *drop)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < index->n; i++) {
        if (drop[i]) continue;
        index->sample[kept] = index->sample[i];
        if (index->content) index->content[kept] = index->content[i];
        if (index->labels) index->labels[kept] = index->labels[i];
        kept++;
    }
    index->n = kept;
    find_first(index);
}

uint64_t gf_index_count(const gf_index *index, gf_split split, uint32_t class_id)
{
    uint64_t n = 0;
    for (uint32_t i = index->first[split]; i < index->first[split + 1]; i++) {
        uint32_t own = index->sample[i].class_id;
        n += index->sets ? gf_label_sets_has(index->sets, own, class_id) : own == class_id;
    }
    return n;
}

uint64_t gf_index_bytes(const gf_index *index)
{
    uint64_t content = index->content ? (uint64_t)index->n * sizeof *index->content : 0;
    return (uint64_t)index->cap * sizeof *index->sample + index->paths.cap + content;
}

/* Every number is fed as 8 little-endian bytes and every text with its NUL, so that no two lists read the same. */
static void add_number(gf_sha256_state *sha, uint64_t x)
{
    uint8_t byte[8];
    for (int i = 0; i < 8; i++) byte[i] = (uint8_t)(x >> 8 * i);
    gf_sha256_add(sha, byte, sizeof byte);
}

/* Of several classes how many, and each: numbers of sets hang on the order of the rows. */
static void add_labels(gf_sha256_state *sha, const gf_index *index, uint32_t sample)
{
    const uint32_t *label;
    size_t n = gf_index_labels(index, sample, &label);
    if (index->sets) add_number(sha, n);
    for (size_t i = 0; i < n; i++) add_number(sha, label[i]);
}

graft_status gf_index_digest(const gf_index *index, gf_sha256 *out, graft_error *err)
{
    gf_sha256_state *sha = gf_sha256_begin();
    if (!sha) return gf_fail_memory(err, 256, "a digest");
    add_number(sha, index->classes.n);
    for (size_t i = 0; i < index->classes.n; i++) {
        gf_sha256_add(sha, index->classes.item[i], strlen(index->classes.item[i]) + 1);
    }
    add_number(sha, index->n);
    for (uint32_t i = 0; i < index->n; i++) {
        const gf_sample *s = &index->sample[i];
        const char *path = gf_index_path(index, i);
        gf_sha256_add(sha, path, strlen(path) + 1);
        add_labels(sha, index, i);
        add_number(sha, s->split);
        add_number(sha, s->size);
        if (index->content) gf_sha256_add(sha, index->content[i].byte, sizeof index->content[i].byte);
        if (index->labels) gf_sha256_add(sha, index->labels[i].byte, sizeof index->labels[i].byte);
    }
    bool weighted = false;
    for (uint32_t i = 0; i < index->n; i++) weighted |= index->sample[i].weight != 1;
    for (uint32_t i = 0; weighted && i < index->n; i++) {
        gf_sha256_add(sha, &index->sample[i].weight, sizeof index->sample[i].weight);
    }
    *out = gf_sha256_end(sha);
    return GRAFT_OK;
}
