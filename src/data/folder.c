/* The folder layouts: what layout.c found, its classes settled and walked. */
#include "base/sys.h"
#include "data/build.h"
#include "data/layouts.h"
#include "data/likeness.h"
#include "data/names.h"
#include "data/paths.h"

#include <string.h>

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
        if (lacking < 20) gf_text_printf(text, "%s'%s'", lacking ? ", " : "", GF_ESC(a->item[i]));
        if (lacking++ == 20) gf_text_add(text, " ...");
    }
    return lacking;
}

/* Names of one part's classes that look like a name the other has: told how they differ. */
static void add_likeness(const gf_names *unknown_of, const gf_names *known, gf_text *text)
{
    enum { SHOWN = 5, TRIED = 20 };
    size_t shown = 0, tried = 0;
    for (size_t i = 0; i < unknown_of->n && shown < SHOWN; i++) {
        const char *name = unknown_of->item[i];
        if (has_name(known, name)) continue;
        if (tried++ == TRIED) break;
        char how[160];
        const char *like = gf_likest_name(name, (const char *const *)known->item, known->n, how, sizeof how);
        if (!like) continue;
        gf_text_printf(text, "; '%s' and '%s' differ %s", GF_ESC(name), GF_ESC(like), how);
        shown++;
    }
}

/* A part must not have a class that `known` lacks; both directions are told. The other way round is worth a warning. */
static graft_status same_classes(gf_index *index, const gf_data_options *options, gf_split split, const gf_names *part,
                                 const gf_names *known, const char *known_name, graft_error *err)
{
    const char *name = gf_split_name(split);
    gf_text unknown = {0}, missing = {0};
    bool has_unknown = list_lacking(part, known, &unknown) > 0;
    bool has_missing = list_lacking(known, part, &missing) > 0;
    if (has_unknown && has_missing) {
        gf_text_printf(&unknown, "; %s has classes that %s lacks: %s", known_name, name, missing.s ? missing.s : "");
    }
    size_t before = unknown.n;
    if (has_unknown) add_likeness(part, known, &unknown);
    graft_status status = GRAFT_OK;
    if (unknown.failed || missing.failed) {
        status = gf_fail_memory(err, sizeof(graft_error), "a message");
    } else if (has_unknown) {
        status = gf_fail(err, GF_E_DATA_CLASSES_DIFFER,
                         unknown.n > before ? "give the folders of one class the same name, byte for byte"
                                            : "an image of such a class could never be labelled right",
                         "%s: %s has classes that %s lacks: %s", GF_ESC(index->root), name, known_name, unknown.s);
    } else if (has_missing) {
        status = gf_note_add(&index->notes, options->log, GF_WARNING, err,
                             "%s has no folder for these classes of %s: %s", name, known_name, missing.s);
    }
    gf_text_free(&unknown);
    gf_text_free(&missing);
    return status;
}

/* The classes of one split's places, sorted. */
static graft_status classes_of(const gf_layout *l, gf_split split, gf_names *classes, graft_error *err)
{
    *classes = (gf_names){0};
    for (size_t i = 0; i < l->n; i++) {
        if (l->place[i].split == split) GF_TRY(gf_names_add(classes, l->place[i].class_name, err));
    }
    return GRAFT_OK;
}

static graft_status check_parts(const gf_layout *l, gf_split first, const gf_names *known, const char *known_name,
                                graft_error *err)
{
    gf_index *index = l->walk.index;
    graft_status status = GRAFT_OK;
    for (int split = (int)first; split < GF_SPLITS && status == GRAFT_OK; split++) {
        gf_names classes;
        status = classes_of(l, (gf_split)split, &classes, err);
        if (status == GRAFT_OK && classes.n) {
            status = same_classes(index, l->walk.options, (gf_split)split, &classes, known, known_name, err);
        }
        gf_names_free(&classes);
    }
    return status;
}

static graft_status settle_classes(const gf_layout *l, graft_error *err)
{
    gf_index *index = l->walk.index;
    const gf_data_options *options = l->walk.options;
    if (!options->classes) {
        GF_TRY(classes_of(l, GF_TRAIN, &index->classes, err));
        return check_parts(l, GF_VALIDATION, &index->classes, gf_split_name(GF_TRAIN), err);
    }
    gf_names sorted = {0};
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < options->n_classes; i++) {
        GF_GOTO(gf_names_add(&index->classes, options->classes[i], err));
        GF_GOTO(gf_names_add(&sorted, options->classes[i], err));
    }
    gf_names_sort(&sorted);
    GF_GOTO(check_parts(l, GF_TRAIN, &sorted, "the model", err));
out:
    gf_names_free(&sorted);
    return status;
}

static graft_status empty_class(gf_layout *l, const char *path, graft_error *err)
{
    const gf_data_options *options = l->walk.options;
    if (options->allow_empty_class) {
        return gf_note_add(&l->walk.index->notes, options->log, GF_WARNING, err, "%s/: no images", GF_ESC(path));
    }
    return gf_fail(err, GF_E_DATA_EMPTY_CLASS,
                   "add images, take the folder away, or take it as it is with --allow-empty-class",
                   "%s: class folder %s/ has no images", GF_ESC(l->walk.index->root), GF_ESC(path));
}

static graft_status walk_place(gf_layout *l, const gf_place *p, graft_error *err)
{
    l->walk.class_id = (uint32_t)gf_index_class(l->walk.index, p->class_name);
    l->walk.split = p->split;
    l->walk.found = 0;
    GF_TRY(gf_walk_folder(&l->walk, p->path, err));
    gf_walk_end(&l->walk);
    return l->walk.found ? GRAFT_OK : empty_class(l, p->path, err);
}

/* What was flattened, and what lies outside. */
static graft_status tell_places(const gf_layout *l, graft_error *err)
{
    gf_index *index = l->walk.index;
    const gf_log *log = l->walk.options->log;
    if (l->walk.nested) {
        GF_TRY(gf_note_add(&index->notes, log, GF_WARNING, err,
                           "%llu image%s in folders inside of class folders (such as %s/); each is taken as one of "
                           "the class folder's",
                           (unsigned long long)l->walk.nested, l->walk.nested == 1 ? " lies" : "s lie",
                           GF_ESC(l->walk.nested_in)));
    }
    if (!index->loose) return GRAFT_OK;
    return gf_note_add(&index->notes, log, GF_WARNING, err, "%llu images lie outside of any class folder; left out",
                       (unsigned long long)index->loose);
}

static graft_status read_folder(gf_index *index, const char *path, const gf_data_options *options, gf_folder_rule rule,
                                graft_error *err)
{
    char *real_root = NULL, *inner = NULL;
    gf_layout l = {.walk = {.index = index, .options = options}, .rule = rule};
    graft_status status = GRAFT_OK;
    if (gf_is_dir(path)) {
        GF_GOTO(gf_real_path(path, &real_root, err));
        l.walk.real_root = real_root;
    } else {
        GF_GOTO(gf_members_open(index, path, options, err));
        GF_GOTO(gf_members_check(index, path, err));
        GF_GOTO(gf_members_inner(index, &inner, err));
        l.walk.inner = inner;
        l.walk.archive = 1;
    }
    index->root = inner && *inner ? gf_path_join(path, inner) : gf_strdup(path);
    if (!index->root) GF_GOTO(gf_fail_memory(err, strlen(path), "a file name"));
    GF_GOTO(gf_layout_find(&l, err));
    GF_GOTO(settle_classes(&l, err));
    for (size_t i = 0; i < l.n; i++) GF_GOTO(walk_place(&l, &l.place[i], err));
    GF_GOTO(tell_places(&l, err));
out:
    gf_layout_free(&l);
    gf_free(real_root);
    gf_free(inner);
    return status;
}

extern const gf_layout_class gf_layout_folder, gf_layout_parts, gf_layout_classes;

/* An archive is a folder that is packed. */
static bool is_folder(const char *path, const struct stat *st)
{
    return S_ISDIR(st->st_mode) || gf_archive_looks(path);
}

static graft_status read_auto(gf_index *index, const char *path, const gf_data_options *options, graft_error *err)
{
    return read_folder(index, path, options, GF_FOLDERS_AUTO, err);
}

static graft_status read_parts(gf_index *index, const char *path, const gf_data_options *options, graft_error *err)
{
    return read_folder(index, path, options, GF_FOLDERS_PARTS, err);
}

static graft_status read_classes(gf_index *index, const char *path, const gf_data_options *options, graft_error *err)
{
    return read_folder(index, path, options, GF_FOLDERS_CLASSES, err);
}

const gf_layout_class gf_layout_folder = {
    .name = "folder",
    .help = "a folder of class folders, or of parts (train, validation, test) with class folders: as it looks",
    .suits = is_folder,
    .read = read_auto,
};

const gf_layout_class gf_layout_parts = {
    .name = "parts",
    .help = "a folder of parts, whatever lies in their class folders",
    .by_name = true,
    .suits = is_folder,
    .read = read_parts,
};

const gf_layout_class gf_layout_classes = {
    .name = "classes",
    .help = "a folder in which each folder is a class, whatever its name",
    .by_name = true,
    .suits = is_folder,
    .read = read_classes,
};
