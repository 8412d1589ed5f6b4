#include "ops/choices.h"
#include "ops/cpu.h"
#include "ops/kernels.h"
#include "ops/onednn.h"

#include "base/alloc.h"

#include <cpuid.h>
#include <graft/graft.h>
#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct act_table {
    int act;
    float alpha;
    uint16_t *value;
} act_table;

struct gf_ops {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    pthread_mutex_t lock; /* of the choices and tables */
    gf_choices choices;
    act_table *table;
    size_t n_tables, tables_cap;
    char machine[160], timed_by[224];
    bool bf16, int8, amx;
    atomic_int more_owners;
};

graft_status gf_dnnl_status(dnnl_status_t s, const char *call, const char *layer, graft_error *err)
{
    if (s == dnnl_success) return GRAFT_OK;
    if (s == dnnl_out_of_memory) return gf_fail_memory(err, 0, layer);
    return gf_fail(err, GF_E_ONEDNN, "please report it", "layer %s: oneDNN status %d from %.80s", layer, (int)s, call);
}

dnnl_engine_t gf_ops_engine(const gf_ops *ops) { return ops->engine; }
const char *gf_ops_machine(const gf_ops *ops) { return ops->machine; }
const char *gf_ops_timed_by(const gf_ops *ops) { return ops->timed_by; }
bool gf_ops_has_bf16(const gf_ops *ops) { return ops->bf16; }
bool gf_ops_has_int8(const gf_ops *ops) { return ops->int8; }
bool gf_ops_has_amx(const gf_ops *ops) { return ops->amx; }

dnnl_data_type_t gf_dnnl_type(gf_dtype t)
{
    static const dnnl_data_type_t type[GF_DTYPES] = {
        [GF_F32] = dnnl_f32, [GF_BF16] = dnnl_bf16, [GF_U8] = dnnl_u8, [GF_F16] = dnnl_f16, [GF_S32] = dnnl_s32,
    };
    return type[t];
}

void gf_ops_start_worker(void) { omp_set_num_threads(1); }

typedef struct isa_row {
    dnnl_cpu_isa_t isa;
    const char *name;
} isa_row;

static const isa_row *isa_of(dnnl_cpu_isa_t isa)
{
    static const isa_row generic = {dnnl_cpu_isa_default, "generic"};
    static const isa_row row[] = {
        {dnnl_cpu_isa_sse41, "sse41"},
        {dnnl_cpu_isa_avx, "avx"},
        {dnnl_cpu_isa_avx2, "avx2"},
        {dnnl_cpu_isa_avx2_vnni, "avx2_vnni"},
        {dnnl_cpu_isa_avx2_vnni_2, "avx2_vnni_2"},
        {dnnl_cpu_isa_avx512_core, "avx512_core"},
        {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"},
        {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
        {dnnl_cpu_isa_avx512_core_fp16, "avx512_core_fp16"},
        {dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"},
        {dnnl_cpu_isa_avx512_core_amx_fp16, "avx512_core_amx_fp16"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (row[i].isa == isa) return &row[i];
    }
    return &generic;
}

static void name_machine(gf_ops *ops)
{
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    char vendor[13] = "unknown";
    if (__get_cpuid(0, &eax, &ebx, &ecx, &edx)) {
        memcpy(vendor, &ebx, 4);
        memcpy(vendor + 4, &edx, 4);
        memcpy(vendor + 8, &ecx, 4);
        vendor[12] = 0;
    }
    __get_cpuid(1, &eax, &ebx, &ecx, &edx);
    unsigned family = (eax >> 8 & 15) + (eax >> 20 & 255), model = (eax >> 4 & 15) | (eax >> 12 & 0xf0);
    const isa_row *isa = isa_of(dnnl_get_effective_cpu_isa());
    const dnnl_version_t *v = dnnl_version();
    snprintf(ops->machine, sizeof ops->machine, "%s %u.%u %s oneDNN %d.%d.%d", vendor, family, model, isa->name,
             v->major, v->minor, v->patch);
    snprintf(ops->timed_by, sizeof ops->timed_by, "%s graft %s loops %d", ops->machine, GRAFT_VERSION, GF_OPS_LOOPS);
    ops->bf16 = gf_cpu_has(GF_CPU_BF16);
    ops->int8 = gf_cpu_has(GF_CPU_VNNI);
    ops->amx = isa->isa == dnnl_cpu_isa_avx512_core_amx || isa->isa == dnnl_cpu_isa_avx512_core_amx_fp16;
}

static void add_choices(gf_ops *ops, const char *choices, bool clear)
{
    pthread_mutex_lock(&ops->lock);
    gf_choices_read(&ops->choices, choices, clear);
    pthread_mutex_unlock(&ops->lock);
}

void gf_ops_add_choices(gf_ops *ops, const char *choices) { add_choices(ops, choices, true); }
void gf_ops_add_choices_of_run(gf_ops *ops, const char *choices) { add_choices(ops, choices, false); }

graft_status gf_ops_create(gf_ops **out, const char *choices, graft_error *err)
{
    *out = NULL;
    gf_ops *ops = gf_new(gf_ops);
    if (!ops) return gf_fail_memory(err, sizeof *ops, "oneDNN");
    pthread_mutex_init(&ops->lock, NULL);
    graft_status status = GRAFT_OK;
    name_machine(ops);
    GF_GOTO(gf_dnnl_status(dnnl_engine_create(&ops->engine, dnnl_cpu, 0), "engine", "(start)", err));
    GF_GOTO(gf_dnnl_status(dnnl_stream_create(&ops->stream, ops->engine, dnnl_stream_default_flags), "stream",
                           "(start)", err));
    if (!gf_choices_read(&ops->choices, choices, true)) status = gf_fail_memory(err, 0, "precision choices");
out:
    if (status != GRAFT_OK) {
        gf_ops_destroy(ops);
    } else {
        *out = ops;
    }
    return status;
}

gf_ops *gf_ops_hold(gf_ops *ops)
{
    atomic_fetch_add(&ops->more_owners, 1);
    return ops;
}

void gf_ops_destroy(gf_ops *ops)
{
    if (!ops || atomic_fetch_sub(&ops->more_owners, 1) > 0) return;
    if (ops->stream) dnnl_stream_destroy(ops->stream);
    if (ops->engine) dnnl_engine_destroy(ops->engine);
    gf_choices_free(&ops->choices);
    for (size_t i = 0; i < ops->n_tables; i++) gf_free(ops->table[i].value);
    gf_free(ops->table);
    pthread_mutex_destroy(&ops->lock);
    gf_free(ops);
}

static char *choices_text(const gf_ops *ops, bool clear)
{
    gf_ops *mine = (gf_ops *)ops; /* sorting changes no choice */
    pthread_mutex_lock(&mine->lock);
    char *text = gf_choices_text(&mine->choices, clear);
    pthread_mutex_unlock(&mine->lock);
    return text;
}

char *gf_ops_choices_text(const gf_ops *ops) { return choices_text(ops, false); }
char *gf_ops_clear_choices_text(const gf_ops *ops) { return choices_text(ops, true); }

/* Not locked while it times: a candidate may be a whole network, whose plans ask for choices and tables on a worker. */
int gf_ops_choose(gf_ops *ops, const gf_choice *c)
{
    for (int k = 0; k < c->n && c->seconds; k++) c->seconds[k] = NAN;
    pthread_mutex_lock(&ops->lock);
    int known = gf_choices_find(&ops->choices, c);
    pthread_mutex_unlock(&ops->lock);
    if (known >= 0) return known;
    bool clear;
    int chosen = gf_choice_by_time(c, &clear);
    if (c->pool && gf_pool_asked(c->pool) != GRAFT_OK) return c->preferred;
    pthread_mutex_lock(&ops->lock);
    known = gf_choices_find(&ops->choices, c); /* made by another thread meanwhile: one choice for all */
    const char *name = c->names[chosen];
    if (known < 0) gf_choices_set(&ops->choices, c->key, strlen(c->key), name, strlen(name), clear);
    pthread_mutex_unlock(&ops->lock); /* without memory it is timed again */
    return known < 0 ? chosen : known;
}

graft_status gf_prim_finish(gf_prim *p, const char *layer, graft_error *err)
{
    GF_DNNL(dnnl_primitive_create(&p->prim, p->pd), layer, err);
    return GRAFT_OK;
}

void gf_prim_destroy(gf_prim *p)
{
    if (p->prim) dnnl_primitive_destroy(p->prim);
    if (p->pd) dnnl_primitive_desc_destroy(p->pd);
    *p = (gf_prim){0};
}

const_dnnl_memory_desc_t gf_prim_md(const gf_prim *p, dnnl_query_t what)
{
    return dnnl_primitive_desc_query_md(p->pd, what, 0);
}

size_t gf_prim_scratchpad(const gf_prim *p)
{
    const_dnnl_memory_desc_t md = p->pd ? gf_prim_md(p, dnnl_query_scratchpad_md) : NULL;
    return md ? dnnl_memory_desc_get_size(md) : 0;
}

graft_status gf_call_add(gf_call *c, const gf_ops *ops, int what, const_dnnl_memory_desc_t md, const void *data,
                         graft_error *err)
{
    if (!md || c->n == GF_MAX_ARGS) return gf_fail(err, GF_E_INTERNAL, NULL, "argument %d cannot be bound", what);
    dnnl_memory_t memory;
    GF_DNNL(dnnl_memory_create(&memory, md, ops->engine, (void *)data), "(bind)", err);
    c->arg[c->n++] = (dnnl_exec_arg_t){what, memory};
    return GRAFT_OK;
}

graft_status gf_call_run(const gf_call *c, const gf_prim *p, const gf_ops *ops, const char *layer, graft_error *err)
{
    GF_DNNL(dnnl_primitive_execute(p->prim, ops->stream, c->n, c->arg), layer, err);
    return GRAFT_OK;
}

void gf_call_destroy(gf_call *c)
{
    for (int i = 0; i < c->n; i++) dnnl_memory_destroy(c->arg[i].memory);
    *c = (gf_call){0};
}

void gf_calls_unbind(gf_exec *exec)
{
    gf_calls *x = exec->impl;
    if (!x) return;
    gf_call_destroy(&x->forward);
    gf_call_destroy(&x->backward_data);
    gf_call_destroy(&x->backward_weights);
    gf_free(x);
}

graft_status gf_packed_create(gf_packed *w, const gf_ops *ops, const_dnnl_memory_desc_t plain,
                              const_dnnl_memory_desc_t wanted, graft_error *err)
{
    size_t bytes = dnnl_memory_desc_get_size(wanted);
    w->data = gf_alloc_tensor(bytes);
    if (!w->data) return gf_fail_memory(err, bytes, "packed weights");
    GF_DNNL(dnnl_reorder_primitive_desc_create(&w->reorder.pd, plain, ops->engine, wanted, ops->engine, NULL),
            "(packing)", err);
    GF_TRY(gf_prim_finish(&w->reorder, "(packing)", err));
    GF_TRY(gf_call_add(&w->call, ops, DNNL_ARG_FROM, plain, NULL, err));
    GF_TRY(gf_call_add(&w->call, ops, DNNL_ARG_TO, wanted, w->data, err));
    return GRAFT_OK;
}

graft_status gf_packed_fill(gf_packed *w, const gf_ops *ops, const void *values, graft_error *err)
{
    GF_DNNL(dnnl_memory_set_data_handle(w->call.arg[0].memory, (void *)values), "(packing)", err);
    return gf_call_run(&w->call, &w->reorder, ops, "(packing)", err);
}

void gf_packed_destroy(gf_packed *w)
{
    gf_call_destroy(&w->call);
    gf_prim_destroy(&w->reorder);
    gf_free(w->data);
    *w = (gf_packed){0};
}

/* ---- tables of activations */

static const uint16_t *find_table(const gf_ops *ops, int act, float alpha)
{
    for (size_t i = 0; i < ops->n_tables; i++) {
        if (ops->table[i].act == act && ops->table[i].alpha == alpha) return ops->table[i].value;
    }
    return NULL;
}

static const uint16_t *add_table(gf_ops *ops, int act, float alpha)
{
    enum { VALUES = 1 << 16 };
    if (!gf_grow(&ops->table, ops->n_tables, &ops->tables_cap)) return NULL;
    uint16_t *value = gf_new_n(VALUES, uint16_t);
    if (!value) return NULL;
    for (size_t i = 0; i < VALUES; i++) value[i] = (uint16_t)i;
    gf_act_forward((gf_act)act, alpha, value, GF_BF16, VALUES);
    ops->table[ops->n_tables++] = (act_table){act, alpha, value};
    return value;
}

graft_status gf_ops_act_table(gf_ops *ops, int act, float alpha, const uint16_t **table, graft_error *err)
{
    pthread_mutex_lock(&ops->lock);
    *table = find_table(ops, act, alpha);
    if (!*table) *table = add_table(ops, act, alpha);
    pthread_mutex_unlock(&ops->lock);
    return *table ? GRAFT_OK : gf_fail_memory(err, 0, "an activation's table");
}
