#include "train/feature_store.h"

#include "base/io.h"
#include "base/sys.h"
#include "data/cache_file.h"
#include "exchange/keras_config.h"
#include "train/engine_parts.h"
#include "train/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- words */

graft_status gf_feature_words_parse(gf_feature_words *out, const char *text, graft_error *err)
{
    const int most = 1000;
    *out = (gf_feature_words){0};
    for (const char *at = text ? text : "auto"; at;) {
        size_t n = strcspn(at, ",");
        char word[16] = "", *end;
        if (n < sizeof word) memcpy(word, at, n);
        long k = strtol(word, &end, 10);
        if (!strcmp(word, "off")) {
            out->off = true;
        } else if (!strcmp(word, "disk")) {
            out->disk = true;
        } else if (*word >= '1' && *word <= '9' && !*end && k <= most) {
            out->variants = (int)k;
        } else if (strcmp(word, "auto") != 0) {
            return gf_fail(err, GF_E_OPTION_VALUE, "auto, off, disk, 4, or 4,disk",
                           "feature cache \"%s\": a word of it is not known", GF_ESC(text));
        }
        at = at[n] ? at + n + 1 : NULL;
    }
    return GRAFT_OK;
}

/* ---- the key */

static void add_text(gf_sha256_state *to, const char *text) { gf_sha256_add(to, text, strlen(text) + 1); }

static void add_number(gf_sha256_state *to, uint64_t x) { gf_sha256_add(to, &x, sizeof x); }

/* The layers up to the split point, as graft's own JSON: the same whatever head is behind them. */
static graft_status add_layers(const gf_engine *e, gf_sha256_state *to, graft_error *err)
{
    gf_model prefix = {0};
    char *text = NULL;
    int at;
    graft_status status = GRAFT_OK;
    if (!e->cut) return GRAFT_OK;
    GF_GOTO(gf_model_copy_layers(&prefix, e->model, e->graph.node[e->cut - 1].layer, NULL, &at, err));
    prefix.features = prefix.output = at;
    GF_GOTO(gf_model_finish(&prefix, err));
    GF_GOTO(gf_keras_config_text(&text, &prefix, &(gf_keras_config_options){.own = true}, err));
    add_text(to, text);
out:
    gf_free(text);
    gf_model_free(&prefix);
    return status;
}

static void add_values(const gf_engine *e, gf_sha256_state *to)
{
    const gf_model *m = e->model;
    for (size_t i = 0; i < e->cut; i++) {
        const gf_node *n = &e->graph.node[i];
        const gf_layer *l = &m->layer[n->layer];
        add_text(to, l->name);
        for (int role = 0; role < GF_ROLES; role++) {
            const gf_param *p = n->param[role] < 0 ? NULL : &m->param[n->param[role]];
            if (p) gf_sha256_add(to, m->value + p->offset, p->count * sizeof *m->value);
        }
        gf_range *range = e->spec.int8_layers ? gf_graph_range(&e->graph, n->dst) : NULL;
        if (range) gf_sha256_add(to, range, gf_layer_channels(l) * sizeof *range);
    }
}

/* What of the engine the rows follow from: its layers, their values, its arithmetic. */
static graft_status add_engine(const gf_engine *e, gf_sha256_state *to, graft_error *err)
{
    add_number(to, e->spec.dtype);
    add_number(to, (uint64_t)gf_engine_int8_layers(e));
    add_number(to, e->cut);
    for (size_t k = 0; k < e->parts; k++) add_number(to, e->part_bytes[k]);
    add_values(e, to);
    return add_layers(e, to, err);
}

/* What of the configuration prepares images: all of the data, but for where they lie and are kept. */
static graft_status add_option(void *ctx, const char *section, const char *name, const char *value)
{
    static const char *const elsewhere[] = {"data", "cache", "memory_limit", "cache_dir"};
    bool data = !strcmp(section, "data"), setting = !strcmp(section, "settings");
    bool wanted = data || !strcmp(name, "machine") || !strcmp(name, "choices");
    if (setting) wanted = !strncmp(name, "data.", 5) || !strncmp(name, "image.", 6);
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        wanted = wanted && strcmp(name, elsewhere[i]) != 0;
    if (wanted) add_text(ctx, name);
    if (wanted) add_text(ctx, value);
    return GRAFT_OK;
}

static graft_status make_key(gf_sha256 *key, gf_run *r, const gf_feature_cache *cache, bool changed, graft_error *err)
{
    static const char version[] = "graft features 1";
    gf_sha256_state *to = gf_sha256_begin();
    if (!to) return gf_fail_memory(err, 128, "a digest");
    add_text(to, version);
    add_number(to, cache->first);
    add_number(to, cache->n);
    add_number(to, cache->variants);
    if (changed) {
        add_text(to, gf_run_phase(r)->augment);
        add_number(to, r->feed.seed);
        add_number(to, (uint64_t)r->phase_start);
    }
    graft_status status = gf_config_each(r->config, add_option, to);
    if (status == GRAFT_OK) status = add_engine(r->engine, to, err);
    *key = gf_sha256_end(to);
    return status;
}

/* ---- files */

typedef struct header {
    uint64_t magic;
    uint8_t key[32];
    uint64_t rows, parts, target_bytes, row[GF_MAX_BOUNDARY_TENSORS], block_sum[GF_MAX_BOUNDARY_TENSORS + 1];
    uint64_t spare[6], sum; /* of all before it */
} header;
_Static_assert(sizeof(header) == GF_FEATURE_HEAD, "the header of a feature file");
static const uint64_t magic_number = 0x0001544145464647; /* "GFFEAT", version 1; other bytes on another machine */

static const char ending[] = ".features";

static size_t rows_of(const gf_feature_cache *c) { return c->n * c->variants; }

size_t gf_feature_block(const gf_feature_cache *c, size_t i)
{
    return rows_of(c) * (i < c->parts ? c->row[i] : c->target_bytes);
}

static char *block_of(const gf_feature_cache *c, size_t i) { return i < c->parts ? c->data[i] : c->target; }

static header head_of(const gf_sha256 *key, const gf_feature_cache *c)
{
    header h = {.magic = magic_number, .rows = rows_of(c), .parts = c->parts, .target_bytes = c->target_bytes};
    memcpy(h.key, key->byte, sizeof h.key);
    for (size_t i = 0; i < c->parts; i++) h.row[i] = c->row[i];
    return h;
}

graft_status gf_feature_head_parse(const uint8_t *bytes, size_t n, const gf_sha256 *key, const gf_feature_cache *cache,
                                   uint64_t sum[GF_MAX_BOUNDARY_TENSORS + 1], graft_error *err)
{
    header h, want = head_of(key, cache);
    if (n < sizeof h) return gf_fail(err, GF_E_CACHE_DAMAGED, NULL, "it ends early");
    memcpy(&h, bytes, sizeof h);
    if (h.sum != gf_pixel_sum((const uint8_t *)&h, offsetof(header, sum)))
        return gf_fail(err, GF_E_CACHE_DAMAGED, NULL, "its header has a wrong checksum");
    memcpy(sum, h.block_sum, sizeof h.block_sum);
    memcpy(want.block_sum, h.block_sum, sizeof h.block_sum);
    if (!memcmp(&h, &want, offsetof(header, spare))) return GRAFT_OK;
    return gf_fail(err, GF_E_CACHE_DAMAGED, NULL, "its header is of other features");
}

graft_status gf_feature_store_open(gf_feature_store *s, gf_run *r, const gf_feature_cache *cache, bool changed,
                                   graft_error *err)
{
    char hex[65];
    *s = (gf_feature_store){.samples = r->data->cls->samples,
                            .limit = (uint64_t)gf_settings_whole(r->config->settings, GF_SET_TRAIN_FEATURE_LIMIT)};
    if (!r->config->cache_dir)
        return gf_fail(err, GF_E_OPTION_VALUE, "name one with --cache-dir", "feature cache: there is no cache folder");
    GF_TRY(make_key(&s->key, r, cache, changed, err));
    gf_sha256_hex(&s->key, hex);
    s->dir = gf_path_join(r->config->cache_dir, "features");
    s->path = s->dir ? gf_sprintf("%s/%s%s", s->dir, hex, ending) : NULL;
    if (s->path) return GRAFT_OK;
    gf_feature_store_close(s);
    return gf_fail_memory(err, 256, "a file name");
}

void gf_feature_store_close(gf_feature_store *s)
{
    gf_free(s->dir);
    gf_free(s->path);
    *s = (gf_feature_store){0};
}

static bool read_at(int fd, void *to, size_t n, off_t at)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = gf_sys_pread(fd, (char *)to + done, n - done, at + (off_t)done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        done += (size_t)got;
    }
    return true;
}

static graft_status read_file(const gf_feature_store *s, int fd, gf_feature_cache *cache, graft_error *err)
{
    uint8_t head[GF_FEATURE_HEAD];
    uint64_t sum[GF_MAX_BOUNDARY_TENSORS + 1];
    off_t at = GF_FEATURE_HEAD;
    if (!read_at(fd, head, sizeof head, 0)) return gf_fail(err, GF_E_CACHE_DAMAGED, NULL, "it ends early");
    GF_TRY(gf_feature_head_parse(head, sizeof head, &s->key, cache, sum, err));
    for (size_t i = 0; i <= cache->parts; i++) {
        size_t n = gf_feature_block(cache, i);
        if (!read_at(fd, block_of(cache, i), n, at)) return gf_fail(err, GF_E_CACHE_DAMAGED, NULL, "it ends early");
        size_t which = i < cache->parts ? i : GF_MAX_BOUNDARY_TENSORS;
        if (gf_pixel_sum((const uint8_t *)block_of(cache, i), n) != sum[which])
            return gf_fail(err, GF_E_CACHE_DAMAGED, NULL, "rows have a wrong checksum");
        at += (off_t)n;
    }
    return GRAFT_OK;
}

bool gf_feature_store_load(const gf_feature_store *s, gf_feature_cache *cache, const gf_log *log)
{
    graft_error why = {0};
    int fd = gf_sys_open(s->path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return false;
    graft_status status = read_file(s, fd, cache, &why);
    gf_sys_close(fd);
    if (status != GRAFT_OK) {
        gf_log_say(log, GF_WARNING, "E%d: %s: %s; the features are computed anew", why.number, GF_ESC(s->path),
                   why.message);
        return false;
    }
    memset(cache->filled, 1, rows_of(cache) * sizeof *cache->filled);
    memset(cache->lost, 0, rows_of(cache) * sizeof *cache->lost);
    gf_log_say(log, GF_NOTE, "features of %zu %s were there from an earlier run", rows_of(cache), s->samples);
    return true;
}

/* ---- within the limit */

typedef struct aged {
    char *path;
    int64_t seconds;
    uint64_t bytes;
} aged;

static int older_first(const void *a, const void *b)
{
    const aged *x = a, *y = b;
    if (x->seconds != y->seconds) return x->seconds < y->seconds ? -1 : 1;
    return strcmp(x->path, y->path);
}

static void remove_oldest(aged *file, size_t n, uint64_t limit, const char *spared)
{
    uint64_t all = 0;
    for (size_t i = 0; i < n; i++) all += file[i].bytes;
    qsort(file, n, sizeof *file, older_first);
    for (size_t i = 0; i < n && all > limit; i++) {
        if (!strcmp(file[i].path, spared)) continue;
        if (!gf_sys_unlink(file[i].path)) all -= file[i].bytes;
    }
}

/* What cannot be looked at stays. */
static void keep_limit(const gf_feature_store *s)
{
    gf_names names;
    if (gf_dir_list(s->dir, &names, NULL) != GRAFT_OK) return;
    aged *file = gf_new_n(names.n, aged);
    size_t n = 0;
    for (size_t i = 0; file && i < names.n; i++) {
        struct stat st;
        size_t length = strlen(names.item[i]), end = sizeof ending - 1;
        bool ours = length > end && !strcmp(names.item[i] + length - end, ending);
        char *path = ours ? gf_path_join(s->dir, names.item[i]) : NULL;
        if (path && !gf_sys_stat(path, &st)) {
            file[n++] = (aged){path, (int64_t)st.st_mtim.tv_sec, (uint64_t)st.st_size};
        } else {
            gf_free(path);
        }
    }
    if (file) remove_oldest(file, n, s->limit, s->path);
    for (size_t i = 0; i < n; i++) gf_free(file[i].path);
    gf_free(file);
    gf_names_free(&names);
}

static graft_status write_file(const gf_feature_store *s, const gf_feature_cache *cache, graft_error *err)
{
    header h = head_of(&s->key, cache);
    gf_bytes part[GF_MAX_BOUNDARY_TENSORS + 2] = {{&h, sizeof h}};
    for (size_t i = 0; i <= cache->parts; i++) {
        part[1 + i] = (gf_bytes){block_of(cache, i), gf_feature_block(cache, i)};
        h.block_sum[i < cache->parts ? i : GF_MAX_BOUNDARY_TENSORS] = gf_pixel_sum(part[1 + i].data, part[1 + i].n);
    }
    h.sum = gf_pixel_sum((const uint8_t *)&h, offsetof(header, sum));
    GF_TRY(gf_make_dirs(s->dir, err));
    return gf_file_write(s->path, part, cache->parts + 2, err);
}

void gf_feature_store_save(const gf_feature_store *s, const gf_feature_cache *cache, const gf_log *log)
{
    graft_error why = {0};
    uint64_t bytes = sizeof(header);
    for (size_t i = 0; i < rows_of(cache); i++) {
        if (cache->lost[i]) return;
    }
    for (size_t i = 0; i <= cache->parts; i++) bytes += gf_feature_block(cache, i);
    if (bytes > s->limit) {
        gf_log_say(log, GF_NOTE, "features of %zu %s take %llu MB: more than --feature-limit, and not kept on disk",
                   rows_of(cache), s->samples, (unsigned long long)(bytes >> 20));
    } else if (write_file(s, cache, &why) != GRAFT_OK) {
        gf_log_say(log, GF_WARNING, "E%d: %s; the features are not kept on disk", why.number, why.message);
    } else {
        keep_limit(s);
    }
}
