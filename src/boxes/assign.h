/* assign.h - which place of a detector is to find which object, by how well it does already: task alignment (Feng and
 * others, TOOD, 2021). And the loss of an image's output against that, with its gradient. */
#ifndef GF_BOXES_ASSIGN_H
#define GF_BOXES_ASSIGN_H

#include "boxes/places.h"

/* An object of an image, in pixels of the network's input. */
typedef struct gf_object {
    gf_extent box;
    int32_t class_id;
    bool ignored; /* neither to be found nor a mistake to find: difficult, a crowd, mostly cut away */
} gf_object;

enum { GF_ASSIGN_MOST = 10 }; /* places that an object has at most */

/* What a place is to say. */
typedef struct gf_aim {
    int32_t object; /* its number; GF_AIM_NONE: background; GF_AIM_IGNORED: whatever it says is right */
    float q;        /* the score of that object's class, 0 to 1; of all others 0 */
    double u, t;    /* how well it does: overlap with its object, score of the class times u^6 */
} gf_aim;
enum { GF_AIM_NONE = -1, GF_AIM_IGNORED = -2 };

/* The aims of all places (aim[p->n]) for the image's output out[p->n][classes + 4]. The candidates of an object are the
 * places strictly inside of it, sides below two strides of the finest level taken as two strides; of those the up to
 * ten with the largest t > 0, equal ones by number. A place of several goes to the one of largest u, then to the first.
 * An object left with none takes the free candidate of largest u, or else the free place nearest to its center. The
 * score to reach is t / max t * max u over the object's places; at least 0.1 for such a last one.
 * Returns the sum of q. Allocates nothing. */
double gf_assign(const gf_grids *p, int classes, const float *out, const gf_object *object, size_t objects,
                 gf_aim *aim);

/* The parts of a loss, sums. */
typedef struct gf_detection_loss {
    double classes, boxes;
} gf_detection_loss;

/* Quality focal loss of all classes of all places that are not ignored (Li and others, 2020) and twice the generalized
 * IoU's loss, weighed by q, of those that have an object. diff (may be NULL): d(scale * (classes + 2 boxes)) / d(out).
 * `classes + 2 boxes` is what training makes smaller. */
gf_detection_loss gf_detection_loss_of(const gf_grids *p, int classes, const float *out, const gf_object *object,
                                       const gf_aim *aim, double scale, float *diff);

#endif
