/* build.h - what the readers of annotations share: the files that there are, and adding to a set. */
#ifndef GF_ANNOTATIONS_BUILD_H
#define GF_ANNOTATIONS_BUILD_H

#include "annotations/annotations.h"

enum { GF_LABEL_FILE_MOST = 100 << 20, GF_BOXES_OF_IMAGE_MOST = 10000 };

/* The files below a folder: what may be a label, and the images. Links to folders are not followed. */
typedef struct gf_label_files {
    char *root;
    char *only;        /* the one file of labels that was named, relative; NULL: a folder was */
    gf_names file;     /* of labels, by ending; relative to root, sorted by bytes */
    gf_names image;    /* likewise */
    uint32_t *by_name; /* the images' numbers, sorted by the last component of their path */
} gf_label_files;

/* Of a folder, or of a file of labels; `images` false: of such a file that alone, without the images around it. */
graft_status gf_label_files_find(gf_label_files *out, const char *path, bool images, graft_error *err);
void gf_label_files_free(gf_label_files *f);

/* Whether a file's ending is `extension` ("xml"), in any case. */
bool gf_has_ending(const char *path, const char *extension);
/* The part of a path behind its last '/', and how long that is without its ending. */
const char *gf_base_name(const char *path);
size_t gf_stem_length(const char *base);

/* Reads a file of labels whole. E5005 above GF_LABEL_FILE_MOST. */
graft_status gf_label_file_read(const gf_label_files *f, const char *file, uint8_t **bytes, size_t *n,
                                graft_error *err);
/* The first bytes of it, a NUL behind them. */
enum { GF_LABEL_BEGIN = 4096 };
graft_status gf_label_file_begin(const gf_label_files *f, const char *file, char buf[GF_LABEL_BEGIN + 1], size_t *n,
                                 graft_error *err);

typedef enum gf_found { GF_FOUND_NONE, GF_FOUND_ONE, GF_FOUND_SEVERAL } gf_found;
/* The image that a label in `label` means by `wanted`, a path of any kind, which may lie but for its last component:
 * of those of that name the one whose path has most of wanted's last components, then most of the label's first ones.
 * `whole` false: wanted is a stem, the ending is any. */
gf_found gf_find_image(const gf_label_files *f, const char *label, const char *wanted, bool whole, size_t *image);

/* ---- adding */

/* A set in the making: which image of `files` is which of the set. */
typedef struct gf_annotating {
    gf_annotations *to;
    const gf_annotation_options *options;
    const gf_label_files *files;
    uint32_t *image_of; /* by number in files->image: 1 + the set's; 0: not yet */
    gf_names rename;    /* old, new, old, new ... */
} gf_annotating;

/* The set's image for files->image[found], labelled by `source` as width x height. Problem where another file, or this
 * one, has labelled it before: *image is then SIZE_MAX. */
graft_status gf_annotating_image(gf_annotating *a, size_t found, const char *source, uint32_t width, uint32_t height,
                                 size_t *image, graft_error *err);
/* Whether a file is one of that format; what its bytes hold, into the set. */
typedef graft_status (*gf_is_labels)(const gf_label_files *files, const char *file, bool *is, graft_error *err);
typedef graft_status (*gf_take_labels)(gf_annotating *a, const char *file, const uint8_t *bytes, size_t n,
                                       graft_error *err);
/* Reads each file that `is` says yes of, and takes it. */
graft_status gf_annotating_files(gf_annotating *a, gf_is_labels is, gf_take_labels take, graft_error *err);
/* The class of that name, made where it is new; renamed as the options say. */
graft_status gf_annotating_class(gf_annotations *to, const gf_names *rename, const char *name, uint32_t *class_id,
                                 graft_error *err);
/* An image of that path and size (of detections: nothing labels it), behind which its boxes are added. */
graft_status gf_annotations_add_image(gf_annotations *to, const char *path, uint32_t w, uint32_t h, graft_error *err);
graft_status gf_annotations_add(gf_annotations *to, const gf_annotation *box, graft_error *err);

/* Something is wrong: kept, counted. Only want of memory is a failure. */
graft_status gf_annotations_problem(gf_annotations *to, gf_errno number, graft_error *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* A label whose image is not there (or there several times): a problem or, with skip_bad, counted. */
graft_status gf_annotating_no_image(gf_annotating *a, gf_found found, const char *label, const char *wanted,
                                    graft_error *err);

/* The n bytes at s, blanks around them taken off, as a number that can be a coordinate: finite, not beyond 1e7. */
bool gf_coordinate(const char *s, double *out);
/* The same as a whole size, 0 where it is none. */
uint32_t gf_label_size(const char *s);

/* The split that the folders of a path name ("images/train/a.jpg"), outermost first; of `file_too` also its name. */
uint8_t gf_split_of_path(const char *path, bool file_too);

#endif
