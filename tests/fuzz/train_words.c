/* What options say of training, as config.json may hold it: a list of phases, a schedule, hooks,
 * parameter groups, an optimizer. Taken or refused with
 * a message, whatever the text. */
#include "base/alloc.h"
#include "train/hook.h"
#include "train/optimizer.h"
#include "train/param_groups.h"
#include "train/phase.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static graft_status optimizer(const char *text, graft_error *err)
{
    gf_optimizer o;
    return gf_optimizer_parse(&o, text, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    graft_status (*const check[])(const char *text, graft_error *err) = {
        gf_phases_check, gf_schedule_check, gf_hooks_check, gf_param_groups_check, optimizer};
    if (!size) return 0;
    char *text = gf_strndup((const char *)data + 1, size - 1);
    graft_error err = {0};
    graft_status status = check[data[0] % (sizeof check / sizeof *check)](text, &err);
    if ((status != GRAFT_OK) != (err.message[0] != 0)) abort();
    gf_free(text);
    return 0;
}
