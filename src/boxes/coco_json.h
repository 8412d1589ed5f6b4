/* coco_json.h - COCO's files: labelled boxes (a "ground truth") and detections of any tool.
 *
 * Truth is an object with "images" [{"id", "file_name", "width", "height"}; the id alone is needed], "categories"
 * [{"id", "name"}] and "annotations" [{"image_id", "category_id", "bbox": [x, y, w, h], "area", "iscrowd"}]; results
 * are an array of {"image_id", "category_id", "bbox", "score"}. "area" is the box's where it is not there, "iscrowd" 0.
 * Other members are left aside. */
#ifndef GF_BOXES_COCO_JSON_H
#define GF_BOXES_COCO_JSON_H

#include "base/io.h"
#include "boxes/boxes.h"

enum { GF_COCO_MOST_BYTES = 512 << 20 }; /* of a file: COCO's own largest has 450 MB */

/* Zeroed is empty. */
typedef struct gf_coco_truth {
    int64_t *image, *category; /* ids, ascending */
    size_t images, categories;
    gf_names file;            /* of the images: "" where it is not said */
    uint32_t *width, *height; /* likewise; 0: not said */
    gf_names name;            /* of the categories */
    gf_truth *truth;
    size_t truths;
} gf_coco_truth;

/* E1130: the file lacks something, or it is of the wrong kind; E1131: an id is there twice, or names nothing; E1132: a
 * box is not four finite numbers of which two are a size. Each names the file and the place in it. */
graft_status gf_coco_read_truth(gf_coco_truth *out, const char *path, graft_error *err);
graft_status gf_coco_parse_truth(gf_coco_truth *out, const char *text, size_t n, const char *name, graft_error *err);
void gf_coco_truth_free(gf_coco_truth *t); /* takes an empty one; leaves it empty */

/* Detections in images and of categories of `truth`; gf_free(*out). */
graft_status gf_coco_read_results(gf_detection **out, size_t *n, const gf_coco_truth *truth, const char *path,
                                  graft_error *err);
graft_status gf_coco_parse_results(gf_detection **out, size_t *n, const gf_coco_truth *truth, const char *text,
                                   size_t size, const char *name, graft_error *err);

#endif
