#include "data/load.h"
#include "data/split_rules.h"

#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

/* ---- groups */

/* What the expression's first brackets hold or, without any, all that it fits. */
static graft_status group_of_path(gf_index *index, uint32_t i, const regex_t *expression, graft_error *err)
{
    regmatch_t m[2];
    const char *path = gf_index_path(index, i);
    if (regexec(expression, path, 2, m, 0)) return GRAFT_OK;
    const regmatch_t *part = expression->re_nsub && m[1].rm_so >= 0 ? &m[1] : &m[0];
    char *name = gf_strndup(path + part->rm_so, (size_t)(part->rm_eo - part->rm_so));
    if (!name) return gf_fail_memory(err, strlen(path), "a group");
    graft_status status = gf_index_group(index, &index->sample[i].group, name, err);
    gf_free(name);
    return status;
}

graft_status gf_split_find_groups(gf_index *index, const gf_data_options *o, graft_error *err)
{
    const char *text = gf_settings_text(o->settings, GF_SET_DATA_GROUP_BY);
    regex_t expression;
    uint32_t without = 0;
    if (!text) return GRAFT_OK;
    if (regcomp(&expression, text, REG_EXTENDED)) {
        return gf_fail(err, GF_E_OPTION_VALUE, "as (P[0-9]+)_ for a/P12_3.jpg: what is in brackets is the group",
                       "data.group_by: %s is no regular expression", GF_ESC(text));
    }
    graft_status status = GRAFT_OK;
    for (uint32_t i = 0; status == GRAFT_OK && i < index->n; i++) {
        if (!index->sample[i].group) status = group_of_path(index, i, &expression, err);
        without += !index->sample[i].group;
    }
    regfree(&expression);
    if (status != GRAFT_OK || !without) return status;
    return gf_note_add(&index->notes, o->log, GF_WARNING, err,
                       "%u of %u images are of no group (the path of none of them fits %s)", without, index->n,
                       GF_ESC(text));
}

graft_status gf_split_check_groups(gf_index *index, const gf_data_options *o, graft_error *err)
{
    uint8_t *parts = gf_new_n(index->groups.n + 1, uint8_t);
    size_t shared = 0, first = 0;
    if (!parts) return gf_fail_memory(err, index->groups.n, "groups");
    for (uint32_t i = 0; i < index->n; i++) parts[index->sample[i].group] |= (uint8_t)(1 << index->sample[i].split);
    for (size_t g = index->groups.n; g > 0; g--) {
        bool several = (parts[g] & (parts[g] - 1)) != 0;
        shared += several;
        first = several ? g : first;
    }
    gf_free(parts);
    if (!shared) return GRAFT_OK;
    return gf_note_add(&index->notes, o->log, GF_WARNING, err,
                       "%zu group%s in several parts of the data (%s): what is measured there is not to be trusted",
                       shared, shared == 1 ? " is" : "s are", GF_ESC(index->groups.item[first - 1]));
}

/* ---- pieces */

/* Samples that stay together, in the order of their hash. */
typedef struct piece {
    uint64_t order;
    gf_sha256 key; /* of the group, or the content */
    uint32_t sample;
} piece;

typedef struct sharing {
    gf_index *index;
    const gf_data_options *options;
    const double *share;
    piece *item; /* one a sample; equal keys lie together */
    gf_sha256 *content;
    double *have, *want; /* [parts][kinds] */
    uint32_t *touched;   /* kinds of the piece at hand */
    double *more;        /* images of each kind in it */
    uint32_t n;
    size_t kinds; /* classes; and, where images have any number of them, all images as another */
} sharing;

/* A file that cannot be read is told of by the check; until then its path stands for it. */
static graft_status hash_content(gf_index *index, uint32_t n, gf_sha256 *content, graft_error *err)
{
    gf_buffer file = {0};
    graft_error why = {0};
    graft_status status = GRAFT_OK;
    for (uint32_t i = 0; i < n && status == GRAFT_OK; i++) {
        bool read = gf_sample_read(index, i, &file, &why) == GRAFT_OK;
        const char *path = gf_index_path(index, i);
        content[i] = read ? gf_sha256_of(file.data, file.n) : gf_sha256_of(path, strlen(path));
        if (!read && why.number == GF_E_NO_MEMORY) status = gf_fail_memory(err, 1 << 20, "an image file");
    }
    gf_buffer_free(&file);
    return status;
}

/* The key, and the first 8 bytes of SHA-256 of the seed and it. */
static piece piece_of(const sharing *s, uint32_t i)
{
    const gf_sample *one = &s->index->sample[i];
    const char *group = one->group ? s->index->groups.item[one->group - 1] : NULL;
    piece p = {.sample = i, .key = group ? gf_sha256_of(group, strlen(group) + 1) : s->content[i]};
    uint8_t seeded[8 + sizeof p.key.byte];
    for (int k = 0; k < 8; k++) seeded[k] = (uint8_t)(s->options->seed >> 8 * k);
    memcpy(seeded + 8, p.key.byte, sizeof p.key.byte);
    gf_sha256 hash = gf_sha256_of(seeded, sizeof seeded);
    for (int k = 0; k < 8; k++) p.order = p.order << 8 | hash.byte[k];
    return p;
}

static int in_order(const void *a, const void *b)
{
    const piece *x = a, *y = b;
    if (x->order != y->order) return x->order < y->order ? -1 : 1;
    int key = memcmp(x->key.byte, y->key.byte, sizeof x->key.byte);
    return key ? key : x->sample < y->sample ? -1 : x->sample > y->sample;
}

static uint32_t piece_end(const sharing *s, uint32_t at)
{
    uint32_t end = at + 1;
    while (end < s->n && !memcmp(s->item[end].key.byte, s->item[at].key.byte, sizeof s->item[at].key.byte)) end++;
    return end;
}

/* Adds `more` of the sample to each of its kinds. */
static void add_kinds(const sharing *s, uint32_t sample, double more, double *kind)
{
    const uint32_t *label;
    for (size_t k = gf_index_labels(s->index, sample, &label); k > 0; k--) kind[label[k - 1]] += more;
    if (s->index->sets) kind[s->kinds - 1] += more;
}

/* Images of each kind in the piece, in more[]; its kinds in touched[]. */
static size_t count_kinds(sharing *s, uint32_t at, uint32_t end)
{
    size_t n = 0;
    for (uint32_t i = at; i < end; i++) {
        const uint32_t *label;
        size_t labels = gf_index_labels(s->index, s->item[i].sample, &label);
        for (size_t k = 0; k < labels; k++) {
            if (s->more[label[k]] == 0) s->touched[n++] = label[k];
            s->more[label[k]]++;
        }
        if (!s->index->sets) continue;
        if (s->more[s->kinds - 1] == 0) s->touched[n++] = (uint32_t)(s->kinds - 1);
        s->more[s->kinds - 1]++;
    }
    return n;
}

static void put(sharing *s, uint32_t at, uint32_t end, gf_split part)
{
    for (uint32_t i = at; i < end; i++) {
        s->index->sample[s->item[i].sample].split = (uint8_t)part;
        add_kinds(s, s->item[i].sample, 1, s->have + (size_t)part * s->kinds);
    }
}

/* How much the part's distance from what is wanted, (have - want)^2 / want over the classes, grows by the piece. */
static double growth(const sharing *s, size_t touched, gf_split part)
{
    double sum = 0;
    for (size_t k = 0; k < touched; k++) {
        size_t at = (size_t)part * s->kinds + s->touched[k];
        double more = s->more[s->touched[k]], off = s->have[at] - s->want[at];
        sum += more * (2 * off + more) / s->want[at];
    }
    return sum;
}

static gf_split neediest(sharing *s, uint32_t at, uint32_t end)
{
    size_t touched = count_kinds(s, at, end);
    gf_split best = GF_TRAIN;
    double least = INFINITY;
    for (int part = 0; part < GF_SPLITS; part++) {
        if (!(s->share[part] > 0)) continue;
        double d = growth(s, touched, (gf_split)part);
        if (d < least) best = (gf_split)part;
        least = fmin(least, d);
    }
    for (size_t k = 0; k < touched; k++) s->more[s->touched[k]] = 0;
    return best;
}

/* What the user's list says of the piece: of the first of its samples that is listed. */
static bool listed(const sharing *s, const gf_split_file *file, uint32_t at, uint32_t end, gf_split *part)
{
    for (uint32_t i = at; i < end; i++) {
        uint32_t sample = s->item[i].sample;
        if (gf_split_file_find(file, &s->content[sample], gf_index_path(s->index, sample), part)) return true;
    }
    return false;
}

static bool is_of(const gf_index *index, uint32_t sample, uint32_t class_id)
{
    uint32_t own = index->sample[sample].class_id;
    return index->sets ? gf_label_sets_has(index->sets, own, class_id) : own == class_id;
}

/* A class with three pieces or more is in every part that is asked for: where it is missing, the last of its pieces in
 * training that holds nothing else (no image without it) goes there. */
static void repair(sharing *s)
{
    for (size_t k = 0; k < s->kinds * GF_SPLITS; k++) {
        gf_split part = (gf_split)(k / s->kinds);
        uint32_t c = (uint32_t)(k % s->kinds), found = 0, last = 0, pieces = 0;
        if (part == GF_TRAIN || !(s->share[part] > 0) || s->have[k] > 0) continue;
        for (uint32_t at = 0, end; at < s->n; at = end) {
            end = piece_end(s, at);
            bool pure = true, has = false;
            for (uint32_t i = at; i < end; i++) {
                const gf_sample *one = &s->index->sample[s->item[i].sample];
                bool of_it = is_of(s->index, s->item[i].sample, c);
                pure = pure && of_it && one->split == GF_TRAIN;
                has = has || of_it;
            }
            pieces += has;
            found += pure;
            last = pure ? at : last;
        }
        if (found < 2 || pieces < 3) continue;
        uint32_t end = piece_end(s, last);
        for (uint32_t i = last; i < end; i++) add_kinds(s, s->item[i].sample, -1, s->have);
        put(s, last, end, part);
    }
}

static graft_status share_out(sharing *s, graft_error *err)
{
    const char *path = gf_settings_text(s->options->settings, GF_SET_DATA_SPLIT_FILE);
    gf_split_file file = {0};
    if (path) GF_TRY(gf_split_file_read(&file, path, err));
    for (uint32_t i = 0; i < s->n; i++) s->item[i] = piece_of(s, i);
    if (s->n) qsort(s->item, s->n, sizeof *s->item, in_order);
    for (uint32_t i = 0; i < s->n; i++) {
        for (size_t part = 0; part < GF_SPLITS; part++) add_kinds(s, i, s->share[part], s->want + part * s->kinds);
    }
    for (int pass = 0; pass < 2; pass++) { /* what is listed first */
        for (uint32_t at = 0, end; at < s->n; at = end) {
            gf_split part = GF_TRAIN;
            end = piece_end(s, at);
            bool known = listed(s, &file, at, end, &part);
            if (known == (pass == 0)) put(s, at, end, known ? part : neediest(s, at, end));
        }
    }
    gf_split_file_free(&file);
    repair(s);
    return GRAFT_OK;
}

graft_status gf_split_by_content(gf_index *index, const double share[GF_SPLITS], const gf_data_options *options,
                                 graft_error *err)
{
    size_t kinds = index->classes.n + (index->sets != NULL), cells = GF_SPLITS * kinds;
    sharing s = {
        .index = index,
        .options = options,
        .share = share,
        .kinds = kinds,
    };
    s.n = index->first[GF_TRAIN + 1];
    s.item = gf_new_n(index->n, piece);
    s.content = gf_new_n(index->n, gf_sha256);
    s.have = gf_new_n(cells, double);
    s.want = gf_new_n(cells, double);
    s.more = gf_new_n(kinds, double);
    s.touched = gf_new_n(kinds, uint32_t);
    bool ok = s.item && s.content && s.have && s.want && s.more && s.touched;
    graft_status status =
        ok ? hash_content(index, s.n, s.content, err) : gf_fail_memory(err, index->n * sizeof(piece), "the split");
    if (status == GRAFT_OK) status = share_out(&s, err);
    if (status == GRAFT_OK) gf_index_sort(index);
    gf_free(s.item);
    gf_free(s.content);
    gf_free(s.have);
    gf_free(s.want);
    gf_free(s.more);
    gf_free(s.touched);
    return status;
}
