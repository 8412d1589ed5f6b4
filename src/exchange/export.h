/* export.h - a model into other tools' files. One row a format. */
#ifndef GF_EXCHANGE_EXPORT_H
#define GF_EXCHANGE_EXPORT_H

#include "base/files.h"
#include "base/io.h"
#include "exchange/export_boxes.h"
#include "graph/model.h"

/* Beside the model; borrowed. */
typedef struct gf_export_what {
    const gf_names *classes;
    const gf_export_boxes *boxes; /* NULL: it is no detector */
    const gf_files *tokenizer;    /* of a model of texts: its tokenizer's files, byte for byte; else NULL or none */
} gf_export_what;

typedef struct gf_export_format {
    const char *name, *ending; /* "keras", ".keras" */
    const char *what;          /* for people */
    bool has_graph;            /* gf_import reads it back; else its values alone can be loaded */
    bool has_values;
    bool folder; /* `path` is one, which is not there yet; what is written into it before a failure stays */
    graft_status (*write)(const char *path, const gf_model *m, const gf_export_what *what, graft_error *err);
} gf_export_format;

const gf_export_format *gf_export_find(const char *name);      /* NULL: no such */
const gf_export_format *gf_export_by_ending(const char *path); /* NULL: none */
const gf_export_format *gf_export_at(size_t i);                /* NULL behind the last */

#endif
