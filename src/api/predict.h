/* predict.h - the files that a prediction writes beside its lines, as the settings "predict.*" ask for them. */
#ifndef GF_API_PREDICT_H
#define GF_API_PREDICT_H

#include "api/internal.h"

/* The `top` likeliest classes of p, likeliest first, equal ones by number. */
void gf_api_likeliest(const float *p, int classes, int top, int *out);

/* What is asked for can be done. */
graft_status gf_prediction_files_check(const graft_model *m, const gf_image_list *a, graft_error *err);
/* prediction, logits: of each image of the list, as it stands there. */
graft_status gf_prediction_files_write(graft_model *m, gf_image_list *a, const graft_prediction *prediction,
                                       const float *logits, graft_error *err);

/* explain.c: what speaks for the label of each image, where "predict.explain" names a folder. */
graft_status gf_prediction_explain_check(const graft_model *m, graft_error *err);
graft_status gf_prediction_explain(graft_model *m, gf_image_list *list, const float *logits, graft_error *err);

/* predict_boxes.c: what a detector finds. */
graft_status gf_api_predict_boxes(graft_model *m, const char *const *paths, size_t n, graft_result **out,
                                  graft_error *err);

#endif
