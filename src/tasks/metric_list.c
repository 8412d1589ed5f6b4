/* metric_list.c - metrics by name: "accuracy,top5" as a list. */
#include "tasks/metric.h"

#include <stdio.h>
#include <string.h>

/* The number that digits [s, s + n) are; -1: they are none of at most 6 digits. */
static int digits(const char *s, size_t n)
{
    int k = 0;
    if (!n || n > 6 || s[0] == '0') return -1;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return -1;
        k = 10 * k + (s[i] - '0');
    }
    return k;
}

static bool is(const gf_metric_class *c, const char *word, size_t n, int *k)
{
    size_t name = strlen(c->name);
    *k = 0;
    if (n < name || memcmp(word, c->name, name)) return false;
    if (!c->most) return n == name;
    *k = digits(word + name, n - name);
    return *k >= c->least && *k <= c->most;
}

/* "accuracy", "top1..top1000" */
static void add_name(gf_text *t, const gf_metric_class *c)
{
    gf_text_add(t, c->name);
    if (c->most) gf_text_printf(t, "%d..%s%d", c->least, c->name, c->most);
}

void gf_metric_words(gf_text *text)
{
    const gf_metric_class *c;
    for (size_t i = 0; (c = gf_metric_class_at(i)); i++) {
        add_name(text, c);
        gf_text_printf(text, " - %s\n", c->help);
    }
}

static bool fits(const gf_metric_class *c, unsigned of) { return ((c->of ? c->of : GF_OF_CLASSES) & of) != 0; }

/* All of them, with commas. */
static char *known_names(unsigned of)
{
    gf_text t = {0};
    const gf_metric_class *c;
    for (size_t i = 0; (c = gf_metric_class_at(i)); i++) {
        if (!fits(c, of)) continue;
        if (t.n) gf_text_add(&t, ", ");
        add_name(&t, c);
    }
    if (t.failed) gf_text_free(&t);
    return t.s;
}

static const gf_metric_class *find(const char *word, size_t n, unsigned of, int *k)
{
    const gf_metric_class *c;
    size_t i = 0;
    while ((c = gf_metric_class_at(i)) && !(is(c, word, n, k) && fits(c, of))) i++;
    return c;
}

static graft_status not_known(const char *word, size_t n, unsigned of, graft_error *err)
{
    int k;
    bool other = find(word, n, GF_OF_ANY, &k) != NULL;
    char shown[GF_METRIC_NAME], *known = known_names(of);
    snprintf(shown, sizeof shown, "%.*s", (int)(n < sizeof shown ? n : sizeof shown - 1), word);
    graft_status status =
        gf_fail(err, GF_E_OPTION_VALUE, known ? known : NULL,
                !other               ? "there is no metric \"%s\""
                : of == GF_OF_LABELS ? "metric %s is of samples with one class each, not of several"
                                     : "metric %s is of samples with several labels, not of one class",
                GF_ESC(shown));
    gf_free(known);
    return status;
}

static graft_status add(gf_metric_list *list, unsigned of, const char *word, size_t n, graft_error *err)
{
    int k = 0;
    const gf_metric_class *c = find(word, n, of, &k);
    if (!c || n >= GF_METRIC_NAME) return not_known(word, n, of, err);
    gf_metric m = {.cls = c, .k = k};
    memcpy(m.name, word, n);
    if (gf_metric_list_find(list, m.name) >= 0) return GRAFT_OK;
    if (list->n == GF_MAX_METRICS) {
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "metrics: %d at most", GF_MAX_METRICS);
    }
    const char *sign = strstr(c->title, "%d"); /* no printf: the format is not a constant */
    if (sign) {
        snprintf(m.title, sizeof m.title, "%.*s%d%s", (int)(sign - c->title), c->title, k, sign + 2);
    } else {
        snprintf(m.title, sizeof m.title, "%s", c->title);
    }
    list->item[list->n++] = m;
    return GRAFT_OK;
}

static graft_status add_all(gf_metric_list *list, unsigned of, const char *words, graft_error *err)
{
    while (words) {
        size_t n = strcspn(words, ",");
        GF_TRY(add(list, of, words, n, err));
        words = words[n] ? words + n + 1 : NULL;
    }
    return GRAFT_OK;
}

graft_status gf_metric_list_parse(gf_metric_list *list, unsigned of, const char *own, const char *asked,
                                  graft_error *err)
{
    *list = (gf_metric_list){0};
    if (*own) GF_TRY(add_all(list, of, own, err));
    return add_all(list, of, asked, err);
}

int gf_metric_list_find(const gf_metric_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (!strcmp(list->item[i].name, name)) return (int)i;
    }
    return -1;
}

size_t gf_metric_list_headline(const gf_metric_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->item[i].cls->better == GF_BETTER_MAX) return i;
    }
    return 0;
}

bool gf_metric_list_wants_scores(const gf_metric_list *list)
{
    bool wants = false;
    for (size_t i = 0; i < list->n; i++) {
        const gf_metric_class *c = list->item[i].cls;
        wants = wants || c->of_set || (c->counts && c->counts->scores);
    }
    return wants;
}

const char *gf_metric_heading(const gf_metric *m, char buf[GF_METRIC_NAME])
{
    memcpy(buf, m->title, GF_METRIC_NAME);
    if (buf[0] >= 'a' && buf[0] <= 'z') buf[0] = (char)(buf[0] - 'a' + 'A');
    return buf;
}
