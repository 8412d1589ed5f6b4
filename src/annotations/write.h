/* write.h - what the writers of annotations share: a new folder, names of images in it, files and copies. */
#ifndef GF_ANNOTATIONS_WRITE_H
#define GF_ANNOTATIONS_WRITE_H

#include "annotations/annotations.h"

typedef struct gf_annotation_writer {
    const gf_annotations *set;
    const char *folder;
    bool labels_only; /* images are not copied */
    bool flat;        /* no two images have a stem in common, so that their names alone tell them apart */
    gf_names name;    /* of each image */
} gf_annotation_writer;

/* Makes the folder. E3006 where something is in it. */
graft_status gf_new_folder(const char *folder, graft_error *err);
/* The names of images in one folder of all: *flat (may be NULL) says whether they are those they have. */
graft_status gf_flat_names(gf_names *out, const gf_annotations *set, bool *flat, graft_error *err);

/* The image's name in a folder of all images: that which it has, or its whole path with _ for / where two would share
 * one. */
const char *gf_writer_name(const gf_annotation_writer *w, size_t image);
/* "train", "valid", "test", or "" of an image that is of none. */
const char *gf_writer_split(const gf_annotation_writer *w, size_t image);
/* Whether any image is of that split. */
bool gf_writer_has(const gf_annotation_writer *w, uint8_t split);
/* Writes a file below the folder; folders on the way are made. `relative` is of gf_sprintf, and freed (NULL: E5001). */
graft_status gf_writer_text(const gf_annotation_writer *w, const gf_text *text, char *relative, graft_error *err);
/* Copies the image there, unless labels alone are wanted. */
graft_status gf_writer_image(const gf_annotation_writer *w, size_t image, char *relative, graft_error *err);

/* Writes the set as `format` into `folder`, which must be new or empty (E3006) and not within the set's own. */
graft_status gf_annotations_write(const gf_annotations *set, const struct gf_annotation_format *format,
                                  const char *folder, bool labels_only, graft_error *err);

#endif
