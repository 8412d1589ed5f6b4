/* export_boxes.h - what another tool's file of a detector holds beside its network. */
#ifndef GF_EXCHANGE_EXPORT_BOXES_H
#define GF_EXCHANGE_EXPORT_BOXES_H

#include <stddef.h>

/* What an ONNX file gives. */
typedef enum gf_boxes_end {
    GF_BOXES_DECODED, /* "boxes" (n, places, 4): corners in pixels of the input; "scores" (n, places, classes) */
    GF_BOXES_YOLO,    /* "output0" (n, 4 + classes, places): center, size, scores; its input "images" is of 0..1 */
    GF_BOXES_NMS,     /* "detections" (1, most, 6): corners, score, class, the best first, zeros behind the last */
    GF_BOXES_RAW,     /* "places" (n, places, classes + 4): logits, and what the sides are the exponentials of */
} gf_boxes_end;

/* A place of the detector's output, in pixels of the input. */
typedef struct gf_export_place {
    float x, y, stride;
} gf_export_place;

/* Borrowed for the length of a call. The box of a place has its sides at distances stride * exp(min(v, most_exponent))
 * of its left, top, right and bottom. */
typedef struct gf_export_boxes {
    gf_boxes_end end;
    int classes, most;
    const gf_export_place *place;
    size_t places;
    double most_exponent, confidence, overlap;
    const char *names; /* of the classes, as Ultralytics's tools read them: {0: 'a', 1: 'b'} */
    const char *about; /* JSON: all that is needed to use the raw output */
} gf_export_boxes;

#endif
