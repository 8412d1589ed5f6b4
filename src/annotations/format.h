/* format.h - how boxes are kept in files: a format is a class, an object of its own file, listed by one line in
 * annotation_formats.def; from the table follow what `--label-format` and `graft labels --to` take, help and messages.
 */
#ifndef GF_ANNOTATIONS_FORMAT_H
#define GF_ANNOTATIONS_FORMAT_H

#include "annotations/build.h"
#include "annotations/write.h"

typedef struct gf_annotation_format {
    const char *name;  /* "voc" */
    const char *title; /* "VOC XML" */
    const char *where; /* what is looked for, for messages: ".xml files of <annotation>" */
    bool ordered;      /* the files say the order of the classes; else they are sorted */
    /* Whether a file of labels is one of this format, by its name and beginning; files says what else there is. */
    graft_status (*is)(const gf_label_files *files, const char *file, bool *is, graft_error *err);
    graft_status (*read_all)(gf_annotating *a, graft_error *err);
    graft_status (*write_all)(gf_annotation_writer *w, graft_error *err);
} gf_annotation_format;

const gf_annotation_format *gf_annotation_format_at(size_t i); /* NULL behind the last */

/* Which of the formats the files are of. E1125 for none and for several. */
graft_status gf_annotation_format_find(const gf_annotation_format **out, const gf_label_files *files, graft_error *err);
/* By name. E3002 with the names that there are. */
graft_status gf_annotation_format_parse(const gf_annotation_format **out, const char *name, graft_error *err);

#endif
