/* Which folders are parts and which are classes. Told by names (parts.h) and by what lies in the folders; where these
 * do not settle it, it is not guessed: what was seen is said, and how to say what is meant. */
#include "base/decide.h"
#include "data/build.h"
#include "data/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NESTED = 4, SHOWN = 6 };

/* A folder in the data's root. */
typedef struct top {
    const char *name;
    gf_part_kind kind; /* by its name */
    gf_look look;      /* a quick one */
    char *base;        /* of a part: the folder that its classes lie in, TOP or TOP/TOP; owned */
    gf_look in;        /* what lies there */
} top;

typedef struct finder {
    gf_layout *layout;
    gf_walk *walk;
    gf_index *index;
    const gf_data_options *options;
    gf_look root;
    top *top;
    size_t n;       /* folders that may be parts or classes */
    size_t n_freed; /* all that `top` has */
} finder;

#define ROOT(f) GF_ESC((f)->index->root)

static const char how_to_say[] =
    "name the parts train/, validation/ and test/, give the folder that holds them, or say --layout classes if each "
    "folder here is a class";

/* ---- saying what was seen */

/* "a/, b/ and 3 more" */
static void list_folders(gf_text *t, const gf_names *names)
{
    for (size_t i = 0; i < names->n && i < SHOWN; i++) {
        gf_text_printf(t, "%s%s/", i ? ", " : "", GF_ESC(names->item[i]));
    }
    if (names->n > SHOWN) gf_text_printf(t, " and %zu more", names->n - SHOWN);
}

/* E1125: "ROOT: what: folders" */
static graft_status unclear(finder *f, const char *hint, const gf_names *folders, const char *what, graft_error *err)
{
    gf_text t = {0};
    list_folders(&t, folders);
    graft_status status = t.failed ? gf_fail_memory(err, t.cap, "a message")
                                   : gf_fail(err, GF_E_DATA_LAYOUT, hint, "%s: %s: %s", ROOT(f), what, t.s ? t.s : "");
    gf_text_free(&t);
    return status;
}

static graft_status did_you_mean(finder *f, const char *path, const char *what, graft_error *err)
{
    char hint[700];
    snprintf(hint, sizeof hint, "did you mean %s/%s? (or --layout classes, if each folder here is a class)", ROOT(f),
             GF_ESC(path));
    return gf_fail(err, GF_E_DATA_LAYOUT, hint, "%s: %s %s/", ROOT(f), what, GF_ESC(path));
}

static graft_status take_part(finder *f, const char *folder, const char *as, const char *why, graft_error *err)
{
    char *what = gf_sprintf("%s/", folder);
    if (!what) return gf_fail_memory(err, strlen(folder), "a name");
    graft_status status = gf_index_take(f->index, f->options->log, what, as, why, err);
    gf_free(what);
    return status;
}

static graft_status left_out(finder *f, const char *folder, const char *why, graft_error *err)
{
    const gf_log *log = f->options->log;
    GF_TRY(take_part(f, folder, "left out", NULL, err));
    if (log && log->decisions) gf_decisions_add(log->decisions, GF_ESC(folder), "left out", why);
    return gf_note_add(&f->index->notes, f->options->log, GF_WARNING, err, "%s/: %s; left out", GF_ESC(folder), why);
}

/* ---- places */

/* Takes `path` over (NULL: no memory). */
static graft_status add_place(finder *f, char *path, const char *class_name, gf_split split, graft_error *err)
{
    gf_layout *l = f->layout;
    if (!path || !gf_grow(&l->place, l->n, &l->cap)) {
        gf_free(path);
        return gf_fail_memory(err, sizeof *l->place, "class folders");
    }
    gf_place *p = &l->place[l->n];
    *p = (gf_place){.path = path, .split = split};
    l->n++;
    GF_TRY(gf_names_add(&l->names, class_name, err));
    p->class_name = l->names.item[l->names.n - 1];
    return GRAFT_OK;
}

/* Every folder in `base` is a class of the split. */
static graft_status add_places(finder *f, const char *base, const gf_names *classes, gf_split split, graft_error *err)
{
    for (size_t i = 0; i < classes->n; i++) {
        const char *name = classes->item[i];
        char *path = *base ? gf_path_join(base, name) : gf_strdup(name);
        GF_TRY(add_place(f, path, name, split, err));
    }
    return GRAFT_OK;
}

/* ---- folders as a zip of Windows leaves them */

static graft_status refuse_backslashes(finder *f, const gf_look *look, const char *where, graft_error *err)
{
    return gf_fail(err, GF_E_DATA_LAYOUT,
                   "the archive was made by a Windows program that writes \\ between folders: unpack it with a program "
                   "that makes folders of them (7z x, python3 -m zipfile -e), or rename the files",
                   "%s%s%s: %llu names hold backslashes instead of lying in folders, such as %s", ROOT(f),
                   *where ? "/" : "", GF_ESC(where), (unsigned long long)look->backslashes, GF_ESC(look->backslash));
}

/* ---- one class folder beside the other */

static bool has_name(const gf_names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++) {
        if (!strcmp(names->item[i], name)) return true;
    }
    return false;
}

/* Folders of the same names in each of several classes are a layout of their own: parts, or classes below a group. */
static graft_status refuse_equal(finder *f, const char *base, const top *tops, size_t n, graft_error *err)
{
    gf_names common = {0};
    size_t holding = 0, most = 0;
    const top *first = NULL;
    for (size_t i = 0; i < n; i++) {
        if (tops[i].look.images) return GRAFT_OK;
        if (!tops[i].look.folders.n) continue;
        holding++;
        if (!first) first = &tops[i];
        if (tops[i].look.folders.n > most) most = tops[i].look.folders.n;
    }
    if (holding < 2) return GRAFT_OK;
    graft_status status = GRAFT_OK;
    for (size_t k = 0; k < first->look.folders.n && status == GRAFT_OK; k++) {
        size_t in = 0;
        for (size_t i = 0; i < n; i++) in += has_name(&tops[i].look.folders, first->look.folders.item[k]);
        if (in == holding) status = gf_names_add(&common, first->look.folders.item[k], err);
    }
    if (status == GRAFT_OK && common.n && 2 * common.n >= most) {
        char what[600];
        snprintf(what, sizeof what, "each of %zu folders%s%s (such as %s/) holds no images but the same folders",
                 holding, *base ? " in " : "", GF_ESC(base), GF_ESC(first->name));
        status = unclear(f,
                         *base ? "give the folder that is meant, or say --layout parts if all below a class folder "
                                 "belongs to that class"
                               : how_to_say,
                         &common, what, err);
    }
    gf_names_free(&common);
    return status;
}

static graft_status look_at_each(finder *f, const char *base, const gf_names *folders, top **out, graft_error *err)
{
    *out = gf_new_n(folders->n, top);
    if (!*out) return gf_fail_memory(err, folders->n * sizeof **out, "folders");
    for (size_t i = 0; i < folders->n; i++) {
        const char *name = folders->item[i];
        (*out)[i] = (top){.name = name, .kind = gf_part_of_name(name)};
        char *path = *base ? gf_path_join(base, name) : gf_strdup(name);
        graft_status status = path ? gf_look_into(f->walk, path, GF_LOOK_QUICK, &(*out)[i].look, err)
                                   : gf_fail_memory(err, strlen(name), "a name");
        gf_free(path);
        if (status != GRAFT_OK) return status;
    }
    return GRAFT_OK;
}

static void free_tops(top *tops, size_t n)
{
    for (size_t i = 0; tops && i < n; i++) {
        gf_look_free(&tops[i].look);
        gf_look_free(&tops[i].in);
        gf_free(tops[i].base);
    }
    gf_free(tops);
}

/* ---- parts */

/* Goes down while a folder holds nothing but one folder that is no class: TOP/TOP, or one that holds folders alone. */
static graft_status descend(finder *f, top *t, graft_error *err)
{
    t->base = gf_strdup(t->name);
    if (!t->base) return gf_fail_memory(err, strlen(t->name), "a name");
    GF_TRY(gf_look_into(f->walk, t->base, GF_LOOK_FULL, &t->in, err));
    for (int i = 0; i < NESTED && !t->in.images && t->in.folders.n == 1; i++) {
        const char *only = t->in.folders.item[0];
        char *path = gf_path_join(t->base, only);
        if (!path) return gf_fail_memory(err, strlen(only), "a name");
        gf_look look;
        graft_status status = gf_look_into(f->walk, path, GF_LOOK_FULL, &look, err);
        bool same_part = t->kind && gf_part_of_name(only) == t->kind;
        if (status != GRAFT_OK || (!same_part && (look.images || !look.folders.n))) {
            gf_free(path);
            if (status == GRAFT_OK) gf_look_free(&look);
            return status;
        }
        gf_look_free(&t->in);
        gf_free(t->base);
        t->in = look;
        t->base = path;
    }
    return GRAFT_OK;
}

static graft_status no_classes_in(finder *f, const top *t, graft_error *err)
{
    char hint[700];
    if (t->in.backslashes) return refuse_backslashes(f, &t->in, t->base, err);
    GF_TRY(gf_look_advise(f->walk, hint, sizeof hint, err));
    return gf_fail(err, GF_E_DATA_NO_CLASSES, hint, "%s/%s: no class folders in it (%llu images lie loose)", ROOT(f),
                   GF_ESC(t->base), (unsigned long long)t->in.images);
}

static graft_status check_part(finder *f, const top *t, graft_error *err)
{
    if (f->layout->rule == GF_FOLDERS_PARTS) return GRAFT_OK;
    top *classes = NULL;
    graft_status status = look_at_each(f, t->base, &t->in.folders, &classes, err);
    if (status == GRAFT_OK) status = refuse_equal(f, t->base, classes, t->in.folders.n, err);
    free_tops(classes, t->in.folders.n);
    return status;
}

/* As the documentation names parts: nothing to say then. */
static bool is_plain(const char *folder)
{
    static const char *const plain[] = {"train", "validation", "val", "test"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (!strcmp(plain[i], folder)) return true;
    }
    return false;
}

static graft_status take_unlabelled(finder *f, const top *t, graft_error *err)
{
    char why[128];
    if (t->in.images) {
        snprintf(why, sizeof why, "%llu image%s without class folders, so without labels",
                 (unsigned long long)t->in.images, t->in.images == 1 ? "" : "s");
    } else {
        snprintf(why, sizeof why, "by its name, images to be predicted");
    }
    return left_out(f, t->base, why, err);
}

static graft_status add_part(finder *f, const top *t, graft_error *err)
{
    if (t->kind == GF_PART_NONE) return left_out(f, t->name, "not train, validation (or val) or test by its name", err);
    if (t->kind == GF_PART_UNLABELLED || (t->kind == GF_PART_TEST && !t->in.folders.n && t->in.images)) {
        return take_unlabelled(f, t, err);
    }
    if (!t->in.folders.n) return no_classes_in(f, t, err);
    GF_TRY(check_part(f, t, err));
    gf_look counted;
    GF_TRY(gf_look_into(f->walk, t->base, GF_LOOK_COUNT, &counted, err));
    gf_look_free(&counted);
    gf_split split = gf_part_split(t->kind);
    GF_TRY(take_part(f, t->base, gf_split_name(split), is_plain(t->base) ? NULL : "by its name", err));
    return add_places(f, t->base, &t->in.folders, split, err);
}

/* Two folders for one split: which is meant? */
static graft_status refuse_both(const finder *f, graft_error *err)
{
    for (size_t i = 0; i < f->n; i++) {
        for (size_t k = i + 1; k < f->n; k++) {
            gf_part_kind kind = f->top[i].kind;
            if (!kind || kind == GF_PART_UNLABELLED || kind != f->top[k].kind) continue;
            return gf_fail(err, GF_E_DATA_CLASSES_DIFFER, "keep one of them", "%s: has both %s/ and %s/", ROOT(f),
                           GF_ESC(f->top[i].name), GF_ESC(f->top[k].name));
        }
    }
    return GRAFT_OK;
}

static graft_status add_parts(finder *f, graft_error *err)
{
    GF_TRY(refuse_both(f, err));
    for (gf_part_kind kind = GF_PART_TRAIN; kind <= GF_PART_UNLABELLED; kind++) {
        for (size_t i = 0; i < f->n; i++) {
            if (f->top[i].kind == kind) GF_TRY(add_part(f, &f->top[i], err));
        }
    }
    for (size_t i = 0; i < f->n; i++) {
        if (f->top[i].kind == GF_PART_NONE) GF_TRY(add_part(f, &f->top[i], err));
    }
    return GRAFT_OK;
}

/* ---- the root's folders as classes */

/* CLASS/{train,validation,test}: every class folder holds parts, and these hold images. */
static graft_status holds_parts(finder *f, const top *t, bool *is, bool *deeper, graft_error *err)
{
    bool train = false;
    *is = false;
    if (t->look.images || !t->look.folders.n) return GRAFT_OK;
    for (size_t i = 0; i < t->look.folders.n; i++) {
        gf_part_kind kind = gf_part_of_name(t->look.folders.item[i]);
        if (!kind) return GRAFT_OK;
        train |= kind == GF_PART_TRAIN;
        char *path = gf_path_join(t->name, t->look.folders.item[i]);
        gf_look look = {0};
        graft_status status = path ? gf_look_into(f->walk, path, GF_LOOK_QUICK, &look, err)
                                   : gf_fail_memory(err, strlen(t->name), "a name");
        *deeper |= !look.images && look.folders.n > 0;
        gf_look_free(&look);
        gf_free(path);
        if (status != GRAFT_OK) return status;
    }
    *is = train;
    return GRAFT_OK;
}

static graft_status add_inverse(finder *f, const top *t, graft_error *err)
{
    for (size_t i = 0; i < t->look.folders.n; i++) {
        const char *part = t->look.folders.item[i];
        gf_part_kind kind = gf_part_of_name(part);
        char *path = gf_path_join(t->name, part);
        if (!path) return gf_fail_memory(err, strlen(part), "a name");
        if (kind == GF_PART_UNLABELLED) {
            graft_status status = left_out(f, path, "by its name, images to be predicted", err);
            gf_free(path);
            if (status != GRAFT_OK) return status;
            continue;
        }
        GF_TRY(add_place(f, path, t->name, gf_part_split(kind), err));
    }
    return GRAFT_OK;
}

static graft_status find_inverse(finder *f, bool *found, graft_error *err)
{
    size_t holding = 0, empty = 0;
    bool deeper = false;
    *found = false;
    for (size_t i = 0; i < f->n; i++) {
        bool is;
        GF_TRY(holds_parts(f, &f->top[i], &is, &deeper, err));
        if (is && deeper) return did_you_mean(f, f->top[i].name, "parts with class folders are in", err);
        holding += is;
        empty += !f->top[i].look.images && !f->top[i].look.folders.n;
    }
    if (holding < 2 || holding + empty < f->n) return GRAFT_OK;
    for (size_t i = 0; i < f->n; i++) GF_TRY(add_inverse(f, &f->top[i], err));
    *found = true;
    return gf_index_take(f->index, f->options->log, "folders in each class folder", "train, validation and test",
                         "by their names", err);
}

/* Goes on to the only folder in *path that has images below it, unless that is a class itself. */
static graft_status go_inside(finder *f, char **path, bool *deeper, graft_error *err)
{
    gf_look look;
    char *only = NULL;
    size_t live = 0;
    *deeper = false;
    GF_TRY(gf_look_into(f->walk, *path, GF_LOOK_QUICK, &look, err));
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < look.folders.n; i++) {
        bool any = false;
        char *child = gf_path_join(*path, look.folders.item[i]);
        if (!child) GF_GOTO(gf_fail_memory(err, strlen(*path), "a name"));
        status = gf_look_below(f->walk, child, &any, err);
        if (any && !live++) {
            only = child;
        } else {
            gf_free(child);
        }
        if (status != GRAFT_OK) goto out;
    }
    if (live != 1 || look.images) goto out;
    gf_look_free(&look);
    GF_GOTO(gf_look_into(f->walk, only, GF_LOOK_QUICK, &look, err));
    *deeper = !look.images && look.folders.n;
    if (*deeper) {
        gf_free(*path);
        *path = only;
        only = NULL;
    }
out:
    gf_free(only);
    gf_look_free(&look);
    return status;
}

/* One folder around all the others, as archives have it; or the data once more inside of itself. */
static graft_status refuse_nested(finder *f, graft_error *err)
{
    const top *only = NULL;
    size_t live = 0;
    for (size_t i = 0; i < f->n; i++) {
        const top *t = &f->top[i];
        size_t duplicates = 0;
        for (size_t k = 0; k < t->look.folders.n; k++)
            duplicates += has_name(&f->root.folders, t->look.folders.item[k]);
        if (!t->look.images && duplicates && f->n > 2 && duplicates + 1 >= f->n) {
            return did_you_mean(f, t->name, "the same folders once more are in", err);
        }
        bool any = t->look.images > 0;
        if (!any) GF_TRY(gf_look_below(f->walk, t->name, &any, err));
        if (any) only = t;
        live += any;
    }
    if (live != 1 || only->look.images) return GRAFT_OK;
    char *path = gf_strdup(only->name);
    graft_status status = path ? GRAFT_OK : gf_fail_memory(err, strlen(only->name), "a name");
    for (bool deeper = true; status == GRAFT_OK && deeper;) status = go_inside(f, &path, &deeper, err);
    if (status == GRAFT_OK) status = did_you_mean(f, path, "all images are in one folder,", err);
    gf_free(path);
    return status;
}

/* A folder that is named like a part but holds images and no folders, beside class folders. */
static graft_status settle_loose_part(finder *f, top *t, bool alone, graft_error *err)
{
    gf_names one = {.item = (char *[]){(char *)t->name}, .n = 1};
    if (t->kind == GF_PART_UNLABELLED) {
        t->in.images = t->look.images;
        return left_out(f, t->name, "by its name, images to be predicted", err);
    }
    bool class_too = alone && (t->kind == GF_PART_TRAIN || t->kind == GF_PART_VALIDATION);
    if (!class_too) {
        return unclear(f,
                       "if it is a class, say --layout classes; if its images have no labels, move it elsewhere; if "
                       "they have, put those of each class into a folder",
                       &one, "a part by its name that holds images but no class folders", err);
    }
    GF_TRY(gf_note_add(&f->index->notes, f->options->log, GF_WARNING, err,
                       "%s/ is taken as a class: it holds images, and there is no other part", GF_ESC(t->name)));
    t->kind = GF_PART_NONE;
    return GRAFT_OK;
}

static graft_status add_classes(finder *f, graft_error *err)
{
    gf_names classes = {0};
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < f->n && status == GRAFT_OK; i++) status = gf_names_add(&classes, f->top[i].name, err);
    if (status == GRAFT_OK) status = add_places(f, "", &classes, GF_TRAIN, err);
    gf_names_free(&classes);
    return status;
}

static graft_status no_folders(finder *f, graft_error *err)
{
    char hint[700];
    GF_TRY(gf_look_advise(f->walk, hint, sizeof hint, err));
    return gf_fail(err, GF_E_DATA_NO_CLASSES, hint,
                   "%s: looked for train/CLASS/ and for CLASS/ folders and found none (%llu images lie loose)", ROOT(f),
                   (unsigned long long)f->root.images);
}

/* ---- deciding */

/* Of a model whose classes are these there is no doubt. */
static bool all_are_given_classes(const finder *f)
{
    for (size_t i = 0; i < f->n; i++) {
        bool given = false;
        for (size_t k = 0; f->options->classes && k < f->options->n_classes && !given; k++) {
            given = !strcmp(f->options->classes[k], f->top[i].name);
        }
        if (!given) return false;
    }
    return f->n > 0;
}

static const top *first_of(const finder *f, gf_part_kind kind)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->top[i].kind == kind) return &f->top[i];
    }
    return NULL;
}

/* Parts, but none to train on: fine where the classes are known already. */
static graft_status without_training(finder *f, graft_error *err)
{
    if (f->options->classes) return add_parts(f, err);
    return unclear(f, how_to_say, &f->root.folders, "no part to train on (train, training, ...) among the folders",
                   err);
}

static graft_status settle_by_names(finder *f, bool *parts, graft_error *err)
{
    size_t named = 0, other = 0, structured = 0;
    for (size_t i = 0; i < f->n; i++) {
        top *t = &f->top[i];
        if (t->kind) GF_TRY(descend(f, t, err));
        bool split = t->kind && t->kind != GF_PART_UNLABELLED;
        named += split;
        other += !t->kind;
        structured += split && t->in.folders.n;
    }
    const top *train = first_of(f, GF_PART_TRAIN);
    *parts = true;
    if (train && train->in.folders.n) return add_parts(f, err);
    if (train && !other) return no_classes_in(f, train, err);
    if (structured && !train) return without_training(f, err);
    if (train && !train->look.images) return no_classes_in(f, train, err);
    for (size_t i = 0; i < f->n; i++) {
        if (f->top[i].kind) GF_TRY(settle_loose_part(f, &f->top[i], named == 1, err));
    }
    size_t kept = 0;
    for (size_t i = 0; i < f->n; i++) { /* what is to be predicted is no class: to the end, out of sight */
        if (f->top[i].kind == GF_PART_UNLABELLED) continue;
        top t = f->top[kept];
        f->top[kept++] = f->top[i];
        f->top[i] = t;
    }
    f->n = kept;
    *parts = false;
    return GRAFT_OK;
}

static graft_status settle_classes(finder *f, graft_error *err)
{
    bool found = false;
    for (size_t i = 0; i < f->n; i++) {
        const gf_look *look = &f->top[i].look;
        if (look->backslashes && look->backslashes == look->images + look->folders.n) {
            return refuse_backslashes(f, look, f->top[i].name, err);
        }
    }
    GF_TRY(find_inverse(f, &found, err));
    if (found) return GRAFT_OK;
    GF_TRY(refuse_nested(f, err));
    GF_TRY(refuse_equal(f, "", f->top, f->n, err));
    return add_classes(f, err);
}

static graft_status decide(finder *f, graft_error *err)
{
    gf_look counted;
    GF_TRY(gf_look_into(f->walk, "", GF_LOOK_COUNT, &counted, err));
    gf_look_free(&counted);
    if (f->layout->rule == GF_FOLDERS_CLASSES && f->n) return add_classes(f, err);
    if (f->root.backslashes) return refuse_backslashes(f, &f->root, "", err);
    if (!f->n) return no_folders(f, err);
    if (all_are_given_classes(f)) return add_classes(f, err);
    bool parts;
    GF_TRY(settle_by_names(f, &parts, err));
    if (parts) return GRAFT_OK;
    if (f->layout->rule == GF_FOLDERS_PARTS) {
        return unclear(f, "name the parts train/, validation/ and test/", &f->root.folders,
                       "--layout parts, but no folder is named as a part is", err);
    }
    return settle_classes(f, err);
}

static int by_split_and_class(const void *a, const void *b)
{
    const gf_place *x = a, *y = b;
    return x->split != y->split ? (int)x->split - (int)y->split : strcmp(x->class_name, y->class_name);
}

graft_status gf_layout_find(gf_layout *layout, graft_error *err)
{
    finder f = {.layout = layout, .walk = &layout->walk, .index = layout->walk.index, .options = layout->walk.options};
    GF_TRY(gf_look_into(f.walk, "", GF_LOOK_FULL, &f.root, err));
    f.n = f.n_freed = f.root.folders.n;
    graft_status status = look_at_each(&f, "", &f.root.folders, &f.top, err);
    if (status == GRAFT_OK) status = decide(&f, err);
    if (status == GRAFT_OK && layout->n) qsort(layout->place, layout->n, sizeof *layout->place, by_split_and_class);
    free_tops(f.top, f.n_freed);
    gf_look_free(&f.root);
    return status;
}

void gf_layout_free(gf_layout *layout)
{
    for (size_t i = 0; i < layout->n; i++) gf_free(layout->place[i].path);
    gf_free(layout->place);
    gf_names_free(&layout->names);
    gf_walk_end(&layout->walk);
    gf_free(layout->walk.nested_in);
}
