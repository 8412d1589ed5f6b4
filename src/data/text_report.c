#include "data/text_report.h"

#include <stdlib.h>
#include <string.h>

static const uint32_t limit_row[GF_TEXT_LIMITS] = {64, 128, 256, 512};

void gf_text_report_free(gf_text_report *r)
{
    gf_free(r->count);
    gf_free(r->tokenizer);
    gf_notes_free(&r->notes);
    *r = (gf_text_report){0};
}

/* ---- equal texts */

typedef struct group {
    uint64_t at; /* in folded */
    uint32_t n, label;
    uint8_t splits; /* bits */
    bool conflict;
} group;

typedef struct groups {
    gf_text folded;
    group *item;
    size_t n, cap;
    uint32_t *slot; /* index in item and one; 0: free */
    size_t slots;
    uint32_t *of; /* of each row its group */
} groups;

static void groups_free(groups *g)
{
    gf_text_free(&g->folded);
    gf_free(g->item);
    gf_free(g->slot);
    gf_free(g->of);
}

/* How many bytes of white space s begins with: of ASCII, U+00A0, U+3000. */
static size_t space_at(const char *s, size_t n)
{
    if (!n) return 0;
    if (*s == ' ' || (*s >= '\t' && *s <= '\r')) return 1;
    if (n >= 2 && !memcmp(s, "\xc2\xa0", 2)) return 2;
    return n >= 3 && !memcmp(s, "\xe3\x80\x80", 3) ? 3 : 0;
}

/* Behind the folded texts so far; *at gets where. */
static void fold(gf_text *to, const char *s, size_t n, uint64_t *at)
{
    *at = to->n;
    bool space = false;
    for (size_t i = 0; i < n;) {
        size_t skipped = space_at(s + i, n - i);
        if (skipped) {
            space = to->n > *at;
            i += skipped;
            continue;
        }
        size_t from = i;
        while (i < n && !space_at(s + i, n - i)) i++;
        if (space) gf_text_add(to, " ");
        gf_text_add_n(to, s + from, i - from);
        space = false;
    }
}

static uint64_t hash_of(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    return h ^ h >> 32;
}

static graft_status add_to_group(groups *g, const gf_labelled_text *row, const char *text, uint32_t *which,
                                 graft_error *err)
{
    uint64_t at;
    fold(&g->folded, text, row->n, &at);
    if (g->folded.failed) return gf_fail_memory(err, g->folded.cap, "texts");
    size_t n = g->folded.n - at;
    const char *folded = n ? g->folded.s + at : "";
    size_t slot = (size_t)hash_of(folded, n) & (g->slots - 1);
    for (; g->slot[slot]; slot = (slot + 1) & (g->slots - 1)) {
        const group *there = &g->item[g->slot[slot] - 1];
        if (there->n == n && (!n || !memcmp(g->folded.s + there->at, folded, n))) break;
    }
    if (g->slot[slot]) {
        g->folded.n = at;
    } else {
        if (!gf_grow(&g->item, g->n, &g->cap)) return gf_fail_memory(err, g->cap * sizeof *g->item, "a list of texts");
        g->item[g->n] = (group){at, (uint32_t)n, row->label, 0, false};
        g->slot[slot] = (uint32_t)++g->n;
    }
    group *to = &g->item[g->slot[slot] - 1];
    if (row->label != GF_NO_LABEL && to->label == GF_NO_LABEL) to->label = row->label;
    to->conflict |= row->label != GF_NO_LABEL && row->label != to->label;
    to->splits |= (uint8_t)(1 << row->split);
    *which = g->slot[slot] - 1;
    return GRAFT_OK;
}

static graft_status group_all(groups *g, const gf_texts *t, graft_error *err)
{
    for (g->slots = 16; g->slots < 2 * t->n; g->slots *= 2) {
    }
    g->slot = gf_new_n(g->slots, uint32_t);
    g->of = gf_new_n(t->n, uint32_t);
    if (!g->slot || !g->of) return gf_fail_memory(err, g->slots * sizeof *g->slot, "a table of texts");
    for (size_t i = 0; i < t->n; i++) GF_TRY(add_to_group(g, &t->row[i], gf_texts_text(t, i), &g->of[i], err));
    return GRAFT_OK;
}

static graft_status count_equal(gf_text_report *r, const gf_texts *t, graft_error *err)
{
    groups g = {0};
    graft_status status = group_all(&g, t, err);
    if (status == GRAFT_OK) {
        for (size_t i = 0; i < t->n; i++) {
            const group *of = &g.item[g.of[i]];
            r->empty += !of->n;
            r->seen[t->row[i].split] += t->row[i].split != GF_TRAIN && of->splits & 1 << GF_TRAIN;
        }
        for (size_t i = 0; i < g.n; i++) {
            r->conflicts += g.item[i].conflict;
            for (int s = 0; s < GF_SPLITS; s++) r->distinct[s] += g.item[i].splits >> s & 1;
        }
    }
    groups_free(&g);
    return status;
}

/* ---- lengths */

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* The least value that `share` of all do not exceed. */
static uint32_t percentile(const uint32_t *sorted, size_t n, unsigned percent)
{
    size_t i = (n * percent + 99) / 100;
    return sorted[i ? i - 1 : 0];
}

static graft_status count_pieces(gf_text_lengths *l, const gf_texts *t, const gf_tokenizer *k, uint32_t *length,
                                 graft_error *err)
{
    const gf_special_pieces special = k->class->special(k->self);
    uint32_t unknown = special.unknown;
    l->special = (special.begin != GF_NO_PIECE) + (special.end != GF_NO_PIECE);
    gf_pieces pieces = {0};
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < t->n && status == GRAFT_OK; i++) {
        pieces.n = 0;
        status = k->class->encode(k->self, gf_texts_text(t, i), t->row[i].n, &pieces, err);
        for (size_t p = 0; p < pieces.n; p++) l->unknown += pieces.item[p].id == unknown;
        l->pieces += pieces.n;
        length[i] = (uint32_t)pieces.n + l->special;
        for (int c = 0; c < GF_TEXT_LIMITS; c++) l->cut[c] += length[i] > limit_row[c];
    }
    gf_pieces_free(&pieces);
    return status;
}

static graft_status measure_pieces(gf_text_report *r, const gf_texts *t, const gf_tokenizer *k, graft_error *err)
{
    gf_text_lengths *l = &r->pieces;
    uint32_t *length = gf_new_n(t->n, uint32_t);
    r->tokenizer = gf_strdup(k->file);
    graft_status status = length && r->tokenizer ? count_pieces(l, t, k, length, err)
                                                 : gf_fail_memory(err, t->n * sizeof *length, "lengths of texts");
    if (status == GRAFT_OK) {
        qsort(length, t->n, sizeof *length, by_value);
        double sum = 0;
        for (size_t i = 0; i < t->n; i++) sum += length[i];
        l->mean = sum / (double)t->n;
        l->median = percentile(length, t->n, 50);
        l->p90 = percentile(length, t->n, 90);
        l->p95 = percentile(length, t->n, 95);
        l->p99 = percentile(length, t->n, 99);
        l->max = length[t->n - 1];
        r->has_pieces = true;
    }
    gf_free(length);
    return status;
}

/* ---- what is worth a warning */

static graft_status warn(gf_text_report *r, const gf_log *log, graft_error *err)
{
    const gf_texts *t = r->texts;
    uint64_t least = UINT64_MAX, most = 0;
    for (size_t c = 0; c < t->classes.n; c++) {
        uint64_t n = r->count[c];
        if (n < least) least = n;
        if (n > most) most = n;
    }
    for (int s = GF_VALIDATION; s < GF_SPLITS; s++) {
        if (!r->seen[s]) continue;
        GF_TRY(gf_note_add(&r->notes, log, GF_WARNING, err, "%llu of %llu texts of %s are texts of training, too",
                           (unsigned long long)r->seen[s], (unsigned long long)r->rows[s], gf_split_name((gf_split)s)));
    }
    if (r->conflicts) {
        GF_TRY(gf_note_add(&r->notes, log, GF_WARNING, err, "%llu texts are there with different labels",
                           (unsigned long long)r->conflicts));
    }
    if (r->empty)
        GF_TRY(gf_note_add(&r->notes, log, GF_WARNING, err, "%llu texts are empty", (unsigned long long)r->empty));
    if (t->classes.n > 1 && most > 10 * least) {
        GF_TRY(gf_note_add(&r->notes, log, GF_WARNING, err,
                           "the largest class has %llu texts of training, the smallest %llu", (unsigned long long)most,
                           (unsigned long long)least));
    }
    const gf_text_lengths *l = &r->pieces;
    if (r->has_pieces && 100 * l->unknown > l->pieces) {
        GF_TRY(gf_note_add(&r->notes, log, GF_WARNING, err,
                           "%.2f %% of the pieces are unknown: is it the vocabulary of this language?",
                           100.0 * (double)l->unknown / (double)l->pieces));
    }
    return GRAFT_OK;
}

static graft_status look_at_labels(gf_text_report *r, const gf_texts *t, graft_error *err)
{
    uint64_t *count = gf_new_n(t->sets.n, uint64_t);
    if (!count) return gf_fail_memory(err, t->sets.n * sizeof *count, "the report on the labels");
    for (size_t i = 0; i < t->n; i++) {
        if (t->row[i].label != GF_NO_LABEL) count[t->row[i].label]++;
    }
    graft_status status = gf_label_report_make(&r->labels, &t->sets, count, t->classes.n, err);
    gf_free(count);
    return status;
}

graft_status gf_text_report_make(gf_text_report *out, const gf_texts *texts, const gf_tokenizer *tokenizer,
                                 const gf_log *log, graft_error *err)
{
    *out = (gf_text_report){.texts = texts};
    size_t classes = texts->classes.n + 1;
    out->count = gf_new_n(GF_SPLITS * classes, uint64_t);
    if (!out->count) return gf_fail_memory(err, classes * sizeof *out->count, "class counts");
    for (size_t i = 0; i < texts->n; i++) {
        const gf_labelled_text *row = &texts->row[i];
        const uint32_t *label;
        size_t n = gf_texts_labels(texts, i, &label);
        out->rows[row->split]++;
        if (!n) out->count[row->split * classes + classes - 1]++;
        for (size_t k = 0; k < n; k++) out->count[row->split * classes + label[k]]++;
    }
    if (texts->several) GF_TRY(look_at_labels(out, texts, err));
    GF_TRY(count_equal(out, texts, err));
    if (tokenizer) GF_TRY(measure_pieces(out, texts, tokenizer, err));
    return warn(out, log, err);
}

/* ---- JSON */

static gf_json *parts_json(const gf_text_report *r)
{
    size_t classes = r->texts->classes.n + 1;
    gf_json *all = gf_json_object();
    for (int s = 0; s < GF_SPLITS; s++) {
        if (!r->rows[s]) continue;
        gf_json *part = gf_json_object(), *count = gf_json_object();
        gf_json_set(part, "texts", gf_json_int((int64_t)r->rows[s]));
        gf_json_set(part, "distinct", gf_json_int((int64_t)r->distinct[s]));
        if (s != GF_TRAIN) gf_json_set(part, "seen_in_training", gf_json_int((int64_t)r->seen[s]));
        for (size_t c = 0; c + 1 < classes; c++) {
            gf_json_set(count, r->texts->classes.item[c], gf_json_int((int64_t)r->count[(size_t)s * classes + c]));
        }
        gf_json_set(part, "classes", count);
        gf_json_set(part, "without_label", gf_json_int((int64_t)r->count[(size_t)s * classes + classes - 1]));
        gf_json_set(all, gf_split_name((gf_split)s), part);
    }
    return all;
}

static gf_json *pieces_json(const gf_text_report *r)
{
    const gf_text_lengths *l = &r->pieces;
    gf_json *j = gf_json_object(), *cut = gf_json_object();
    gf_json_set(j, "tokenizer", gf_json_string(r->tokenizer));
    gf_json_set(j, "pieces", gf_json_int((int64_t)l->pieces));
    gf_json_set(j, "unknown", gf_json_int((int64_t)l->unknown));
    gf_json_set(j, "special", gf_json_int(l->special));
    gf_json_set(j, "mean", gf_json_real(l->mean));
    gf_json_set(j, "median", gf_json_int(l->median));
    gf_json_set(j, "p90", gf_json_int(l->p90));
    gf_json_set(j, "p95", gf_json_int(l->p95));
    gf_json_set(j, "p99", gf_json_int(l->p99));
    gf_json_set(j, "max", gf_json_int(l->max));
    for (int c = 0; c < GF_TEXT_LIMITS; c++) {
        const char *const name[GF_TEXT_LIMITS] = {"64", "128", "256", "512"};
        gf_json_set(cut, name[c], gf_json_int((int64_t)l->cut[c]));
    }
    gf_json_set(j, "longer_than", cut);
    return j;
}

gf_json *gf_text_report_json(const gf_text_report *r)
{
    const gf_texts *t = r->texts;
    gf_json *j = gf_json_object(), *taken = gf_json_array(), *bad = gf_json_array(), *notes = gf_json_array();
    gf_json_set(j, "data", gf_json_string(t->root));
    gf_json_set(j, "kind", gf_json_string("texts"));
    gf_json_set(j, "encoding", gf_json_string(t->encoding));
    gf_json_set(j, "parts", parts_json(r));
    if (t->several) gf_json_set(j, "labels", gf_label_report_json(&r->labels, &t->classes));
    gf_json_set(j, "conflicts", gf_json_int((int64_t)r->conflicts));
    gf_json_set(j, "empty", gf_json_int((int64_t)r->empty));
    if (r->has_pieces) gf_json_set(j, "lengths", pieces_json(r));
    for (size_t i = 0; i < t->n_taken; i++) {
        gf_json *x = gf_json_object();
        gf_json_set(x, "what", gf_json_string(t->taken[i].what));
        gf_json_set(x, "as", gf_json_string(t->taken[i].as));
        gf_json_add(taken, x);
    }
    gf_json_set(j, "taken", taken);
    for (size_t i = 0; i < t->n_bad; i++) gf_json_add(bad, gf_json_string(t->bad[i].message));
    gf_json_set(j, "bad", bad);
    for (size_t i = 0; i < r->notes.n; i++) gf_json_add(notes, gf_json_string(r->notes.item[i].text));
    gf_json_set(j, "notes", notes);
    return j;
}

/* ---- for people */

static void class_table(const gf_text_report *r, gf_text *t)
{
    size_t classes = r->texts->classes.n + 1;
    gf_text_printf(t, "%-24s", "class");
    for (int s = 0; s < GF_SPLITS; s++) {
        if (r->rows[s]) gf_text_printf(t, " %12s", gf_split_name((gf_split)s));
    }
    gf_text_add(t, "\n");
    for (size_t c = 0; c < classes; c++) {
        uint64_t any = 0;
        for (int s = 0; s < GF_SPLITS; s++) any += r->count[(size_t)s * classes + c];
        if (c + 1 == classes && !any) continue;
        gf_text_printf(t, "%-24s", c + 1 == classes ? "(no label)" : GF_ESC(r->texts->classes.item[c]));
        for (int s = 0; s < GF_SPLITS; s++) {
            if (r->rows[s]) gf_text_printf(t, " %12llu", (unsigned long long)r->count[(size_t)s * classes + c]);
        }
        gf_text_add(t, "\n");
    }
    gf_text_printf(t, "%-24s", "different texts");
    for (int s = 0; s < GF_SPLITS; s++) {
        if (r->rows[s]) gf_text_printf(t, " %12llu", (unsigned long long)r->distinct[s]);
    }
    gf_text_add(t, "\n\n");
}

static void length_lines(const gf_text_report *r, gf_text *t)
{
    const gf_text_lengths *l = &r->pieces;
    if (!r->has_pieces) return;
    gf_text_printf(t,
                   "pieces     mean %.1f, median %u, 90 %% up to %u, 95 %% %u, 99 %% %u, longest %u (%u special ones "
                   "with each)\n",
                   l->mean, l->median, l->p90, l->p95, l->p99, l->max, l->special);
    gf_text_add(t, "longer     ");
    for (int c = 0; c < GF_TEXT_LIMITS; c++) {
        gf_text_printf(t, "%sthan %u: %.1f %%", c ? ", " : "", limit_row[c],
                       100.0 * (double)l->cut[c] / (double)r->texts->n);
    }
    gf_text_printf(t, "\nunknown    %.2f %% of %llu pieces, by %s\n",
                   l->pieces ? 100.0 * (double)l->unknown / (double)l->pieces : 0.0, (unsigned long long)l->pieces,
                   GF_ESC(r->tokenizer));
}

graft_status gf_text_report_text(const gf_text_report *r, char **out, graft_error *err)
{
    const gf_texts *x = r->texts;
    gf_text t = {0};
    gf_text_printf(&t, "%s: %zu texts, %zu classes, %s\n\n", GF_ESC(x->root), x->n, x->classes.n, GF_ESC(x->encoding));
    class_table(r, &t);
    gf_label_report_text(&r->labels, &x->classes, &t);
    length_lines(r, &t);
    for (size_t i = 0; i < x->n_taken; i++) {
        gf_text_printf(&t, "taken      %s as %s\n", GF_ESC(x->taken[i].what), GF_ESC(x->taken[i].as));
    }
    for (size_t i = 0; i < r->notes.n; i++) gf_text_printf(&t, "warning: %s\n", r->notes.item[i].text);
    for (size_t i = 0; i < x->n_bad; i++) gf_text_printf(&t, "bad: E%04d: %s\n", x->bad[i].number, x->bad[i].message);
    gf_text_printf(&t, "%s\n", x->n_bad ? "" : "no bad rows");
    *out = t.failed ? NULL : t.s;
    if (*out) return GRAFT_OK;
    gf_text_free(&t);
    return gf_fail_memory(err, t.cap, "the report on the data");
}
