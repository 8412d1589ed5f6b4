/* The folder layouts: DATA/{train,validation,test}/CLASS/... and DATA/CLASS/... */
#include "base/sys.h"
#include "data/build.h"
#include "data/names.h"
#include "data/paths.h"

#include <string.h>

static const struct {
    const char *folder;
    gf_split split;
} part_names[] = {
    {"train", GF_TRAIN},
    {"validation", GF_VALIDATION},
    {"val", GF_VALIDATION},
    {"test", GF_TEST},
};
enum { PART_NAMES = sizeof part_names / sizeof *part_names };

/* One set of class folders: a split's, or the whole data's (path ""). */
typedef struct part {
    char path[16];
    gf_split split;
    gf_names classes;
} part;

typedef struct layout {
    gf_walk walk;
    part part[GF_SPLITS];
    size_t n;
} layout;

/* Tells the folders among the entries of `path`, counts the files. */
static graft_status list_folders(gf_walk *walk, const char *path, gf_names *folders, graft_error *err)
{
    gf_index *index = walk->index;
    gf_names all;
    GF_TRY(gf_list_below(index, path, &all, err));
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < all.n && status == GRAFT_OK; i++) {
        const char *name = all.item[i];
        gf_entry entry;
        struct stat st;
        if (gf_name_is_litter(name)) {
            index->ignored_system++;
            continue;
        }
        char *child = *path ? gf_path_join(path, name) : gf_strdup(name);
        status = child ? gf_walk_examine(walk, child, &entry, &st, err) : gf_fail_memory(err, strlen(name), "a name");
        gf_free(child);
        if (status != GRAFT_OK || entry == GF_ENTRY_SKIP) continue;
        if (entry == GF_ENTRY_DIR) {
            status = gf_names_add(folders, name, err);
        } else if (gf_name_is_picture(name)) {
            index->loose++;
        } else {
            gf_index_count_ignored(index, name);
        }
    }
    gf_names_free(&all);
    return status;
}

static bool has_name(const gf_names *names, const char *name)
{
    size_t low = 0, high = names->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(names->item[middle], name);
        if (!order) return true;
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

/* Names of `a` that `b` lacks, as text for a message; at most 20. */
static size_t list_lacking(const gf_names *a, const gf_names *b, gf_text *text)
{
    size_t lacking = 0;
    for (size_t i = 0; i < a->n; i++) {
        if (has_name(b, a->item[i])) continue;
        if (lacking < 20) gf_text_printf(text, "%s%s", lacking ? ", " : "", GF_ESC(a->item[i]));
        if (lacking++ == 20) gf_text_add(text, " ...");
    }
    return lacking;
}

/* A part must not have a class that `known` lacks; both directions are told. The other way round is worth a warning. */
static graft_status same_classes(const layout *l, const part *p, const gf_names *known, const char *known_name,
                                 graft_error *err)
{
    const char *name = gf_split_name(p->split);
    gf_text unknown = {0}, missing = {0};
    bool has_unknown = list_lacking(&p->classes, known, &unknown) > 0;
    bool has_missing = list_lacking(known, &p->classes, &missing) > 0;
    if (has_unknown && has_missing) {
        gf_text_printf(&unknown, "; %s has classes that %s lacks: %s", known_name, name, missing.s ? missing.s : "");
    }
    graft_status status = GRAFT_OK;
    if (unknown.failed || missing.failed) {
        status = gf_fail_memory(err, sizeof(graft_error), "a message");
    } else if (has_unknown) {
        status =
            gf_fail(err, GF_E_DATA_CLASSES_DIFFER, "a picture of such a class could never be labelled right",
                    "%s: %s has classes that %s lacks: %s", GF_ESC(l->walk.index->root), name, known_name, unknown.s);
    } else if (has_missing) {
        status = gf_note_add(&l->walk.index->notes, l->walk.options->log, GF_WARNING, err,
                             "%s has no folder for these classes of %s: %s", name, known_name, missing.s);
    }
    gf_text_free(&unknown);
    gf_text_free(&missing);
    return status;
}

static graft_status add_part(layout *l, const char *path, gf_split split, graft_error *err)
{
    part *p = &l->part[l->n];
    memcpy(p->path, path, strlen(path) + 1);
    p->split = split;
    l->n++;
    GF_TRY(list_folders(&l->walk, path, &p->classes, err));
    if (p->classes.n) return GRAFT_OK;
    return gf_fail(err, GF_E_DATA_NO_CLASSES, "put the pictures of each class into a folder of its own",
                   "%s/%s: no class folders in it (%llu pictures lie loose)", GF_ESC(l->walk.index->root), path,
                   (unsigned long long)l->walk.index->loose);
}

/* Two folders for one split: which is meant? */
static graft_status refuse_both(const layout *l, const gf_names *top, graft_error *err)
{
    for (size_t i = 1; i < PART_NAMES; i++) {
        const char *a = part_names[i - 1].folder, *b = part_names[i].folder;
        if (part_names[i - 1].split != part_names[i].split || !has_name(top, a) || !has_name(top, b)) continue;
        return gf_fail(err, GF_E_DATA_CLASSES_DIFFER, "keep one of them", "%s: has both %s/ and %s/",
                       GF_ESC(l->walk.index->root), a, b);
    }
    return GRAFT_OK;
}

static graft_status not_a_part(layout *l, const char *name, graft_error *err)
{
    return gf_note_add(&l->walk.index->notes, l->walk.options->log, GF_WARNING, err,
                       "%s/: not train, validation (or val) or test; left out", GF_ESC(name));
}

/* `top`: the folders in the root. Takes it over where they are the classes. */
static graft_status find_parts(layout *l, gf_names *top, graft_error *err)
{
    if (!has_name(top, "train")) {
        if (!top->n) {
            return gf_fail(
                err, GF_E_DATA_NO_CLASSES, "put the pictures of each class into a folder of its own",
                "%s: looked for train/CLASS/ and for CLASS/ folders and found none (%llu pictures lie loose)",
                GF_ESC(l->walk.index->root), (unsigned long long)l->walk.index->loose);
        }
        l->part[l->n++].classes = *top;
        *top = (gf_names){0};
        return GRAFT_OK;
    }
    GF_TRY(refuse_both(l, top, err));
    for (size_t i = 0; i < PART_NAMES; i++) {
        if (has_name(top, part_names[i].folder)) GF_TRY(add_part(l, part_names[i].folder, part_names[i].split, err));
    }
    for (size_t i = 0; i < top->n; i++) {
        bool known = false;
        for (size_t k = 0; k < PART_NAMES; k++) known |= !strcmp(top->item[i], part_names[k].folder);
        if (!known) GF_TRY(not_a_part(l, top->item[i], err));
    }
    return GRAFT_OK;
}

static graft_status settle_classes(layout *l, graft_error *err)
{
    gf_index *index = l->walk.index;
    const gf_data_options *options = l->walk.options;
    if (!options->classes) {
        for (size_t i = 0; i < l->part[0].classes.n; i++) {
            GF_TRY(gf_names_add(&index->classes, l->part[0].classes.item[i], err));
        }
        for (size_t i = 1; i < l->n; i++) {
            GF_TRY(same_classes(l, &l->part[i], &index->classes, gf_split_name(GF_TRAIN), err));
        }
        return GRAFT_OK;
    }
    gf_names sorted = {0};
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < options->n_classes; i++) {
        GF_GOTO(gf_names_add(&index->classes, options->classes[i], err));
        GF_GOTO(gf_names_add(&sorted, options->classes[i], err));
    }
    gf_names_sort(&sorted);
    for (size_t i = 0; i < l->n; i++) GF_GOTO(same_classes(l, &l->part[i], &sorted, "the model", err));
out:
    gf_names_free(&sorted);
    return status;
}

static graft_status empty_class(layout *l, const char *path, graft_error *err)
{
    const gf_data_options *options = l->walk.options;
    if (options->allow_empty_class) {
        return gf_note_add(&l->walk.index->notes, options->log, GF_WARNING, err, "%s/: no pictures", GF_ESC(path));
    }
    return gf_fail(err, GF_E_DATA_EMPTY_CLASS, "add pictures, take the folder away, or allow empty classes",
                   "%s: class folder %s/ has no pictures", GF_ESC(l->walk.index->root), GF_ESC(path));
}

static graft_status walk_part(layout *l, const part *p, graft_error *err)
{
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < p->classes.n && status == GRAFT_OK; i++) {
        const char *name = p->classes.item[i];
        l->walk.class_id = (uint32_t)gf_index_class(l->walk.index, name);
        l->walk.split = p->split;
        l->walk.found = 0;
        char *path = *p->path ? gf_path_join(p->path, name) : gf_strdup(name);
        status = path ? gf_walk_folder(&l->walk, path, err) : gf_fail_memory(err, strlen(name), "a name");
        if (status == GRAFT_OK && !l->walk.found) status = empty_class(l, path, err);
        gf_walk_end(&l->walk);
        gf_free(path);
    }
    return status;
}

graft_status gf_index_from_folder(gf_index *index, const char *path, const gf_data_options *options, graft_error *err)
{
    char *real_root = NULL;
    gf_names top = {0};
    layout l = {.walk = {.index = index, .options = options}};
    graft_status status = GRAFT_OK;
    index->root = gf_strdup(path);
    if (!index->root) return gf_fail_memory(err, strlen(path), "a file name");
    GF_GOTO(gf_real_path(path, &real_root, err));
    l.walk.real_root = real_root;
    GF_GOTO(list_folders(&l.walk, "", &top, err));
    GF_GOTO(find_parts(&l, &top, err));
    GF_GOTO(settle_classes(&l, err));
    for (size_t i = 0; i < l.n; i++) GF_GOTO(walk_part(&l, &l.part[i], err));
    if (index->loose) {
        GF_GOTO(gf_note_add(&index->notes, options->log, GF_WARNING, err,
                            "%llu pictures lie outside of any class folder; left out",
                            (unsigned long long)index->loose));
    }
out:
    gf_walk_end(&l.walk);
    for (size_t i = 0; i < l.n; i++) gf_names_free(&l.part[i].classes);
    gf_names_free(&top);
    gf_free(real_root);
    return status;
}
