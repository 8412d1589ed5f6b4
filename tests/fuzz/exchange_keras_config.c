/* Any bytes as a configuration of Keras. What is read can be written in graft's own words and read again as the same;
 * what can be exported reads back from Keras's words with as many values. */
#include "exchange/keras_config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const gf_keras_config_options own = {.width = 32, .height = 24, .max_params = 100000, .own = true};

static void there_and_back(const gf_model *m)
{
    char *text = NULL;
    gf_model back;
    graft_error err;
    if (gf_keras_config_text(&text, m, &own, &err) != GRAFT_OK) abort();
    if (gf_keras_config_parse(&back, text, strlen(text), "own", &own, &err) != GRAFT_OK) abort();
    if (back.n_layers != m->n_layers || back.n_values != m->n_values || back.output != m->output) abort();
    gf_model_free(&back);
    gf_free(text);
}

static void out_and_back(const gf_model *m)
{
    char *text = NULL;
    gf_model plain, back;
    graft_error err;
    if (gf_model_for_export(&plain, m, &err) != GRAFT_OK) return;
    if (gf_keras_config_text(&text, &plain, NULL, &err) != GRAFT_OK) abort();
    if (gf_keras_config_parse(&back, text, strlen(text), "plain", NULL, &err) != GRAFT_OK) abort();
    if (back.n_values != plain.n_values) abort();
    gf_model_free(&back);
    gf_model_free(&plain);
    gf_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_model m;
    graft_error err;
    if (gf_keras_config_parse(&m, (const char *)data, size, "f", &own, &err) != GRAFT_OK) return 0;
    there_and_back(&m);
    out_and_back(&m);
    gf_model_free(&m);
    return 0;
}
