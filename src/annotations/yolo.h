/* yolo.h - one YOLO file of labels, and the file that names the classes: the parts that only see bytes. */
#ifndef GF_ANNOTATIONS_YOLO_H
#define GF_ANNOTATIONS_YOLO_H

#include "annotations/format.h"
#include "markup/yaml.h"

/* The names of classes that a data.yaml has, a list or a map of 0 to n - 1. E1130. */
graft_status gf_yolo_classes(gf_names *out, const gf_yaml *y, const char *name, graft_error *err);

/* Adds the lines of `text` (n bytes, a NUL behind them; it is written to) to the set's image `image`: "CLASS X Y W H",
 * or a polygon's "CLASS X1 Y1 X2 Y2 X3 Y3 ..", in shares; of it the box. Class i is class_id[i], there are `classes`.
 * What is wrong with a line is a problem of the set. */
graft_status gf_yolo_take(gf_annotations *to, char *text, size_t n, const uint32_t *class_id, size_t classes,
                          size_t image, const char *name, graft_error *err);

#endif
