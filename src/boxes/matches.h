/* matches.h - what became of each detection and of each labelled box, at one overlap: which are right, and what is
 * wrong with the others. The kinds are those of Bolya and others, "TIDE: A General Toolbox for Identifying Object
 * Detection Errors", 2020. */
#ifndef GF_BOXES_MATCHES_H
#define GF_BOXES_MATCHES_H

#include "boxes/boxes.h"

/* From which on a detection finds an object, where nothing else is said. */
#define GF_MATCH_OVERLAP 0.5

/* Of a detection, in the order in which they are looked for. */
typedef enum gf_match_kind {
    GF_MATCH_RIGHT,      /* finds an object of its class that no better one finds */
    GF_MATCH_IGNORED,    /* finds a difficult object, or lies in a crowd: neither right nor wrong */
    GF_MATCH_MISPLACED,  /* of the object's class, but overlaps it too little */
    GF_MATCH_CLASS,      /* where an object is, of another class */
    GF_MATCH_DOUBLE,     /* an object that a better one finds already */
    GF_MATCH_BACKGROUND, /* where no object is */
    GF_MATCH_BOTH,       /* misplaced, and of another class */
    GF_MATCH_KINDS
} gf_match_kind;

/* "right", "ignored", "misplaced", "wrong class", "double", "background", "misplaced and wrong class" */
const char *gf_match_name(gf_match_kind kind);

typedef struct gf_match {
    gf_match_kind kind;
    size_t truth; /* the labelled box that this is about; SIZE_MAX: none */
} gf_match;

typedef enum gf_truth_state {
    GF_TRUTH_FOUND,
    GF_TRUTH_NEARLY,  /* of a detection that is misplaced or of another class */
    GF_TRUTH_MISSED,  /* nothing is near */
    GF_TRUTH_IGNORED, /* difficult, a crowd: it is not looked for */
} gf_truth_state;

/* Zeroed is empty. */
typedef struct gf_matches {
    gf_match *detection;   /* of each of the set */
    gf_truth_state *truth; /* likewise */
} gf_matches;

/* Detections of each image and class choose as COCO's do, best first: the object of largest overlap, at least
 * `overlap`, that is not taken. Of those that are wrong, misplaced and background end at an overlap of 0.1. E5001. */
graft_status gf_matches_of(gf_matches *out, const gf_detection_set *set, double overlap, graft_error *err);
void gf_matches_free(gf_matches *m); /* takes an empty one; leaves it empty */

/* ---- what follows from them, by the score from which on a detection counts */

/* Detections that count, best first. */
typedef struct gf_ranked_match {
    double score;
    size_t category; /* its number in the set */
    bool right;
} gf_ranked_match;

/* Precision, recall and F1, each the mean over the classes that have objects. */
typedef struct gf_operating {
    double confidence, precision, recall, f1;
} gf_operating;

/* Zeroed is empty. */
typedef struct gf_ranking {
    gf_ranked_match *item; /* without the ignored ones */
    size_t n;
    size_t *objects; /* of each category, that are looked for */
    size_t categories;
} gf_ranking;

graft_status gf_ranking_of(gf_ranking *out, const gf_detection_set *set, const gf_matches *m, graft_error *err);
void gf_ranking_free(gf_ranking *r); /* takes an empty one; leaves it empty */

/* point[r->n + 1]: point k is where the first k detections count; its confidence lies between detection k - 1 and k.
 * Points between equal scores are NaN. Returns the number of the one of largest F1, of equal ones the first; 0 where
 * nothing is right. E5001. */
graft_status gf_ranking_points(const gf_ranking *r, gf_operating *point, size_t *best, graft_error *err);

#endif
