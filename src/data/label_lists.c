#include "data/label_lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists */

graft_status gf_label_lists_begin(gf_label_lists *l, uint32_t line, graft_error *err)
{
    if (!gf_grow(&l->item, l->n, &l->cap)) return gf_fail_memory(err, l->cap * sizeof *l->item, "labels");
    l->item[l->n++] = (gf_label_list){.at = l->text.n, .line = line};
    return GRAFT_OK;
}

graft_status gf_label_lists_put(gf_label_lists *l, const char *label, size_t n, graft_error *err)
{
    gf_text_add_n(&l->text, label, n);
    gf_text_add_n(&l->text, "", 1);
    l->item[l->n - 1].n++;
    return l->text.failed ? gf_fail_memory(err, l->text.cap, "labels") : GRAFT_OK;
}

const char *gf_label_lists_first(const gf_label_lists *l, size_t i) { return l->text.s + l->item[i].at; }

void gf_label_lists_free(gf_label_lists *l)
{
    gf_text_free(&l->text);
    gf_free(l->item);
    *l = (gf_label_lists){0};
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Every label of the samples in the order of their bytes; *out is gf_free's. */
static graft_status sorted_labels(const gf_label_lists *l, const bool *defines, const char ***out, size_t *n,
                                  graft_error *err)
{
    size_t all = 0;
    *n = 0;
    for (size_t i = 0; i < l->n; i++) all += l->item[i].n;
    const char **label = *out = gf_new_n(all, const char *);
    if (!label) return gf_fail_memory(err, all * sizeof *label, "labels");
    for (size_t i = 0; i < l->n; i++) {
        if (!l->item[i].n || (defines && !defines[i])) continue;
        const char *s = gf_label_lists_first(l, i);
        for (uint32_t k = 0; k < l->item[i].n; k++, s += strlen(s) + 1) label[(*n)++] = s;
    }
    qsort(label, *n, sizeof *label, by_bytes);
    return GRAFT_OK;
}

graft_status gf_label_lists_names(const gf_label_lists *l, const bool *defines, gf_names *out, graft_error *err)
{
    const char **label;
    size_t n;
    GF_TRY(sorted_labels(l, defines, &label, &n, err));
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < n && status == GRAFT_OK; i++) {
        if (!i || strcmp(label[i - 1], label[i])) status = gf_names_add(out, label[i], err);
    }
    gf_free(label);
    return status;
}

graft_status gf_label_lists_check(const gf_label_lists *l, const char *name, graft_error *err)
{
    bool single = l->n > 0;
    for (size_t i = 0; i < l->n; i++) single = single && l->item[i].n == 1;
    if (!single) return GRAFT_OK;
    return gf_fail(err, GF_E_CSV_LABEL,
                   "--task multilabel takes each column as a label by itself; where a sample has one class, write its "
                   "name into one column, label",
                   "%s: each line has just one 1 in its columns of labels", GF_ESC(name));
}

/* ---- parts of a field */

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* The next part of a field from *at on, without the blanks around it; false at the end, with nothing written. Empty
 * ones are passed over. */
static bool next_part(const char **at, const char *delimiter, const char **part, size_t *n)
{
    while (**at) {
        const char *from = *at, *stop = strstr(from, delimiter), *end = stop ? stop : from + strlen(from);
        *at = stop ? stop + strlen(delimiter) : end;
        while (from < end && is_blank(*from)) from++;
        while (end > from && is_blank(end[-1])) end--;
        if (from == end) continue;
        *part = from;
        *n = (size_t)(end - from);
        return true;
    }
    return false;
}

/* A part of one of the values, which has `of` of them. */
typedef struct piece {
    const char *s;
    size_t n, value;
    bool combined;
} piece;

static int by_part(const void *a, const void *b)
{
    const piece *x = a, *y = b;
    int order = memcmp(x->s, y->s, x->n < y->n ? x->n : y->n);
    if (order) return order;
    if (x->n != y->n) return x->n < y->n ? -1 : 1;
    return x->value < y->value ? -1 : x->value > y->value;
}

static bool same_part(const piece *x, const piece *y) { return x->n == y->n && !memcmp(x->s, y->s, x->n); }

/* What a delimiter makes of the different values. */
typedef struct trial {
    size_t combined;      /* values of several parts */
    size_t parts, shared; /* different parts of those; of these, those that are in another value as well */
    const char *example;  /* the first that is combined */
} trial;

static size_t count_parts(const char *value, const char *delimiter)
{
    const char *part;
    size_t n, parts = 0;
    while (next_part(&value, delimiter, &part, &n)) parts++;
    return parts;
}

static void judge(trial *t, piece *all, size_t n)
{
    qsort(all, n, sizeof *all, by_part);
    for (size_t i = 0, end; i < n; i = end) {
        bool combined = false, others = false;
        for (end = i; end < n && same_part(&all[end], &all[i]); end++) {
            combined = combined || all[end].combined;
            others = others || all[end].value != all[i].value;
        }
        t->parts += combined;
        t->shared += combined && others;
    }
}

static graft_status try_delimiter(trial *t, const char *const *value, size_t n, const char *delimiter, graft_error *err)
{
    size_t most = 0, at = 0;
    *t = (trial){0};
    for (size_t i = 0; i < n; i++) most += count_parts(value[i], delimiter);
    piece *all = gf_new_n(most, piece);
    if (!all) return gf_fail_memory(err, most * sizeof *all, "labels");
    for (size_t i = 0; i < n; i++) {
        const char *rest = value[i];
        bool combined = count_parts(value[i], delimiter) > 1;
        if (combined && !t->combined++) t->example = value[i];
        for (; next_part(&rest, delimiter, &all[at].s, &all[at].n); at++) {
            all[at].value = i;
            all[at].combined = combined;
        }
    }
    judge(t, all, at);
    gf_free(all);
    return GRAFT_OK;
}

/* At least half of what it parts is there in another combination, or alone. */
static bool recombines(const trial *t) { return t->combined && 2 * t->shared >= t->parts; }

static bool is_known(const gf_label_rule *rule, const char *s, size_t n)
{
    for (size_t i = 0; i < rule->n_known; i++) {
        if (strlen(rule->known[i]) == n && !memcmp(rule->known[i], s, n)) return true;
    }
    return false;
}

/* All parts of all values are classes of the model, and not all of the values are. */
static bool parts_known(const gf_label_rule *rule, const char *const *value, size_t n, const char *delimiter)
{
    bool needed = false;
    for (size_t i = 0; rule->known && i < n; i++) {
        const char *rest = value[i], *part;
        size_t length;
        needed = needed || !is_known(rule, value[i], strlen(value[i]));
        while (next_part(&rest, delimiter, &part, &length)) {
            if (!is_known(rule, part, length)) return false;
        }
    }
    return needed;
}

static graft_status find(const gf_label_rule *rule, const char *const *value, size_t n, gf_label_parting *out,
                         graft_error *err)
{
    enum { SURE = 2 }; /* of the list so many part fields without being asked for */
    static const char *const delimiter[] = {"|", ";", ",", " "};
    for (size_t k = 0; k < sizeof delimiter / sizeof *delimiter; k++) {
        trial t;
        GF_TRY(try_delimiter(&t, value, n, delimiter[k], err));
        bool known = parts_known(rule, value, n, delimiter[k]);
        if (known || (k < SURE && recombines(&t))) {
            snprintf(out->delimiter, sizeof out->delimiter, "%s", delimiter[k]);
            out->why = known ? "all that it parts are classes of the model"
                             : "what it parts is there in other combinations, too";
            return GRAFT_OK;
        }
        if (!t.combined || out->doubtful) continue;
        out->doubtful = delimiter[k][0];
        out->recombines = k < SURE ? t.shared > 1 : recombines(&t) && t.parts < n;
        snprintf(out->example, sizeof out->example, "%s", t.example);
    }
    return GRAFT_OK;
}

/* The different values of all fields; *out is gf_free's. */
static graft_status different(const gf_label_lists *l, const char ***out, size_t *n, graft_error *err)
{
    size_t all, kept = 0;
    GF_TRY(sorted_labels(l, NULL, out, &all, err));
    for (size_t i = 0; i < all; i++) {
        if (!kept || strcmp((*out)[kept - 1], (*out)[i])) (*out)[kept++] = (*out)[i];
    }
    *n = kept;
    return GRAFT_OK;
}

static graft_status part_all(gf_label_lists *l, const char *delimiter, graft_error *err)
{
    gf_label_lists to = {.several = true};
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < l->n && status == GRAFT_OK; i++) {
        status = gf_label_lists_begin(&to, l->item[i].line, err);
        if (status != GRAFT_OK) break;
        to.item[i].left_out = l->item[i].left_out;
        const char *rest = l->item[i].n ? gf_label_lists_first(l, i) : "", *part;
        size_t n;
        while (status == GRAFT_OK && next_part(&rest, delimiter, &part, &n))
            status = gf_label_lists_put(&to, part, n, err);
    }
    gf_label_lists_free(status == GRAFT_OK ? l : &to);
    if (status == GRAFT_OK) *l = to;
    return status;
}

static graft_status take_asked(const char *asked, gf_label_parting *out, graft_error *err)
{
    const char *delimiter = !strcmp(asked, "space") ? " " : !strcmp(asked, "tab") ? "\t" : asked;
    if (strlen(delimiter) > GF_DELIMITER_MOST || !*delimiter) {
        return gf_fail(err, GF_E_OPTION_VALUE, "as in --label-delimiter '|', or space, tab, none",
                       "data.label_delimiter: \"%s\" has none or more than %d bytes", GF_ESC(asked), GF_DELIMITER_MOST);
    }
    snprintf(out->delimiter, sizeof out->delimiter, "%s", delimiter);
    return GRAFT_OK;
}

/* The task is one of several labels, and whether these are several is not clear. */
static graft_status ask(const gf_label_parting *p, const char *name, graft_error *err)
{
    return gf_fail(err, GF_E_CSV_LABEL, "--label-delimiter says what parts labels; none: each is one label",
                   "%s: are labels such as %s one label or several?", GF_ESC(name), GF_ESC(p->example));
}

graft_status gf_label_lists_part(gf_label_lists *l, const gf_label_rule *rule, gf_label_parting *out, const char *name,
                                 graft_error *err)
{
    *out = (gf_label_parting){.asked = rule->delimiter != NULL};
    if (out->asked && !strcmp(rule->delimiter, "none")) return GRAFT_OK;
    if (out->asked) {
        GF_TRY(take_asked(rule->delimiter, out, err));
    } else {
        const char **value = NULL;
        size_t n = 0;
        graft_status status = different(l, &value, &n, err);
        if (status == GRAFT_OK) status = find(rule, value, n, out, err);
        gf_free(value);
        GF_TRY(status);
    }
    if (*out->delimiter) return part_all(l, out->delimiter, err);
    return out->doubtful && rule->wanted && !rule->known ? ask(out, name, err) : GRAFT_OK;
}

bool gf_label_parting_is_doubtful(const gf_label_parting *p) { return p->doubtful && !p->asked && p->recombines; }

const char *gf_delimiter_text(const char *delimiter, char buf[GF_DELIMITER_TEXT])
{
    const char *named = !strcmp(delimiter, " ") ? "a space" : !strcmp(delimiter, "\t") ? "a tab" : NULL;
    if (named) snprintf(buf, GF_DELIMITER_TEXT, "%s", named);
    if (!named) snprintf(buf, GF_DELIMITER_TEXT, "'%s'", delimiter);
    return buf;
}

/* ---- numbers */

graft_status gf_label_lists_number(const gf_label_lists *l, size_t i,
                                   int64_t (*class_of)(const void *ctx, const char *name), const void *ctx,
                                   gf_label_sets *sets, uint32_t *number, const char **unknown, graft_error *err)
{
    uint32_t n = l->item[i].n, *label = gf_new_n(n, uint32_t);
    *unknown = NULL;
    if (!label) return gf_fail_memory(err, n * sizeof *label, "labels");
    const char *s = n ? gf_label_lists_first(l, i) : NULL;
    for (uint32_t k = 0; k < n && !*unknown; k++, s += strlen(s) + 1) {
        int64_t class_id = class_of(ctx, s);
        if (class_id < 0) *unknown = s;
        label[k] = (uint32_t)class_id;
    }
    graft_status status = *unknown ? GRAFT_OK : gf_label_sets_add(sets, label, n, number, err);
    gf_free(label);
    return status;
}
