/* graft/boxes.h - boxes of objects, without a model: any tool's detections judged by COCO's measures, labels converted.
 */
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

/* Labelled boxes of a folder of images, or of one file of labels beside them, written in another format into `folder`,
 * which must be new or empty and not within the data; with copies of the images unless the option "labels.only" is set.
 * Formats are voc, coco, yolo, createml and csv; which one the data have is found out, or option "data.label_format".
 * Boxes are checked first, as `graft inspect` does; GRAFT_DATA tells all that is wrong, and nothing is then written.
 * *out has what inspect tells. The context may be used by one thread at a time. */
GRAFT_API graft_status graft_convert_labels(graft_context *context, const char *path, const char *format,
                                            const char *folder, graft_result **out, graft_error *err);

#ifdef __cplusplus
}
#endif

#endif
