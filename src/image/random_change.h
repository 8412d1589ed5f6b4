/* random_change.h - a random change of training images: a class, an object of its own file, listed by one line in
 * random_changes.def. From its rows follow the grammar of --augment, checks, messages and help. */
#ifndef GF_IMAGE_RANDOM_CHANGE_H
#define GF_IMAGE_RANDOM_CHANGE_H

#include "base/rng.h"
#include "image/transform.h"

/* Whose rule a word follows. graft's own are one symmetric rule per image; those of Keras and torchvision are theirs,
 * quirks included. A class may be of several families. */
typedef enum gf_change_family { GF_CHANGE_OWN = 1, GF_CHANGE_KERAS = 2, GF_CHANGE_TORCH = 4 } gf_change_family;

typedef enum gf_change_kind {
    GF_CHANGE_NUMBER, /* 0.2 */
    GF_CHANGE_SPAN,   /* 0.8-1: low and high; one number is both */
    GF_CHANGE_ANGLE,  /* in turns, or in degrees as 15deg */
    GF_CHANGE_ANGLES, /* one, or two as in a span */
    GF_CHANGE_WHOLE,  /* 224 */
    GF_CHANGE_CHOICE, /* one of `choices`; its place is the value */
    GF_CHANGE_FLAG,   /* the name alone: 1 */
    GF_CHANGE_FILL,   /* reflect, nearest, wrap, or a gray value: low is a gf_border, high the gray */
} gf_change_kind;

typedef struct gf_change_arg {
    const char *name; /* the first row's value stands behind the word's =, further ones behind colons, by place or as
                         name=value */
    gf_change_kind kind;
    double min, max;           /* included */
    const char *default_value; /* as it would be written; NULL: it must be given */
    const char *choices;       /* "a|b" */
    const char *help;
} gf_change_arg;

/* For the rows of changes that map an image. */
#define GF_CHANGE_FILL_ROW(default_)                                                      \
    {                                                                                     \
        .name = "fill", .kind = GF_CHANGE_FILL, .max = 255, .default_value = (default_),  \
        .help = "what lies outside of the image: reflect, nearest, wrap, or a gray value" \
    }
#define GF_CHANGE_NEAREST_ROW                                                                                       \
    {                                                                                                               \
        .name = "nearest", .kind = GF_CHANGE_FLAG, .max = 1, .help = "the nearest pixel instead of a blend of four" \
    }

enum { GF_CHANGE_ARGS = 8 };

typedef struct gf_change_args {
    struct gf_change_value {
        double low, high; /* equal but for spans and angles; a flag: 0 or 1 */
        bool given;       /* false: the default */
        bool pair;        /* LOW-HIGH was written */
    } value[GF_CHANGE_ARGS];
} gf_change_args;

typedef struct gf_random_change_class {
    unsigned families;   /* gf_change_family, added */
    const char *name;    /* lower case, hyphens: "resized-crop" */
    const char *aliases; /* "hflip|mirror"; NULL: none */
    const char *help;    /* what it does, one line */
    const gf_change_arg *args;
    int n_args; /* at most GF_CHANGE_ARGS */
    /* Its own numbers: unique among the classes, at most 0xffff, and never changed. (flip and rotate share 0, which
     * is theirs since the first version: each draws a number of two.) */
    uint32_t stream;

    /* Draws a transform of an h x w image into t, an identity as it comes. args are checked; numbers come from rng
     * alone. Same bits on every CPU: no functions of libm but those that are exact. */
    void (*draw)(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t);

    bool mixes; /* it draws t->mix and nothing else, for the size of what comes out at the end */
    int (*times)(const gf_change_args *args);                 /* it draws so many transforms; NULL: one */
    void (*size)(const gf_change_args *args, int *h, int *w); /* of its output, from its input's; NULL: equal */
} gf_random_change_class;

#define GF_ROWS_OF(rows) .args = (rows), .n_args = (int)(sizeof(rows) / sizeof *(rows))

/* The table, in its order; NULL behind the last. */
const gf_random_change_class *gf_random_change_at(size_t i);

/* The class of that family with that name or alias; NULL: none. `n` bytes of name. */
const gf_random_change_class *gf_random_change_find(gf_change_family family, const char *name, size_t n);

/* A rotation about the center by so many turns: counter-clockwise where y points down. */
void gf_transform_rotate(gf_transform *t, int h, int w, float turns);

/* Sets border, fill and interpolation of t by values of GF_CHANGE_FILL_ROW and GF_CHANGE_NEAREST_ROW (NULL: no). */
void gf_change_set_border(gf_transform *t, const struct gf_change_value *fill, const struct gf_change_value *nearest);

#endif
