/* Any bytes as a run's config.json: what is taken agrees with itself, and every option has a text. */
#include "base/alloc.h"
#include "train/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static graft_status count(void *ctx, const char *section, const char *name, const char *value)
{
    if (!section || !name || !value) abort();
    ++*(int *)ctx;
    return GRAFT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_run_config c;
    graft_error err = {0};
    int options = 0;
    if (gf_config_parse(&c, (const char *)data, size, "config.json", &err) != GRAFT_OK) {
        if (!err.number || c.architecture || c.data) abort();
        return 0;
    }
    char *identity = gf_config_identity(&c);
    gf_config_length length;
    if (!identity || gf_config_check_identity(&c, identity, strlen(identity), "f", &length, &err) != GRAFT_OK) abort();
    if (gf_config_each(&c, count, &options) != GRAFT_OK || options < 40) abort();
    gf_free(identity);
    gf_config_free(&c);
    return 0;
}
