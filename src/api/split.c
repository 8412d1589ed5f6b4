/* split.c - data shared out into folders of parts: OUT/{train,validation,test}/CLASS/files, and OUT/split.csv. */
#include "api/internal.h"

#include "base/io.h"
#include "base/sys.h"
#include "data/images.h"
#include "data/paths.h"
#include "data/split_rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct sharing {
    graft_context *context;
    gf_index *index;
    const char *out;
    gf_buffer file;
    gf_sha256 *content; /* of each image; the index's once all are read */
} sharing;

/* A folder that holds nothing yet, or none. */
static graft_status check_empty(const char *out, graft_error *err)
{
    gf_names names = {0};
    struct stat st;
    if (gf_sys_lstat(out, &st) && errno == ENOENT) return GRAFT_OK;
    GF_TRY(gf_dir_list(out, &names, err));
    bool empty = !names.n;
    gf_names_free(&names);
    if (empty) return GRAFT_OK;
    return gf_fail(err, GF_E_OUT_EXISTS, "give the name of a folder that is not there yet", "%s: is not empty",
                   GF_ESC(out));
}

/* The path below its class folder, with _ for /, so that no two files of a class have one name. */
static char *name_in_class(const gf_index *index, uint32_t i)
{
    const char *path = gf_index_path(index, i), *name = strrchr(path, '/');
    const char *of = index->classes.item[index->sample[i].class_id];
    size_t n = strlen(of);
    for (const char *s = path; (s = strstr(s, of)); s++) {
        bool whole = (s == path || s[-1] == '/') && s[n] == '/';
        if (whole) name = s + n;
        if (whole) break;
    }
    char *out = gf_strdup(name ? name + 1 : path);
    for (char *s = out; s && *s; s++) *s = *s == '/' ? '_' : *s;
    return out;
}

static char *folder_of_class(const char *name)
{
    bool dots = !strcmp(name, ".") || !strcmp(name, "..");
    char *out = gf_sprintf("%s%s", dots ? "_" : "", name);
    for (char *s = out; s && *s; s++) *s = *s == '/' ? '_' : *s;
    return out;
}

static graft_status copy_one(sharing *s, uint32_t i, graft_error *err)
{
    const gf_sample *one = &s->index->sample[i];
    char *name = name_in_class(s->index, i), *class_name = folder_of_class(s->index->classes.item[one->class_id]);
    char *folder = class_name ? gf_sprintf("%s/%s/%s", s->out, gf_split_name((gf_split)one->split), class_name) : NULL;
    char *to = folder && name ? gf_path_join(folder, name) : NULL;
    struct stat st;
    graft_status status = to ? GRAFT_OK : gf_fail_memory(err, strlen(s->out), "a file name");
    GF_GOTO(status);
    GF_GOTO(gf_make_dirs(folder, err));
    GF_GOTO(gf_sample_read(s->index, i, &s->file, err));
    s->content[i] = gf_sha256_of(s->file.data, s->file.n);
    if (!gf_sys_lstat(to, &st)) {
        GF_GOTO(gf_fail(err, GF_E_OUT_EXISTS, "give one of the two another name",
                        "%s: two images of one class would have this name", GF_ESC(to)));
    }
    GF_GOTO(gf_file_write(to, &(gf_bytes){s->file.data, s->file.n}, 1, err));
out:
    gf_free(to);
    gf_free(folder);
    gf_free(class_name);
    gf_free(name);
    return status;
}

static graft_status copy_all(sharing *s, graft_error *err)
{
    for (uint32_t i = 0; i < s->index->n; i++) {
        GF_TRY(copy_one(s, i, err));
        GF_TRY(gf_api_stop_asked(s->context, err));
    }
    s->index->content = s->content;
    s->content = NULL;
    char *text = NULL, *path = gf_path_join(s->out, "split.csv");
    if (!path) return gf_fail_memory(err, strlen(s->out), "a file name");
    graft_status status = gf_split_text(s->index, &text, err);
    if (status == GRAFT_OK) status = gf_file_write_text(path, text, err);
    gf_free(text);
    gf_free(path);
    return status;
}

static graft_status tell(const gf_index *index, const char *out_dir, graft_result **out, graft_error *err)
{
    gf_json *j = gf_json_object(), *parts = gf_json_object(), *classes = gf_json_array();
    gf_text text = {0};
    gf_json_set(j, "folder", gf_json_string(out_dir));
    for (int p = 0; p < GF_SPLITS; p++) {
        gf_json_set(parts, gf_split_name((gf_split)p), gf_json_int(index->first[p + 1] - index->first[p]));
    }
    gf_json_set(j, "images", parts);
    gf_json_set(j, "groups", gf_json_int((int64_t)index->groups.n));
    gf_text_printf(&text, "%-24s %8s %10s %8s\n", "class", "train", "validation", "test");
    for (uint32_t c = 0; c < index->classes.n; c++) {
        gf_json *row = gf_json_object();
        gf_json_set(row, "class", gf_json_string(index->classes.item[c]));
        gf_text_printf(&text, "%-24.24s", GF_ESC(index->classes.item[c]));
        for (int p = 0; p < GF_SPLITS; p++) {
            uint64_t n = gf_index_count(index, (gf_split)p, c);
            gf_json_set(row, gf_split_name((gf_split)p), gf_json_int((int64_t)n));
            gf_text_printf(&text, p == GF_VALIDATION ? " %10llu" : " %8llu", (unsigned long long)n);
        }
        gf_json_add(classes, row);
        gf_text_add(&text, "\n");
    }
    gf_json_set(j, "classes", classes);
    gf_text_printf(&text, "%-24s %8u %10u %8u\n", "all", index->first[1], index->first[2] - index->first[1],
                   index->first[3] - index->first[2]);
    return gf_result_create(out, j, text.s, err);
}

static graft_status split(graft_context *c, const char *path, const graft_data_options *given, const char *out_dir,
                          graft_result **out, graft_error *err)
{
    const graft_data_options options = gf_api_opened_options(c, given);
    graft_data d = {.context = c, .path = (char *)path, .options = options, .settings = c->settings, .log = c->log};
    gf_data_options o = gf_api_data_options(&d);
    sharing s = {.context = c, .out = out_dir};
    gf_index *index;
    GF_TRY(check_empty(out_dir, err));
    GF_TRY(gf_index_build(&index, path, &o, err));
    if (index->sets) {
        graft_status refused = gf_api_want_one_label(index, "graft split copies into folders of classes", err);
        gf_index_free(index);
        return refused;
    }
    s.index = index;
    s.content = gf_new_n(index->n, gf_sha256);
    graft_status status =
        s.content ? gf_make_dirs(out_dir, err) : gf_fail_memory(err, index->n * sizeof *s.content, "the split");
    if (status == GRAFT_OK) status = copy_all(&s, err);
    if (status == GRAFT_OK) status = tell(index, out_dir, out, err);
    gf_buffer_free(&s.file);
    gf_free(s.content);
    gf_index_free(index);
    return status;
}

graft_status graft_split(graft_context *c, const char *path, const graft_data_options *options, const char *out_dir,
                         graft_result **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(c, "context");
    GF_NEEDS(path, "path");
    GF_NEEDS(options, "options");
    GF_NEEDS(out_dir, "out_dir");
    gf_api_begin(c, GRAFT_STAGE_CHECK);
    return gf_api_end(split(c, path, options, out_dir, out, err), err);
}
