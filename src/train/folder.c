#include "train/folder.h"

#include "base/alloc.h"
#include "base/sys.h"
#include "data/paths.h"
#include "report/events.h"
#include "report/part.h"
#include "report/report.h"
#include "train/checkpoint.h"

#include <stdio.h>
#include <string.h>

/* The list goes first, then config.json: what is left after a clearing that was cut short is no run. */
static const gf_folder_row rows[] = {
    {.name = GF_FOLDER_LIST},
    {.name = GF_FOLDER_CONFIG},
    {.name = GF_FOLDER_MODEL, .promised = true},
    {.name = GF_FOLDER_CLASSES, .before = true, .promised = true},
    {.name = GF_FOLDER_DECISIONS, .before = true, .promised = true},
    {.name = GF_REPORT_METRICS, .promised = true},
    {.name = GF_REPORT_HISTORY, .promised = true},
    {.name = GF_EVENTS_NAME, .promised = true},
    {.name = GF_REPORT_CARD, .promised = true},
    {.name = GF_REPORT_PAGE, .promised = true},
    {.name = GF_FOLDER_DIVERGED},
    {.name = GF_FOLDER_PROBE},
    {.name = GF_FOLDER_RATES, .before = true},
    {.name = GF_FOLDER_RATES_PLOT, .before = true},
    {.name = GF_FOLDER_BASE, .before = true},
    {.name = GF_FOLDER_DATA, .before = true},
    {.name = GF_FOLDER_SPLIT, .before = true, .promised = true},
};
enum { ROWS = sizeof rows / sizeof *rows };

bool gf_folder_at(size_t i, gf_folder_row *row)
{
    if (i < ROWS) *row = rows[i];
    if (i < ROWS) return true;
    const gf_plot *plot = gf_report_plot_at(i - ROWS);
    if (!plot) return false;
    *row = (gf_folder_row){.promised = true};
    snprintf(row->name, sizeof row->name, GF_REPORT_PLOTS "/%s", plot->file);
    return true;
}

/* The row that a name is of, which may have .tmp behind it; *tmp tells that. */
static bool find(const char *name, gf_folder_row *row, bool *tmp)
{
    for (size_t i = 0; gf_folder_at(i, row); i++) {
        size_t n = strlen(row->name);
        if (strncmp(name, row->name, n)) continue;
        *tmp = !strcmp(name + n, ".tmp");
        if (*tmp || !name[n]) return true;
    }
    return false;
}

bool gf_folder_writes(const char *name)
{
    gf_folder_row row;
    bool tmp;
    size_t n = strlen(GF_FOLDER_CHECKPOINTS "/");
    if (find(name, &row, &tmp)) return true;
    return !strncmp(name, GF_FOLDER_CHECKPOINTS "/", n) && gf_checkpoint_is_name(name + n);
}

/* Whether DIR is a run and DIR/PREFIX/NAME (prefix may be "") is a file of it, or the very file `st`. */
static bool is_of_run(const char *dir, const char *prefix, const char *name, const struct stat *st)
{
    gf_folder_row row;
    struct stat own;
    char *config = gf_path_join(dir, GF_FOLDER_CONFIG), *checkpoints = gf_path_join(dir, GF_FOLDER_CHECKPOINTS);
    bool found = false, run = config && checkpoints && gf_is_file(config) && gf_is_dir(checkpoints);
    char *inside = gf_sprintf("%s%s%s", prefix, *prefix ? "/" : "", name);
    found = run && inside && gf_folder_writes(inside);
    for (size_t i = 0; run && st && !found && gf_folder_at(i, &row); i++) {
        char *path = gf_path_join(dir, row.name);
        found = path && !gf_sys_stat(path, &own) && own.st_dev == st->st_dev && own.st_ino == st->st_ino;
        gf_free(path);
    }
    gf_free(config);
    gf_free(checkpoints);
    gf_free(inside);
    return found;
}

/* Where the name leads, in its folder or, as plots/NAME, in the one above. */
static bool leads_into_run(const char *real, const struct stat *st)
{
    const char *name = strrchr(real, '/'), *up = name;
    if (!name) return false;
    while (up > real && up[-1] != '/') up--;
    char *dir = gf_strndup(real, (size_t)(name - real)), *above = gf_strndup(real, (size_t)(up - real)),
         *folder = gf_strndup(up, (size_t)(name - up));
    bool found = dir && above && folder && (is_of_run(dir, "", name + 1, st) || is_of_run(above, folder, name + 1, st));
    gf_free(dir);
    gf_free(above);
    gf_free(folder);
    return found;
}

graft_status gf_folder_check_out(const char *path, graft_error *err)
{
    struct stat st;
    bool there = !gf_sys_stat(path, &st), found = false;
    const char *slash = strrchr(path, '/');
    char *parent = slash ? gf_strndup(path, (size_t)(slash - path + 1)) : gf_strdup("."), *real = NULL, *whole = NULL;
    if (!parent) return gf_fail_memory(err, strlen(path), "a file name");
    if (there) gf_real_path(path, &real, NULL); /* the file that a link leads to */
    found = real && leads_into_run(real, &st);
    gf_free(real);
    real = NULL;
    if (!found &&
        gf_real_path(parent, &real, NULL) == GRAFT_OK) { /* the link itself, or a name that is not there yet */
        whole = gf_path_join(real, slash ? slash + 1 : path);
        found = whole && leads_into_run(whole, there ? &st : NULL);
    }
    gf_free(real);
    gf_free(whole);
    gf_free(parent);
    if (!found) return GRAFT_OK;
    return gf_fail(err, GF_E_OUT_EXISTS, "give another name; in the run folder too, as RUN/model.pytorch.safetensors",
                   "%s: is a file of a run, which is not written over", GF_ESC(path));
}

/* Whether all files of the folder are of rows written before config.json. `prefix` is "" or "checkpoint/". */
static bool all_before(const char *dir, const char *prefix)
{
    gf_names names;
    bool ok = gf_dir_list(dir, &names, NULL) == GRAFT_OK;
    for (size_t i = 0; ok && i < names.n; i++) {
        gf_folder_row row;
        bool tmp;
        char *name = gf_sprintf("%s%s", prefix, names.item[i]), *path = gf_path_join(dir, names.item[i]);
        if (!name || !path) {
            ok = false;
        } else if (!*prefix && !strcmp(name, GF_FOLDER_CHECKPOINTS)) {
            ok = gf_is_dir(path) && all_before(path, GF_FOLDER_CHECKPOINTS "/");
        } else if (*prefix || strcmp(name, ".lock")) {
            ok = find(name, &row, &tmp) && (row.before || (tmp && !strcmp(row.name, GF_FOLDER_CONFIG)));
        }
        gf_free(name);
        gf_free(path);
    }
    gf_names_free(&names);
    return ok;
}

bool gf_folder_not_begun(const char *dir) { return all_before(dir, ""); }

/* ---- clearing */

static void remove_file(const char *dir, const char *name, const char *ending)
{
    char *path = gf_sprintf("%s/%s%s", dir, name, ending);
    if (path) gf_sys_unlink(path);
    gf_free(path);
}

static void remove_folder(const char *dir, const char *name)
{
    char *path = gf_path_join(dir, name);
    if (path) gf_sys_rmdir(path);
    gf_free(path);
}

/* All checkpoints, or what is left half written of some. */
static void remove_checkpoints(const char *dir, bool half_written)
{
    gf_names names;
    char *path = gf_path_join(dir, GF_FOLDER_CHECKPOINTS);
    if (path && gf_dir_list(path, &names, NULL) == GRAFT_OK) {
        for (size_t i = 0; i < names.n; i++) {
            bool tmp = strlen(names.item[i]) > 4 && !strcmp(names.item[i] + strlen(names.item[i]) - 4, ".tmp");
            if (gf_checkpoint_is_name(names.item[i]) && (tmp || !half_written)) remove_file(path, names.item[i], "");
        }
        gf_names_free(&names);
    }
    gf_free(path);
}

void gf_folder_remove_tmp(const char *dir)
{
    gf_folder_row row;
    for (size_t i = 0; gf_folder_at(i, &row); i++) remove_file(dir, row.name, ".tmp");
    remove_checkpoints(dir, true);
}

void gf_folder_clear(const char *dir)
{
    gf_folder_row row;
    for (size_t i = 0; gf_folder_at(i, &row); i++) remove_file(dir, row.name, "");
    gf_folder_remove_tmp(dir);
    remove_checkpoints(dir, false);
    remove_folder(dir, GF_REPORT_PLOTS);
    remove_folder(dir, GF_FOLDER_CHECKPOINTS);
}

/* ---- the list */

void gf_folder_remove(const char *dir, const char *name) { remove_file(dir, name, ""); }

static graft_status digest_of(const char *dir, const char *name, char hex[65], graft_error *err)
{
    gf_sha256 digest;
    char *path = gf_path_join(dir, name);
    graft_status status = path ? gf_file_sha256(path, &digest, err) : gf_fail_memory(err, strlen(name), "a file name");
    gf_free(path);
    if (status == GRAFT_OK) gf_sha256_hex(&digest, hex);
    return status;
}

static bool is_there(const char *dir, const char *name)
{
    char *path = gf_path_join(dir, name);
    bool there = path && gf_is_file(path);
    gf_free(path);
    return there;
}

graft_status gf_folder_write_list(const char *dir, graft_error *err)
{
    gf_text t = {0};
    gf_folder_row row;
    char hex[65], *path = gf_path_join(dir, GF_FOLDER_LIST);
    graft_status status = path ? GRAFT_OK : gf_fail_memory(err, strlen(dir), "a file name");
    for (size_t i = 0; status == GRAFT_OK && gf_folder_at(i, &row); i++) {
        if (!row.promised || !is_there(dir, row.name)) continue;
        status = digest_of(dir, row.name, hex, err);
        gf_text_printf(&t, "%s  %s\n", hex, row.name);
    }
    if (status == GRAFT_OK && t.failed) status = gf_fail_memory(err, t.n, GF_FOLDER_LIST);
    if (status == GRAFT_OK) status = gf_file_write(path, &(gf_bytes){t.s, t.n}, 1, err);
    gf_text_free(&t);
    gf_free(path);
    return status;
}

static graft_status add_broken(gf_names *broken, const char *dir, const char *name, const char *how, const gf_log *log,
                               graft_error *err)
{
    gf_log_say(log, GF_WARNING, "%s/%s %s", GF_ESC(dir), GF_ESC(name), how);
    return gf_names_add(broken, name, err);
}

bool gf_folder_next(const char **at, gf_folder_entry *entry)
{
    enum { HEX = sizeof entry->digest - 1, GAP = 2 };
    gf_folder_row row;
    bool tmp = true;
    size_t n = strcspn(*at, "\n"), name = n > HEX + GAP ? n - HEX - GAP : 0;
    *entry = (gf_folder_entry){0};
    if (!name || name >= sizeof entry->name || (*at)[n] != '\n') return false;
    if (strspn(*at, "0123456789abcdef") != HEX || memcmp(*at + HEX, "  ", GAP)) return false;
    memcpy(entry->digest, *at, HEX);
    memcpy(entry->name, *at + HEX + GAP, name);
    *at += n + 1;
    return find(entry->name, &row, &tmp) && !tmp && row.promised;
}

static graft_status check_entry(const gf_folder_entry *e, const char *dir, gf_names *broken, const gf_log *log,
                                graft_error *err)
{
    char hex[sizeof e->digest];
    graft_error why = {0};
    if (!is_there(dir, e->name)) return add_broken(broken, dir, e->name, "is missing", log, err);
    graft_status status = digest_of(dir, e->name, hex, &why);
    if (status == GRAFT_RESOURCE && why.number == GF_E_NO_MEMORY && err) *err = why;
    if (status == GRAFT_RESOURCE && why.number == GF_E_NO_MEMORY) return status;
    if (status != GRAFT_OK) return add_broken(broken, dir, e->name, "cannot be read", log, err);
    return strcmp(hex, e->digest) ? add_broken(broken, dir, e->name, "is not as the run wrote it", log, err) : GRAFT_OK;
}

graft_status gf_folder_check(const char *dir, gf_folder_state *state, gf_names *broken, const gf_log *log,
                             graft_error *err)
{
    enum { LARGEST = 1 << 20 };
    *state = GF_FOLDER_OPEN;
    *broken = (gf_names){0};
    if (!is_there(dir, GF_FOLDER_LIST)) return GRAFT_OK;
    uint8_t *text = NULL;
    size_t n = 0;
    char *path = gf_path_join(dir, GF_FOLDER_LIST);
    graft_status status = path ? gf_file_read(path, LARGEST, &text, &n, err) : gf_fail_memory(err, 64, "a file name");
    const char *at = (const char *)text;
    bool whole = text && strstr(at, "  " GF_FOLDER_MODEL "\n");
    gf_folder_entry entry;
    while (status == GRAFT_OK && whole && at < (const char *)text + n) {
        whole = gf_folder_next(&at, &entry);
        if (whole) status = check_entry(&entry, dir, broken, log, err);
    }
    if (status == GRAFT_OK && !whole) status = add_broken(broken, dir, GF_FOLDER_LIST, "is damaged", log, err);
    *state = broken->n ? GF_FOLDER_BROKEN : GF_FOLDER_WHOLE;
    if (status != GRAFT_OK) gf_names_free(broken);
    gf_free(text);
    gf_free(path);
    return status;
}
