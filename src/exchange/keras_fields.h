/* keras_fields.h - the arguments of Keras's layer classes as tables: what an argument is called, of what kind it is,
 * what it is where a file leaves it out, and which attribute of a layer (gf_layer.at) holds it. A table is read and
 * written from; what does not fit into one has functions of its own (keras_layers.h). */
#ifndef GF_EXCHANGE_KERAS_FIELDS_H
#define GF_EXCHANGE_KERAS_FIELDS_H

#include "exchange/keras_args.h"

#include <stddef.h>

typedef enum gf_keras_kind {
    GF_KERAS_COUNT,   /* int, of 1 and more; there is no default */
    GF_KERAS_WHOLE,   /* int, of 1 and more */
    GF_KERAS_FLAG,    /* bool */
    GF_KERAS_UNLESS,  /* bool that says the contrary: use_bias, no_bias */
    GF_KERAS_FLOAT,   /* float */
    GF_KERAS_REAL,    /* float, of 0 and more */
    GF_KERAS_SHARE,   /* float, of 0 and below 1 */
    GF_KERAS_SIDES,   /* two ints, height and width; of a sequence the width alone. usual 0, needed: there is no default
                       */
    GF_KERAS_PADDING, /* valid, same, causal */
    GF_KERAS_ACT,     /* the activation within the layer */
    GF_KERAS_CHANNELS, /* an axis that has to be the last one */
    GF_KERAS_FALSE,    /* known only as false */
    GF_KERAS_NULL,     /* known only as null */
    GF_KERAS_LAST      /* data_format, known only as channels_last */
} gf_keras_kind;

typedef struct gf_keras_field {
    const char *name; /* NULL: the table's end */
    gf_keras_kind kind;
    size_t at, more; /* offsets in gf_layer; more: of the second of SIDES */
    double usual;    /* where the file leaves it out */
    bool needed;     /* of SIDES: it may not be left out */
} gf_keras_field;

#define GF_KERAS_AT(field) offsetof(gf_layer, at.field)

/* Fails the reader at the first argument that is not of its kind. */
void gf_keras_read_fields(gf_keras_reader *r, const gf_keras_field *fields);
void gf_keras_write_fields(const gf_layer *l, const gf_keras_field *fields, gf_json *config);

#endif
