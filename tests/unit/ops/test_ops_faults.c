/* Every failing allocation of an operation's making and binding, one by one: refused for want of memory, nothing leaks,
 * and the next attempt works. */
#include "cases.h"
#include "ops/winograd.h"
#include "others.h"
#include "support/sys_faults.h"
#include "with_ops.h"

static graft_status make_and_bind(const gf_op_spec *spec)
{
    gf_op op;
    gf_exec exec;
    GF_TRY(gf_op_create(&op, spec, ops, &error));
    size_t kernel = gf_op_kernel_count(&op.spec), bias = gf_op_bias_count(&op.spec);
    float *values = floats(kernel + bias), *memory = floats(1);
    gf_op_args a = {.dst = memory, .diff_dst = memory, .grad = memory, .scratchpad = memory, .workspace = memory};
    for (int k = 0; k < spec->n_src; k++) a.src[k] = a.diff_src[k] = memory;
    graft_status status = gf_op_prepare(&op, values, values + kernel, &error);
    if (status == GRAFT_OK) status = gf_op_bind(&op, &a, &exec, &error);
    if (status == GRAFT_OK) gf_op_unbind(&exec);
    gf_op_destroy(&op);
    free(values);
    free(memory);
    return status;
}

/* The number of allocations that were made to fail. */
static long fail_each(const op_case *c)
{
    gf_op_spec spec = c->spec;
    spec.name = c->name;
    long faults = 0;
    OK(make_and_bind(&spec));
    for (;; faults++) {
        long live = faults_live();
        error = (graft_error){0};
        faults_arm(FAULT_ALLOC, faults);
        graft_status status = make_and_bind(&spec);
        bool happened = faults_disarm();
        if (faults_live() != live)
            fail_msg("%s: allocation %ld fails and %ld blocks leak", c->name, faults, faults_live() - live);
        if (!happened) break;
        if (status != GRAFT_RESOURCE)
            fail_msg("%s: allocation %ld fails and the status is %d", c->name, faults, status);
        assert_non_null(strstr(error.message, "memory"));
    }
    OK(make_and_bind(&spec));
    return faults;
}

static void failing_memory_is_survived(void **state)
{
    (void)state;
    long faults = 0;
    for (int i = 0; i < OTHERS; i++) {
        op_case c = other_case(&others[i]);
        faults += fail_each(&c);
    }
    op_case layers[5] = {conv_case(&conv_shapes[7], &variants[5]), conv_case(&conv_shapes[18], &variants[3]),
                         dense_case(&dense_shapes[2], &variants[3]), dense_case(&dense_shapes[2], &variants[3]),
                         attention_case(&attention_shapes[3])};
    layers[3].spec.cls = &gf_op_dense_reference;
    for (int i = 0; i < 5; i++) faults += fail_each(&layers[i]);
    op_case winograd = conv_case(&conv_shapes[7], &variants[5]);
    winograd.spec.cls = &gf_op_winograd;
    winograd.spec.src_dtype[0] = winograd.spec.src_dtype[1] = winograd.spec.dst_dtype = GF_BF16;
    if (gf_winograd_fits(&winograd.spec, ops)) faults += fail_each(&winograd);
    assert_true(faults >= 40);
}

/* Those that are kept for all: with a new engine each time. */
static void failing_tables_are_survived(void **state)
{
    (void)state;
    gf_op_spec spec = {.cls = &gf_op_act, .name = "silu", .n_src = 1, .src = {R4(1, 2, 2, 3)}, .act = GF_ACT_SILU};
    spec.src_dtype[0] = spec.dst_dtype = GF_BF16;
    bool happened = true;
    long faults = 0;
    for (; happened; faults++) {
        long live = faults_live();
        gf_ops *fresh;
        gf_op op;
        OK(gf_ops_create(&fresh, NULL, &error));
        faults_arm(FAULT_ALLOC, faults);
        graft_status status = gf_op_create(&op, &spec, fresh, &error);
        happened = faults_disarm();
        assert_int_equal(status, happened ? GRAFT_RESOURCE : GRAFT_OK);
        gf_op_destroy(&op);
        gf_ops_destroy(fresh);
        assert_int_equal(faults_live(), live);
    }
    assert_true(faults > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(failing_memory_is_survived),
                                       cmocka_unit_test(failing_tables_are_survived)};
    return RUN_WITH_OPS(tests);
}
