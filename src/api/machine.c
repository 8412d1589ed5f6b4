/* machine.c - what graft finds to compute with: the processor as oneDNN takes it, and what follows for precisions. */
#include "api/internal.h"

#include "ops/engine.h"
#include "json/json.h"

graft_status graft_machine(graft_context *context, graft_result **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(context, "context");
    const gf_ops *ops = context->ops;
    bool bf16 = gf_ops_has_bf16(ops), int8 = gf_ops_has_int8(ops), amx = gf_ops_has_amx(ops);
    const char *by = amx ? "yes, by AMX" : "yes";
    gf_json *j = gf_json_object();
    gf_json_set(j, "version", gf_json_string(GRAFT_VERSION));
    gf_json_set(j, "machine", gf_json_string(gf_ops_machine(ops)));
    gf_json_set(j, "bf16", gf_json_bool(bf16));
    gf_json_set(j, "int8", gf_json_bool(int8));
    gf_json_set(j, "amx", gf_json_bool(amx));
    gf_json_set(j, "threads", gf_json_int(gf_pool_threads(context->pool)));
    char *text = gf_sprintf("graft %s\n%s, %d thread%s\nbf16: %s; int8: %s\n", GRAFT_VERSION, gf_ops_machine(ops),
                            gf_pool_threads(context->pool), gf_pool_threads(context->pool) == 1 ? "" : "s",
                            bf16 ? by : "no", int8 ? by : "no");
    return gf_result_create(out, j, text, err);
}
