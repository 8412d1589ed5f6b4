/* Any text as a list of layers: refused with a message, or a configuration that is read, or refused, as any other. */
#include "exchange/keras_config.h"
#include "exchange/layer_words.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const gf_keras_config_options options = {.width = 32, .height = 24, .max_params = 100000};
    char *text = gf_strndup((const char *)data, size), *json;
    graft_error err = {0};
    gf_model m;
    graft_status status = gf_layer_words_config(text, &json, &err);
    if ((status != GRAFT_OK) != (err.message[0] != 0) || (status == GRAFT_OK) != (json != NULL)) abort();
    if (json && gf_keras_config_parse(&m, json, strlen(json), "words", &options, &err) == GRAFT_OK) gf_model_free(&m);
    gf_free(json);
    gf_free(text);
    return 0;
}
