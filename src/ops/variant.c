#include "ops/variant.h"

#include "ops/autotune.h"

bool gf_op_variant_wins(const gf_op_variant *v, const gf_op_spec *spec, gf_ops *ops)
{
    if (!v->fits(spec, ops)) return false;
    if (!v->key) return true;
    char key[GF_VARIANT_KEY];
    v->key(spec, key);
    int preferred = !v->preferred || v->preferred(spec, ops);
    return gf_ops_autotune(ops, key, (const char *const[]){v->of_name, v->name},
                           (const gf_op_class *const[]){v->of, v->cls}, preferred, spec) == 1;
}

void gf_op_choose(gf_op_spec *spec, gf_ops *ops)
{
    for (size_t i = 0; gf_op_variant_at(i); i++) {
        const gf_op_variant *v = gf_op_variant_at(i);
        if (spec->cls == v->of && gf_op_variant_wins(v, spec, ops)) spec->cls = v->cls;
    }
}
