/* parts.h - which part of the data (training, validation, test, or images to predict) a word stands for: a folder's
 * name or a value of a CSV file's split column, in any case and usual spelling. */
#ifndef GF_DATA_PARTS_H
#define GF_DATA_PARTS_H

#include "data/index.h"

typedef enum gf_part_kind {
    GF_PART_NONE,
    GF_PART_TRAIN,
    GF_PART_VALIDATION,
    GF_PART_TEST,
    GF_PART_UNLABELLED /* images without labels, to be predicted: "seg_pred" */
} gf_part_kind;

/* Takes the name apart into words (at capitals, digits and signs): one of them must name a part, two of them the same
 * one, and all others must be words that say nothing, such as "set", "data", "images", or numbers. */
gf_part_kind gf_part_of_name(const char *name);

/* Of a kind that is a split. */
gf_split gf_part_split(gf_part_kind kind);

#endif
