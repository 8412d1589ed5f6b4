/* graft/boxes.h - detections of objects, judged: COCO's measures of any tool's detections, without a model. */
#ifndef GRAFT_BOXES_H
#define GRAFT_BOXES_H

#include <graft/graft.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The twelve numbers of pycocotools 2.0 (AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100, ARs, ARm, ARl) and each
 * category's AP and AP50, of detections (a COCO results file) against labelled boxes (a COCO file). A number is null
 * where nothing was to be found. GRAFT_DATA with the place in the file where one of the two does not hold; GRAFT_USAGE
 * where it is no JSON. The context may be used by one thread at a time; *out is the caller's (graft_result_free). */
GRAFT_API graft_status graft_evaluate_detections(graft_context *context, const char *truth, const char *results,
                                                 graft_result **out, graft_error *err);

#ifdef __cplusplus
}
#endif

#endif
