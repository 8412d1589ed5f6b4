/* layout_choice.c - which layout data have: as asked for, or as their path tells. */
#include "base/distance.h"
#include "data/layouts.h"

#include <stdio.h>
#include <string.h>

graft_status gf_layout_parse(const gf_layout_class **layout, const char *name, graft_error *err)
{
    const char *nearest = "auto";
    const gf_layout_class *c;
    *layout = NULL;
    if (!name || !strcmp(name, nearest)) return GRAFT_OK;
    for (size_t i = 0; (c = gf_layout_at(i)); i++) {
        if (gf_edit_distance(name, c->name) < gf_edit_distance(name, nearest)) nearest = c->name;
        if (strcmp(name, c->name)) continue;
        *layout = c;
        return GRAFT_OK;
    }
    char hint[96];
    gf_text known = {0};
    snprintf(hint, sizeof hint, "did you mean %s?", nearest);
    for (size_t i = 0; (c = gf_layout_at(i)); i++) gf_text_printf(&known, ", %s", c->name);
    graft_status status = gf_fail(err, GF_E_OPTION_VALUE, hint, "layout %s is not known: auto%s are", GF_ESC(name),
                                  known.failed || !known.s ? "" : known.s);
    gf_text_free(&known);
    return status;
}

void gf_layout_words(gf_text *text)
{
    const gf_layout_class *c;
    gf_text_add(text, "auto - as the path tells\n");
    for (size_t i = 0; (c = gf_layout_at(i)); i++) gf_text_printf(text, "%s - %s\n", c->name, c->help);
}

graft_status gf_layout_no_column(const char *path, graft_error *err)
{
    return gf_fail(err, GF_E_OPTION_VALUE, "leave --weight-column out, or list the images in a CSV file",
                   "%s: weights are taken from a CSV file of images alone", GF_ESC(path));
}

graft_status gf_layout_read(gf_index *index, const char *path, const struct stat *st, const gf_data_options *options,
                            graft_error *err)
{
    const gf_layout_class *c = options->layout;
    if (c && !c->suits(path, st)) {
        return gf_fail(err, GF_E_DATA_LAYOUT, "leave --layout out, or give the path of such data",
                       "%s: cannot be of the layout %s (%s)", GF_ESC(path), c->name, c->help);
    }
    for (size_t i = 0; !c && gf_layout_at(i); i++) {
        const gf_layout_class *may_be = gf_layout_at(i);
        if (!may_be->by_name && may_be->suits(path, st)) c = may_be;
    }
    if (c && options->weight_column && S_ISDIR(st->st_mode)) return gf_layout_no_column(path, err);
    if (c) return c->read(index, path, options, err);
    return gf_fail(err, GF_E_DATA_NOT_FOUND, NULL,
                   "%s: neither a folder nor a CSV file, nor an archive (zip, tar, tar.gz)", GF_ESC(path));
}
