/* Any bytes as the file of choices that measuring has made: what is remembered reads back as the same. */
#include "base/alloc.h"
#include "ops/engine.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_ops *ops = NULL, *again = NULL;
    char *text = gf_strndup((const char *)data, size);
    if (!text || gf_ops_create(&ops, NULL, NULL) != GRAFT_OK) abort();
    gf_ops_add_choices(ops, text);
    gf_ops_add_choices_of_run(ops, text);
    char *kept = gf_ops_choices_text(ops);
    if (!kept || gf_ops_create(&again, kept, NULL) != GRAFT_OK) abort();
    char *back = gf_ops_choices_text(again);
    if (!back || strcmp(kept, back)) abort();
    gf_free(back);
    gf_free(kept);
    gf_ops_destroy(again);
    gf_ops_destroy(ops);
    gf_free(text);
    return 0;
}
