/* text_set.h - texts as samples: read, labelled, split; and, once a tokenizer is given, laid out as pieces. */
#ifndef GF_DATA_TEXT_SET_H
#define GF_DATA_TEXT_SET_H

#include "data/dataset.h"
#include "data/texts.h"
#include "text/tokenizer.h"

/* The texts of a data set; NULL: it is of another kind. Sample s is row index->sample[s].inode of it. */
const gf_texts *gf_text_set_texts(const gf_dataset *d);
/* What texts are laid out by from here on; borrowed. To be called before the first feed is opened. */
void gf_text_set_use(gf_dataset *d, const gf_tokenizer *tokenizer);

/* The options of reading texts that are settings (NULL: their defaults); texts are borrowed. */
gf_texts_options gf_texts_options_of(const gf_settings *settings, const gf_log *log);

#endif
