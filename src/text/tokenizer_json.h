/* tokenizer_json.h - the file of Hugging Face's tokenizers library: which of its components stand in it, read strictly.
 * What graft does not do in the same way is refused by name (E2771), not left out. */
#ifndef GF_TEXT_TOKENIZER_JSON_H
#define GF_TEXT_TOKENIZER_JSON_H

#include "text/vocabulary.h"
#include "text/words.h"
#include "json/json.h"

/* "WordPiece", "BPE", "Unigram" ..: borrowed of json; NULL: it says none. */
const char *gf_tokenizer_json_model(const gf_json *json);

/* A component must be of the type `known`; NULL: it must not be there. E2771 with the name of the one that is, E2772.
 */
graft_status gf_tokenizer_json_part(const gf_json *json, const char *name, const char *part, const char *known,
                                    graft_error *err);

typedef struct gf_wordpiece_json {
    gf_words_options words;       /* profile is not its to say */
    uint32_t limit;               /* 0: not said */
    const char *prefix, *unknown; /* borrowed of the json; unknown NULL: not said */
} gf_wordpiece_json;

/* `said` has the defaults. E2772 where a field is missing or of another type, with its path. */
graft_status gf_wordpiece_json_read(const gf_json *json, const char *name, gf_wordpiece_json *said,
                                    gf_vocabulary *vocabulary, graft_error *err);

#endif
