/* run_result.c - what graft_train and graft_resume tell of a run, out of its metrics.json. */
#include "api/internal.h"

#include "base/io.h"
#include "report/report.h"

#include <math.h>
#include <string.h>

/* One evaluation of metrics.json as the result has it: its metrics alone, in their order; and a line for people. */
typedef struct evaluation_copy {
    gf_json *to;
    gf_text *text;
    const char *title;
    bool any;
} evaluation_copy;

static graft_status copy_metric(void *ctx, const char *key, const gf_json *value)
{
    evaluation_copy *c = ctx;
    if (!strcmp(key, "images") || !strcmp(key, "confusion") || gf_json_is_object(value)) return GRAFT_OK;
    double x = gf_json_f64(value, NAN);
    gf_json_set(c->to, key, gf_json_real(x));
    if (c->any) gf_text_add(c->text, ", ");
    if (!c->any) gf_text_printf(c->text, "%-16s ", c->title);
    gf_text_printf(c->text, "%s %.4f", key, x);
    c->any = true;
    return GRAFT_OK;
}

static gf_json *copy_metrics(gf_text *text, const char *title, const gf_json *from)
{
    if (!gf_json_is_object(from)) return gf_json_null();
    evaluation_copy c = {.to = gf_json_object(), .text = text, .title = title};
    gf_json_each(from, copy_metric, &c);
    if (c.any) gf_text_add(text, "\n");
    return c.to;
}

/* "head             last values, epoch 5: validation accuracy 0.9712, test accuracy 0.9690; ..." */
static void describe_values(gf_text *t, const char *title, const char *which, const gf_json *measure)
{
    static const char *const sets[] = {"validation", "test"};
    const char *separator = ": ";
    gf_text_printf(t, "%-16s %s, epoch %lld", title, which, (long long)gf_json_i64(gf_json_get(measure, "epoch"), 0));
    for (int i = 0; i < 2; i++) {
        const gf_json *set = gf_json_get(measure, sets[i]);
        if (!gf_json_is_object(set)) continue;
        gf_text scratch = {0};
        gf_text_printf(t, "%s%s ", separator, sets[i]);
        evaluation_copy c = {.to = gf_json_object(), .text = &scratch, .title = ""};
        gf_json_each(set, copy_metric, &c);
        gf_text_add(t, scratch.s ? scratch.s + strspn(scratch.s, " ") : "");
        t->failed = t->failed || scratch.failed;
        gf_text_free(&scratch);
        gf_json_free(c.to);
        separator = "; ";
    }
    gf_text_add(t, "\n");
}

/* Where there are several: each at its end, by its last values and by the best so far. */
static void describe_phases(gf_text *t, const gf_json *phases)
{
    for (size_t i = 0; gf_json_size(phases) > 1 && i < gf_json_size(phases); i++) {
        const gf_json *p = gf_json_at(phases, i), *last = gf_json_get(p, "last"), *best = gf_json_get(p, "best_so_far");
        const char *name = gf_json_str(gf_json_get(p, "name"), "");
        describe_values(t, name, "last values", last);
        if (gf_json_i64(gf_json_get(best, "epoch"), 0) != gf_json_i64(gf_json_get(last, "epoch"), 0))
            describe_values(t, name, "best so far", best);
    }
}

/* The list as metrics.json has it. */
static gf_json *copy_phases(const gf_json *phases)
{
    gf_json *copy = NULL;
    char *text = phases ? gf_json_text(phases, 0) : NULL;
    if (text) gf_json_parse(&copy, text, strlen(text), "phases", NULL);
    gf_free(text);
    return copy ? copy : gf_json_array();
}

/* Where the run is, and the page to look at. */
static void describe_place(gf_text *t, const char *dir)
{
    char *page = gf_path_join(dir, GF_REPORT_PAGE);
    gf_text_printf(t, "%-16s %s\n", "run", GF_ESC(dir));
    if (page && gf_is_file(page)) gf_text_printf(t, "%-16s %s\n", "report", GF_ESC(page));
    gf_free(page);
}

graft_status gf_api_run_result(const char *dir, graft_result **out, graft_error *err)
{
    enum { LARGEST = 1 << 28 };
    char *path = gf_path_join(dir, GF_REPORT_METRICS);
    uint8_t *bytes = NULL;
    size_t n;
    gf_json *m = NULL;
    graft_status status = path ? gf_file_read(path, LARGEST, &bytes, &n, err) : gf_fail_memory(err, 64, "a file name");
    if (status == GRAFT_OK) status = gf_json_parse(&m, (const char *)bytes, n, path, err);
    gf_free(bytes);
    gf_free(path);
    if (status != GRAFT_OK) return status;
    gf_json *j = gf_json_object();
    gf_text text = {0};
    static const char *const sets[] = {"before", "validation", "test"}, *const titles[] = {"before training",
                                                                                           "validation", "test"};
    gf_json_set(j, "run", gf_json_string(dir));
    for (int i = 0; i < 3; i++) {
        gf_json_set(j, sets[i], copy_metrics(&text, titles[i], gf_json_get(m, sets[i])));
    }
    describe_phases(&text, gf_json_get(m, "phases"));
    gf_json_set(j, "phases", copy_phases(gf_json_get(m, "phases")));
    gf_json_set(j, "epochs", gf_json_int(gf_json_i64(gf_json_get(m, "epochs"), 0)));
    gf_json_set(j, "best_epoch", gf_json_int(gf_json_i64(gf_json_get(m, "best_epoch"), 0)));
    gf_json_set(j, "seconds", gf_json_real(gf_json_f64(gf_json_get(m, "seconds"), NAN)));
    gf_json_set(j, "peak_rss_mb", gf_json_real(gf_json_f64(gf_json_get(m, "peak_rss_mb"), NAN)));
    describe_place(&text, dir);
    gf_json_free(m);
    if (text.failed) gf_text_free(&text);
    return gf_result_create(out, j, text.s, err);
}
