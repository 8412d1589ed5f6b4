/* bag.h - the mean of the vectors of a text's words: a table, looked up for each word, and no more. */
#ifndef GF_ZOO_BAG_H
#define GF_ZOO_BAG_H

#include "zoo/builder.h"

/* `words` rows of `width`, and one more, of zeros, for a text of which no word is known; texts of up to `places` words.
 * The parameters are allocated and zero; output and features are the text's row. */
graft_status gf_bag_build(gf_model *m, int words, int width, int places, graft_error *err);

#endif
