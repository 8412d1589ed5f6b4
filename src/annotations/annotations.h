/* annotations.h - labelled boxes of a folder of images, whatever format they are kept in: found, read, paired with
 * their images, checked, and put into pixels of the image as it is displayed.
 *
 * Reading collects what is wrong (`problem`) instead of stopping at the first, so that all of it can be told at once;
 * what does not parse at all is an error at once. No file of the user's is ever written. */
#ifndef GF_ANNOTATIONS_H
#define GF_ANNOTATIONS_H

#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/threads.h"
#include "boxes/boxes.h"
#include "data/notes.h"

enum { GF_NO_SPLIT = 255, GF_PROBLEMS_TOLD = 20 };

/* A labelled box. */
typedef struct gf_annotation {
    uint32_t image, class_id;
    gf_box box;     /* as read: of the format; checked: pixels of the displayed image, inside of it */
    double area;    /* of the object, as the label says; NaN: the box's */
    double score;   /* of a detection: 0 to 1 */
    uint32_t place; /* its line in the file of labels, or its number in the file's list */
    bool shares;    /* as read: the box is in shares of width and height */
    bool crowd, difficult, truncated;
} gf_annotation;

typedef struct gf_annotated {
    size_t path;            /* in gf_annotations.text: relative to the root */
    size_t source;          /* likewise: the file that labels it */
    uint32_t width, height; /* that the label says; 0: it does not */
    size_t first, n;        /* its boxes, once they are sorted */
    uint8_t split;          /* gf_split; GF_NO_SPLIT: the data do not say */
    bool listed;            /* `source` is there: no box means background */
    uint32_t w, h;          /* of the image as displayed; 0: not looked at */
    uint32_t stored_w, stored_h;
    uint8_t orientation; /* 1 to 8 as EXIF has it */
    gf_sha256 content;   /* of its file */
} gf_annotated;

typedef enum gf_voc_pixels {
    GF_VOC_AUTO,      /* inclusive where the file's <database> names VOC, else corners */
    GF_VOC_CORNERS,   /* xmin .. xmax are edges, from 0: as labelImg writes */
    GF_VOC_INCLUSIVE, /* whole pixels from 1, xmax belongs to the box: as the VOC challenge has them */
} gf_voc_pixels;

typedef struct gf_annotation_options {
    const struct gf_annotation_format *format; /* NULL: as the folder tells */
    gf_voc_pixels voc_pixels;
    bool background;    /* images that nothing labels are background, not left out */
    bool skip_bad;      /* labels without image, images that cannot be read: left out, not an error */
    bool scale;         /* labels made at another size are scaled */
    bool ignore_exif;   /* images are taken as stored */
    const char *rename; /* borrowed; "OLD=NEW,OLD=NEW"; NULL: none */
    const gf_log *log;  /* borrowed; NULL: notes are kept only */
} gf_annotation_options;

typedef struct gf_problem {
    gf_errno number;
    char *text; /* owned */
} gf_problem;

/* What the check did to boxes, and what it found. */
typedef struct gf_annotation_counts {
    uint64_t unlabelled;                     /* images left out, or background if so asked */
    uint64_t left_out;                       /* labels without image and bad images, with skip_bad */
    uint64_t empty, clipped, swapped, equal; /* boxes: dropped, cut, put right, dropped */
    uint64_t near_same, near_other;          /* pairs with IoU over 0.95: of one class, of two */
    uint64_t rotated, scaled;                /* images whose boxes were turned by EXIF, scaled */
    uint64_t duplicate_groups;               /* of images with equal bytes */
} gf_annotation_counts;

/* Zeroed is empty. */
typedef struct gf_annotations {
    char *root; /* NULL: the paths stand by themselves */
    const struct gf_annotation_format *format;
    gf_names classes;
    gf_annotated *image; /* sorted by path once read */
    size_t images, cap_images;
    gf_annotation *box; /* sorted by image, else as read */
    size_t boxes, cap_boxes;
    gf_text text;
    gf_problem problem[GF_PROBLEMS_TOLD];
    size_t problems; /* all; the first GF_PROBLEMS_TOLD are kept */
    gf_notes notes;
    gf_annotation_counts count;
    bool found; /* boxes are a model's detections: their scores are written beside them */
} gf_annotations;

/* Reads a folder, or one file of labels (the images are then below its folder). With a pool, on its threads. Status
 * DATA: E1125 where there are labels of no format or of several, E1133, E3201 and E1110 where a file does not parse,
 * E1134 where nothing is labelled. `out` is empty after a failure. */
graft_status gf_annotations_read(gf_annotations *out, const char *path, const gf_annotation_options *o, gf_pool *pool,
                                 graft_error *err);
void gf_annotations_free(gf_annotations *a); /* takes an empty one; leaves it empty */

/* Whether a folder or file has labels of boxes, by names and first bytes. */
bool gf_annotations_are(const char *path);

/* All problems as one error, with those that are told a line each; OK where there are none. */
graft_status gf_annotations_refuse(const gf_annotations *a, graft_error *err);

const char *gf_annotations_path(const gf_annotations *a, size_t image);   /* borrowed */
const char *gf_annotations_source(const gf_annotations *a, size_t image); /* likewise */

#endif
