/* annotation_formats.c - the table of annotation_formats.def, and its lookup. */
#include "annotations/format.h"
#include "base/arguments.h"

#include <string.h>

#define GF_ANNOTATION_FORMAT(x) extern const gf_annotation_format gf_annotation_format_##x;
#include "annotations/annotation_formats.def"
#undef GF_ANNOTATION_FORMAT

static const gf_annotation_format *const formats[] = {
#define GF_ANNOTATION_FORMAT(x) &gf_annotation_format_##x,
#include "annotations/annotation_formats.def"
#undef GF_ANNOTATION_FORMAT
};
enum { FORMATS = sizeof formats / sizeof *formats };

const gf_annotation_format *gf_annotation_format_at(size_t i) { return i < FORMATS ? formats[i] : NULL; }
static const char *name_at(size_t i) { return i < FORMATS ? formats[i]->name : NULL; }

graft_status gf_annotation_format_parse(const gf_annotation_format **out, const char *name, graft_error *err)
{
    size_t i = gf_name_find(name_at, name, strlen(name));
    *out = gf_annotation_format_at(i);
    if (*out) return GRAFT_OK;
    return gf_name_fail(GF_E_OPTION_VALUE, "format of labels", name_at, name, strlen(name), err);
}

graft_status gf_annotation_format_find(const gf_annotation_format **out, const gf_label_files *files, graft_error *err)
{
    gf_text names = {0}, looked = {0};
    size_t n = 0;
    graft_status status = GRAFT_OK;
    *out = NULL;
    for (size_t i = 0; i < FORMATS && status == GRAFT_OK; i++) {
        bool is = false;
        for (size_t k = 0; k < files->file.n && !is && status == GRAFT_OK; k++)
            status = formats[i]->is(files, files->file.item[k], &is, err);
        gf_text_printf(&looked, "%s%s", i ? "; " : "", formats[i]->where);
        if (!is) continue;
        gf_text_printf(&names, "%s%s", n++ ? ", " : "", formats[i]->name);
        *out = formats[i];
    }
    if (status != GRAFT_OK)
        ;
    else if (names.failed || looked.failed)
        status = gf_fail_memory(err, 1, files->root);
    else if (n == 0)
        status = gf_fail(err, GF_E_DATA_LAYOUT, NULL, "%s: no labels of boxes in it. Looked for were: %s",
                         GF_ESC(files->root), looked.s);
    else if (n > 1)
        status = gf_fail(err, GF_E_DATA_LAYOUT, "--label-format says which of them to take, or name the file of labels",
                         "%s: labels of several formats: %s", GF_ESC(files->root), names.s);
    gf_text_free(&names);
    gf_text_free(&looked);
    return status;
}
