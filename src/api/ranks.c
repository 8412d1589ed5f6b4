/* ranks.c - runs that several processes share: how the others come to have what the first rank has, and what they do
 * with it. They take up the run as a resume does, from bytes that the first rank sends: its configuration, the model
 * that it began with, its checkpoint. So what a rank is like follows from what a resumed run is like. */
#include "api/bench_ranks.h"
#include "api/evaluate.h"

#include "base/io.h"
#include "comm/local.h"
#include "comm/words.h"
#include "data/memory.h"
#include "train/checkpoint.h"
#include "train/folder.h"

#include <graft/ranks.h>

#include <stdlib.h>
#include <string.h>

struct graft_ranks {
    gf_local *local;
    gf_comm *comm;
};

/* ---- their life */

static graft_status take(gf_local *local, graft_ranks **out, graft_error *err)
{
    graft_ranks *ranks = gf_new(graft_ranks);
    if (!ranks) {
        gf_local_close(local);
        return gf_fail_memory(err, sizeof *ranks, "ranks");
    }
    *ranks = (graft_ranks){local, gf_local_comm(local)};
    *out = ranks;
    return GRAFT_OK;
}

graft_status graft_ranks_start(const graft_settings *settings, const char *const *command, graft_ranks **out,
                               graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(command, "command");
    GF_NEEDS(command[0], "command");
    int size = (int)gf_settings_whole(settings, GF_SET_RUN_RANKS);
    gf_local *local;
    if (size == 1) return GRAFT_OK;
    GF_TRY(gf_local_start(&local, size, command, err));
    gf_local_comm(local)->timeout = gf_settings_real(settings, GF_SET_RUN_RANK_TIMEOUT);
    return take(local, out, err);
}

graft_status graft_ranks_join(graft_ranks **out, graft_error *err)
{
    GF_OUT(out);
    const char *words = getenv(GF_RANK_VARIABLE);
    gf_local *local;
    if (!words) return GRAFT_OK;
    GF_TRY(gf_local_join(&local, words, err));
    return take(local, out, err);
}

graft_status graft_context_ranks(graft_context *context, graft_ranks *ranks, graft_error *err)
{
    GF_NEEDS(context, "context");
    context->comm = ranks ? ranks->comm : NULL;
    return GRAFT_OK;
}

void graft_ranks_free(graft_ranks *ranks)
{
    if (!ranks) return;
    gf_local_close(ranks->local);
    gf_free(ranks);
}

/* ---- what is sent */

enum { ORDER, CONFIG, CHOICES, BASE, CHECKPOINT, PARTS };
static const size_t most[PARTS] = {1 << 20, 1 << 28, 1 << 24, (size_t)1 << 40, (size_t)1 << 40};

typedef struct parcel {
    uint8_t *data[PARTS];
    size_t n[PARTS];
} parcel;

static void free_parcel(parcel *p)
{
    for (int i = 0; i < PARTS; i++) gf_free(p->data[i]);
    *p = (parcel){0};
}

/* What must be the same everywhere, and what to do. */
static char *order_text(graft_context *c, const char *data, gf_json *bench)
{
    gf_json *j = gf_json_object();
    if (bench) gf_json_set(j, "bench", bench);
    gf_json_set(j, "graft", gf_json_string(GRAFT_VERSION));
    gf_json_set(j, "machine", gf_json_string(gf_ops_machine(c->ops)));
    if (data) gf_json_set(j, "data", gf_json_string(data));
    gf_json_set(j, "timeout", gf_json_real(c->comm->timeout));
    char *text = gf_json_text(j, 0);
    gf_json_free(j);
    return text;
}

static graft_status read_base(const gf_run *r, parcel *p, graft_error *err)
{
    char *path;
    GF_TRY(gf_run_path(r, GF_FOLDER_BASE, &path, err));
    graft_status status = gf_file_read(path, most[BASE], &p->data[BASE], &p->n[BASE], err);
    gf_free(path);
    return status;
}

static graft_status read_checkpoint(const gf_run *r, parcel *p, graft_error *err)
{
    char *dir;
    gf_checkpoint c = {0};
    GF_TRY(gf_run_path(r, GF_FOLDER_CHECKPOINTS, &dir, err));
    graft_status status = GRAFT_OK;
    if (gf_checkpoint_exists(dir)) status = gf_checkpoint_read_latest(&c, dir, 0, NULL, err);
    if (status == GRAFT_OK && c.n_bytes) {
        p->data[CHECKPOINT] = gf_alloc_raw(c.n_bytes, 1);
        if (p->data[CHECKPOINT]) memcpy(p->data[CHECKPOINT], c.bytes, c.n_bytes);
        if (!p->data[CHECKPOINT]) status = gf_fail_memory(err, c.n_bytes, "a checkpoint");
        p->n[CHECKPOINT] = c.n_bytes;
    }
    gf_checkpoint_free(&c);
    gf_free(dir);
    return status;
}

/* Takes the order's text over. */
static graft_status pack_texts(graft_context *c, char *order, const gf_run_config *k, parcel *p, graft_error *err)
{
    char *text[] = {order, gf_config_document(k), gf_ops_choices_text(c->ops)};
    bool ok = true;
    for (int i = ORDER; i <= CHOICES; i++) {
        p->data[i] = (uint8_t *)text[i];
        p->n[i] = text[i] ? strlen(text[i]) : 0;
        ok = ok && text[i];
    }
    return ok ? GRAFT_OK : gf_fail_memory(err, 4096, "a configuration");
}

/* More ranks than a batch has micro-batches in the phase that has most: some are of no use. */
static void tell_idle(const gf_run *r, const gf_log *log)
{
    int64_t batch = r->config->batch, parts = 0, micro = 1;
    int ranks = gf_comm_size(r->host.comm);
    for (size_t i = 0; i < r->phases.n; i++) {
        int64_t size = gf_run_engine_spec(r->config, &r->phases.item[i]).trainable_micro, n = (batch + size - 1) / size;
        if (!r->phases.item[i].epochs || n < parts) continue;
        parts = n;
        micro = size;
    }
    if (ranks <= parts) return;
    gf_log_say(
        log, GF_NOTE,
        "a batch of %lld is shared out in parts of %lld: of %d ranks %lld have one; --batch %lld would give one to "
        "each, and train otherwise",
        (long long)batch, (long long)micro, ranks, (long long)parts, (long long)(micro * ranks));
}

static graft_status asked(void *ctx) { return gf_api_ask(ctx); }

static graft_status send_parts(gf_comm *comm, const parcel *p, graft_error *err)
{
    for (int i = 0; i < PARTS; i++) {
        uint8_t *copy;
        size_t n;
        GF_TRY(gf_comm_send_all(comm, p->data[i], p->n[i], most[i], &copy, &n, err));
        gf_free(copy);
    }
    return GRAFT_OK;
}

/* Sends all parts, and waits until every rank has opened model and data. */
static graft_status hand_out(graft_context *c, parcel *p, graft_error *err)
{
    gf_comm *comm = c->comm;
    comm->watch = (gf_watch){asked, c};
    graft_status status = send_parts(comm, p, err);
    if (status == GRAFT_OK) status = gf_comm_barrier(comm, err);
    comm->watch = (gf_watch){0};
    comm->together = status == GRAFT_OK;
    return status;
}

graft_status gf_api_share_run(graft_context *c, gf_run *r, bool taken_up, const char *data, graft_error *err)
{
    parcel p = {0};
    if (gf_comm_size(c->comm) == 1) return GRAFT_OK;
    r->host.comm = c->comm;
    tell_idle(r, r->host.log);
    graft_status status = pack_texts(c, order_text(c, data, NULL), r->config, &p, err);
    if (status == GRAFT_OK) status = read_base(r, &p, err);
    if (status == GRAFT_OK && taken_up) status = read_checkpoint(r, &p, err); /* another run's may lie there else */
    if (status == GRAFT_OK) status = hand_out(c, &p, err);
    free_parcel(&p);
    return status;
}

graft_status gf_api_share_model(graft_model *m, gf_json *what, graft_error *err)
{
    graft_context *c = m->context;
    parcel p = {0};
    graft_status status = pack_texts(c, order_text(c, NULL, what), &m->config, &p, err);
    if (status == GRAFT_OK) status = gf_model_file_make(&p.data[BASE], &p.n[BASE], &m->model, &m->facts, err);
    if (status == GRAFT_OK) status = hand_out(c, &p, err);
    free_parcel(&p);
    return status;
}

void gf_api_end_sharing(graft_context *c, graft_status status, const graft_error *err)
{
    const graft_error why = err ? *err : (graft_error){.status = status};
    if (gf_comm_size(c->comm) == 1) return;
    if (status != GRAFT_OK) c->comm->abort(c->comm->self, &why);
    c->comm->together = false;
}

/* ---- a rank that is not the first */

typedef struct part {
    gf_json *order;
    gf_run_config config;
    gf_model model;
    gf_model_facts facts;
    graft_data *data;
} part;

static void free_part(part *x)
{
    gf_json_free(x->order);
    graft_data_free(x->data);
    gf_model_free(&x->model);
    gf_model_facts_free(&x->facts);
    gf_config_free(&x->config);
}

static graft_status check_same(const graft_context *c, const gf_json *order, const char *what, const char *own,
                               graft_error *err)
{
    const char *theirs = gf_json_str(gf_json_get(order, what), "");
    if (!strcmp(theirs, own)) return GRAFT_OK;
    return gf_fail(err, GF_E_RANK_DIFFERS, "ranks of one run have the same bits on equal processors alone",
                   "its %s is %s, that of rank 0 is %s (rank %d)", what, own, GF_ESC(theirs), c->comm->rank);
}

static graft_status read_model(part *x, parcel *p, graft_error *err)
{
    static const char name[] = "rank 0's model";
    gf_safetensors st;
    GF_TRY(gf_safetensors_parse(&st, p->data[BASE], p->n[BASE], name, NULL, err));
    graft_status status = gf_model_file_take(&x->model, &x->facts, &st, name, err);
    gf_safetensors_close(&st);
    gf_free(p->data[BASE]);
    p->data[BASE] = NULL;
    return status;
}

/* The first rank has what memory it wanted; the others share what is free now. */
static void limit_memory(const graft_context *c, gf_run_config *k)
{
    uint64_t all = k->memory_limit ? (uint64_t)k->memory_limit : gf_memory_available() / 2;
    k->memory_limit = (int64_t)(all / (uint64_t)c->comm->size);
    if (k->memory_limit < 1) k->memory_limit = 1;
}

static graft_status open_model(graft_context *c, part *x, parcel *p, graft_error *err)
{
    GF_TRY(gf_json_parse(&x->order, (const char *)p->data[ORDER], p->n[ORDER], "rank 0", err));
    c->comm->timeout = gf_json_f64(gf_json_get(x->order, "timeout"), c->comm->timeout);
    GF_TRY(check_same(c, x->order, "graft", GRAFT_VERSION, err));
    GF_TRY(check_same(c, x->order, "machine", gf_ops_machine(c->ops), err));
    GF_TRY(gf_config_parse(&x->config, (const char *)p->data[CONFIG], p->n[CONFIG], "rank 0", err));
    gf_ops_add_choices_of_run(c->ops, (const char *)p->data[CHOICES]);
    return read_model(x, p, err);
}

static graft_status open_data(graft_context *c, part *x, graft_error *err)
{
    const char *moved = gf_json_str(gf_json_get(x->order, "data"), NULL);
    limit_memory(c, &x->config);
    GF_TRY(gf_api_open_run_data(c, NULL, &x->config, moved, &x->facts.classes, &x->data, err));
    return gf_api_data_for(x->data, &x->model, &x->facts, err);
}

static graft_status share_bench(graft_context *c, part *x, graft_error *err)
{
    graft_model m = {.context = c, .config = x->config, .model = x->model, .facts = x->facts}; /* borrowed */
    GF_TRY(gf_comm_barrier(c->comm, err));
    c->comm->together = true;
    return gf_bench_take_part(&m, gf_json_get(x->order, "bench"), err);
}

static graft_status share_run(graft_context *c, part *x, const parcel *p, graft_error *err)
{
    gf_run_host host = gf_api_host(c);
    gf_run run;
    host.comm = c->comm;
    GF_TRY(open_data(c, x, err));
    GF_TRY(gf_run_open(&run, &host, "", &x->config, &x->model, &x->facts, x->data->data, err));
    graft_status status = gf_comm_barrier(c->comm, err);
    c->comm->together = status == GRAFT_OK;
    if (status == GRAFT_OK) status = gf_run_restore_bytes(&run, p->data[CHECKPOINT], p->n[CHECKPOINT], err);
    if (status == GRAFT_OK) status = gf_run_train(&run, err);
    gf_run_close(&run);
    return status;
}

static graft_status go(graft_context *c, part *x, parcel *p, graft_error *err)
{
    GF_TRY(open_model(c, x, p, err));
    graft_status status = gf_json_get(x->order, "bench") ? share_bench(c, x, err) : share_run(c, x, p, err);
    c->comm->together = false;
    return status;
}

/* *over: the first rank has nothing more to do. */
static graft_status work_once(graft_context *c, bool *over, graft_error *err)
{
    parcel p = {0};
    part x = {0};
    graft_status status = GRAFT_OK;
    for (int i = 0; i < PARTS && status == GRAFT_OK; i++) {
        status = gf_comm_send_all(c->comm, NULL, 0, most[i], &p.data[i], &p.n[i], err);
    }
    *over = status == GRAFT_WORKER && err->number == GF_E_RANK_ENDED && !p.data[ORDER];
    if (status == GRAFT_OK) status = go(c, &x, &p, err);
    if (status != GRAFT_OK && !*over) c->comm->abort(c->comm->self, err);
    free_part(&x);
    free_parcel(&p);
    return status;
}

graft_status gf_api_work(graft_context *c, graft_error *err)
{
    graft_error why = {0};
    bool over = false;
    graft_status status = GRAFT_OK;
    while (status == GRAFT_OK) status = work_once(c, &over, &why);
    if (over) return GRAFT_OK;
    if (err) *err = why;
    return status;
}

graft_status graft_ranks_work(graft_context *context, graft_ranks *ranks, graft_error *err)
{
    GF_NEEDS(context, "context");
    GF_NEEDS(ranks, "ranks");
    GF_TRY(graft_context_ranks(context, ranks, err));
    gf_api_begin(context, GRAFT_STAGE_PLAN);
    return gf_api_end(gf_api_work(context, err), err);
}
