/* export_boxes.h - what the files of other tools say of a detector, made of its model. */
#ifndef GF_TRAIN_EXPORT_BOXES_H
#define GF_TRAIN_EXPORT_BOXES_H

#include "exchange/export.h"
#include "train/model_file.h"

typedef struct gf_detector_export {
    gf_export_boxes boxes;
    gf_export_place *place;
    char *about;
    gf_text names;
    bool is; /* it is a detector */
} gf_detector_export;

/* Closed in any case. E5001. */
graft_status gf_detector_export_open(gf_detector_export *d, const gf_model *m, const gf_model_facts *f,
                                     gf_boxes_end end, graft_error *err);
void gf_detector_export_close(gf_detector_export *d);
gf_export_what gf_detector_export_what(const gf_detector_export *d, const gf_model_facts *f);

#endif
