/* keras_args.h - the arguments of a layer in Keras's configuration, as both Keras write them. A reader remembers its
 * first failure, so that tables of arguments need no checks. */
#ifndef GF_EXCHANGE_KERAS_ARGS_H
#define GF_EXCHANGE_KERAS_ARGS_H

#include "graph/model.h"
#include "json/json.h"

enum { GF_KERAS_LARGEST = 1 << 24, GF_KERAS_LARGEST_SIDE = 1 << 15 }; /* channels, units; windows, strides, padding */

/* A layer while its arguments are read. After a failure every call does nothing; the failure is in `status`. */
typedef struct gf_keras_reader {
    const char *file, *cls; /* for messages: the file's name, the class as the file has it */
    const gf_json *config;
    const gf_json *call; /* the named arguments of its call; NULL: none */
    bool integers;       /* its source is an input of integers */
    const gf_shape *src; /* of its first source; NULL: none */
    double constant;     /* the other operand of an operation on one tensor, such as x + 3 */
    bool has_constant, constant_first;
    bool old;        /* written by Keras 2: a few names meant something else there */
    gf_layer *l;     /* what comes out: name and sources are set, reading sets class and attributes */
    gf_layer before; /* a layer between its second source and it, where cls is set */
    gf_layer after;  /* a second layer behind it, where cls is set: a softmax that Keras has inside the layer */
    graft_error *err;
    graft_status status;
} gf_keras_reader;

/* Fails the reader: E2601, "FILE: layer NAME (CLASS): KEY is VALUE, wanted is ...". */
void gf_keras_refuse(gf_keras_reader *r, const char *key, const char *wanted);

/* An argument; NULL where it is null or not there. */
const gf_json *gf_keras_arg(const gf_keras_reader *r, const char *key);

/* An argument's value; where it is absent the fallback, where it is of another kind the reader fails. */
int gf_keras_int(gf_keras_reader *r, const char *key, int lowest, int highest, int fallback);
bool gf_keras_flag(gf_keras_reader *r, const char *key, bool fallback);
float gf_keras_float(gf_keras_reader *r, const char *key, double fallback); /* finite */
const char *gf_keras_word(gf_keras_reader *r, const char *key, const char *fallback);
/* One number for both, or a list of two, of at most GF_KERAS_LARGEST_SIDE. */
void gf_keras_pair(gf_keras_reader *r, const char *key, int lowest, int fallback, int *a, int *b);
/* The same of a window's height and width; a layer of sequences has one number, the width: its height is `row`. */
void gf_keras_sides(gf_keras_reader *r, const char *key, int lowest, int fallback, int row, int *h, int *w);
/* A word of which one value alone is known, the default. */
void gf_keras_must_be(gf_keras_reader *r, const char *key, const char *value);
/* "axis" is the last one of the layer's input, the default; it counts the batch. */
void gf_keras_last_axis(gf_keras_reader *r);

/* The elements of a list or tuple; NULL: it is none. */
const gf_json *gf_keras_list(const gf_json *j);
/* Sets *out where j is a whole number in that range. */
bool gf_keras_in_range(const gf_json *j, int lowest, int highest, int *out);
bool gf_keras_is_float(double x); /* finite, also as a float */

/* The number that reads back as the same float, with as few digits as that takes. */
gf_json *gf_keras_real(float x);

#endif
