/* compare.c - several runs on the same images: how right each is, and whether they differ by more than chance. */
#include "api/evaluate.h"

#include "base/number.h"
#include "report/plots.h"
#include "tasks/paired.h"
#include "train/folder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RUNS = 20 };

typedef struct verdict {
    char *path; /* owned */
    bool right;
} verdict;

typedef struct one_run {
    const char *name;
    gf_run_config config; /* with its own data alone */
    verdict *verdict;     /* sorted by path */
    size_t n;
    double accuracy, bounds[2], loss, error;
    gf_paired pair; /* with the first run, on the images of both; that one's own is empty */
    double holm;    /* its p, corrected for the number of tests */
} one_run;

static int by_path(const void *a, const void *b)
{
    return strcmp(((const verdict *)a)->path, ((const verdict *)b)->path);
}

static void free_runs(one_run *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < r[i].n; k++) gf_free(r[i].verdict[k].path);
        gf_free(r[i].verdict);
        gf_config_free(&r[i].config);
    }
    gf_free(r);
}

/* ---- which images */

static graft_status read_config(one_run *r, graft_error *err)
{
    char *path = gf_path_join(r->name, GF_FOLDER_CONFIG);
    if (!path) return gf_fail_memory(err, strlen(r->name), "a file name");
    graft_status status = gf_config_read(&r->config, path, err);
    gf_free(path);
    return status;
}

/* Of runs that had the same data, split in the same way: what none of them was trained on. */
static graft_status check_same_data(one_run *r, size_t n, graft_error *err)
{
    for (size_t i = 0; i < n; i++) {
        GF_TRY(read_config(&r[i], err));
        const char *a = r[0].config.digest, *b = r[i].config.digest;
        if (a && b && !strcmp(a, b)) continue;
        return gf_fail(err, GF_E_USAGE, "give labelled images with --data that none of the runs was trained on",
                       "%s and %s had other images, or shared them out otherwise: what one was tested on the other "
                       "may have been trained on",
                       GF_ESC(r[0].name), GF_ESC(r[i].name));
    }
    return GRAFT_OK;
}

/* ---- what each makes of them */

static graft_status keep(one_run *r, const gf_evaluating *ev, graft_error *err)
{
    const gf_judgement *j = &ev->judgement;
    r->verdict = gf_new_n(j->n, verdict);
    if (!r->verdict) return gf_fail_memory(err, j->n * sizeof(verdict), "a comparison");
    size_t right = 0;
    double loss = 0;
    for (size_t i = 0; i < j->n; i++) {
        const gf_judged *o = &j->item[i];
        verdict *v = &r->verdict[r->n];
        *v = (verdict){gf_strdup(gf_index_path(j->data->index, o->sample)), o->predicted == o->truth};
        if (!v->path) return gf_fail_memory(err, j->n * 64, "a comparison");
        r->n++;
        right += v->right;
        loss += (double)o->loss;
    }
    qsort(r->verdict, r->n, sizeof *r->verdict, by_path);
    r->accuracy = r->n ? (double)right / (double)r->n : NAN;
    r->loss = r->n ? loss / (double)r->n : NAN;
    gf_wilson(r->accuracy, (double)r->n, r->bounds);
    qsort(j->sorted, j->n, sizeof *j->sorted, gf_surest_first);
    r->error = gf_reliability_of(j->sorted, j->softmax ? j->n : 0, j->classes).error;
    return GRAFT_OK;
}

/* data NULL: the run's own. */
static graft_status judge(graft_context *c, one_run *r, const char *data, const char *split, graft_error *err)
{
    graft_model *m;
    gf_evaluating ev = {0};
    graft_data d;
    GF_TRY(graft_run_open(c, r->name, &m, err));
    gf_api_labelled(&d, m, data);
    if (!data) gf_api_data_of_run(&d, &r->config);
    graft_status status = gf_api_want_head(m, err);
    if (status == GRAFT_OK && !gf_api_task(m).cls->decode)
        status = gf_fail(err, GF_E_OPTION_VALUE, "graft eval tells the measures of each",
                         "%s: runs that detect are not compared", GF_ESC(r->name));
    if (status == GRAFT_OK && gf_api_task(m).cls->labels)
        status = gf_fail(err, GF_E_OPTION_VALUE, "graft eval --intervals tells the measures of each",
                         "%s: runs of several labels are not compared", GF_ESC(r->name));
    if (status == GRAFT_OK) status = gf_evaluating_open(&ev, m, err);
    if (status == GRAFT_OK) status = gf_evaluating_run(&ev, m, &d, split, err);
    if (status == GRAFT_OK) status = keep(r, &ev, err);
    gf_evaluating_close(&ev);
    gf_dataset_close(d.data);
    gf_tokenizer_close(&d.tokenizer);
    graft_model_free(m);
    return status;
}

/* ---- in pairs */

/* Images that both have judged. */
static graft_status pair_up(const one_run *first, one_run *second, graft_error *err)
{
    size_t most = first->n < second->n ? first->n : second->n, n = 0;
    bool *right[2] = {gf_new_n(most, bool), gf_new_n(most, bool)};
    graft_status status = right[0] && right[1] ? GRAFT_OK : gf_fail_memory(err, 2 * most, "a comparison");
    for (size_t i = 0, k = 0; status == GRAFT_OK && i < first->n && k < second->n;) {
        int order = by_path(&first->verdict[i], &second->verdict[k]);
        if (!order) {
            right[0][n] = first->verdict[i].right;
            right[1][n++] = second->verdict[k].right;
        }
        i += order <= 0;
        k += order >= 0;
    }
    if (status == GRAFT_OK) second->pair = gf_paired_of((const bool *const *)right, n);
    gf_free(right[0]);
    gf_free(right[1]);
    return status;
}

/* Holm's correction (1979): the k-th smallest of m, times m - k + 1, but no less than those before it. */
static void correct(one_run *r, size_t n)
{
    size_t tests = n - 1;
    double least = 0;
    bool done[MOST_RUNS] = {false};
    for (size_t k = 0; k < tests; k++) {
        size_t best = 0;
        for (size_t i = 1; i < n; i++) {
            if (!done[i] && (!best || r[i].pair.p < r[best].pair.p)) best = i;
        }
        least = fmax(least, fmin(1, r[best].pair.p * (double)(tests - k)));
        r[best].holm = least;
        done[best] = true;
    }
}

static const char *verdict_of(const one_run *r)
{
    const double level = 0.05;
    if (!(r->holm < level)) return "no difference shown";
    return r->pair.difference > 0 ? "better" : "worse";
}

/* ---- told */

static gf_json *two_numbers(const double x[2])
{
    gf_json *j = gf_json_array();
    gf_json_add(j, gf_json_real(x[0]));
    gf_json_add(j, gf_json_real(x[1]));
    return j;
}

static gf_json *run_json(const one_run *r)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "run", gf_json_string(r->name));
    gf_json_set(j, "images", gf_json_int((int64_t)r->n));
    gf_json_set(j, "accuracy", gf_json_real(r->accuracy));
    gf_json_set(j, "interval", two_numbers(r->bounds));
    gf_json_set(j, "loss", gf_json_real(r->loss));
    gf_json_set(j, "calibration_error", gf_json_real(r->error));
    return j;
}

static gf_json *pair_json(const one_run *first, const one_run *r)
{
    const gf_paired *p = &r->pair;
    gf_json *j = gf_json_object();
    gf_json_set(j, "first", gf_json_string(first->name));
    gf_json_set(j, "second", gf_json_string(r->name));
    gf_json_set(j, "images", gf_json_int((int64_t)p->images));
    gf_json_set(j, "both_right", gf_json_int((int64_t)p->both));
    gf_json_set(j, "first_alone", gf_json_int((int64_t)p->first));
    gf_json_set(j, "second_alone", gf_json_int((int64_t)p->second));
    gf_json_set(j, "neither", gf_json_int((int64_t)p->neither));
    gf_json_set(j, "difference", gf_json_real(p->difference));
    gf_json_set(j, "interval", two_numbers(p->bounds));
    gf_json_set(j, "p", gf_json_real(p->p));
    gf_json_set(j, "p_corrected", gf_json_real(r->holm));
    gf_json_set(j, "verdict", gf_json_string(verdict_of(r)));
    return j;
}

static void add_table(gf_text *t, const one_run *r, size_t n)
{
    size_t width = strlen("run");
    for (size_t i = 0; i < n; i++) width = strlen(r[i].name) > width ? strlen(r[i].name) : width;
    gf_text_printf(t, "%-*s  %8s  %-17s  %8s  %11s\n", (int)width, "run", "accuracy", "95 % interval", "loss",
                   "calibration");
    for (size_t i = 0; i < n; i++) {
        gf_text_printf(t, "%-*s  %8.4f  %.4f to %.4f   %8.4f  %11.4f\n", (int)width, GF_ESC(r[i].name), r[i].accuracy,
                       r[i].bounds[0], r[i].bounds[1], r[i].loss, r[i].error);
    }
    for (size_t i = 1; i < n; i++) {
        const gf_paired *p = &r[i].pair;
        gf_text_printf(
            t,
            "%s against %s: %s (%+.4f, with 95 %% confidence from %+.4f to %+.4f; %llu images are right by it "
            "alone, %llu by the other alone, p = %s)\n",
            GF_ESC(r[i].name), GF_ESC(r[0].name), verdict_of(&r[i]), p->difference, p->bounds[0], p->bounds[1],
            (unsigned long long)p->second, (unsigned long long)p->first, GF_GENERAL(r[i].holm, 2));
    }
}

typedef struct drawing {
    const char *file;
    const one_run *run;
    size_t n;
} drawing;

static graft_status draw(void *ctx, size_t item, int worker, graft_error *err)
{
    const drawing *d = ctx;
    gf_compared row[MOST_RUNS];
    gf_canvas *sheet;
    (void)item, (void)worker;
    for (size_t i = 0; i < d->n; i++) {
        const one_run *r = &d->run[i];
        row[i] = (gf_compared){r->name, r->accuracy, {r->bounds[0], r->bounds[1]}, NAN, {NAN, NAN}};
        if (i) row[i].difference = r->pair.difference;
        if (i) memcpy(row[i].difference_bounds, r->pair.bounds, sizeof r->pair.bounds);
    }
    GF_TRY(gf_plot_compared(&sheet, row, d->n, (size_t)d->run[0].n, &gf_theme_light, err));
    return gf_plot_write(sheet, d->file, err);
}

static graft_status tell(graft_context *c, const one_run *r, size_t n, graft_result **out, graft_error *err)
{
    const char *plot = gf_settings_text(c->settings, GF_SET_COMPARE_PLOT);
    drawing d = {plot, r, n};
    if (plot) GF_TRY(gf_pool_run_watched(c->pool, 1, draw, &d, err));
    gf_json *j = gf_json_object(), *runs = gf_json_array(), *pairs = gf_json_array();
    gf_text text = {0};
    for (size_t i = 0; i < n; i++) gf_json_add(runs, run_json(&r[i]));
    for (size_t i = 1; i < n; i++) gf_json_add(pairs, pair_json(&r[0], &r[i]));
    gf_json_set(j, "runs", runs);
    gf_json_set(j, "pairs", pairs);
    add_table(&text, r, n);
    return gf_result_create(out, j, text.s, err);
}

static graft_status compare(graft_context *c, const char *const *runs, size_t n, const char *data, const char *split,
                            graft_result **out, graft_error *err)
{
    const char *plot = gf_settings_text(c->settings, GF_SET_COMPARE_PLOT);
    if (plot) GF_TRY(gf_api_check_apart(runs, n, plot, err));
    one_run *r = gf_new_n(n, one_run);
    if (!r) return gf_fail_memory(err, n * sizeof *r, "a comparison");
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < n; i++) r[i].name = runs[i];
    if (!data) GF_GOTO(check_same_data(r, n, err));
    if (!data && !split) split = GF_HELD_OUT;
    for (size_t i = 0; i < n; i++) {
        GF_GOTO(judge(c, &r[i], data, split, err));
        if (i) GF_GOTO(pair_up(&r[0], &r[i], err));
    }
    correct(r, n);
    status = tell(c, r, n, out, err);
out:
    free_runs(r, n);
    return status;
}

graft_status graft_compare(graft_context *c, const char *const *runs, size_t n, const char *data, const char *split,
                           graft_result **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(c, "context");
    GF_TRY(gf_api_check_texts(__func__, "runs", runs, n, err));
    if (n < 2 || n > MOST_RUNS) {
        return gf_fail(err, GF_E_USAGE, NULL, "%zu runs to compare: wanted are 2 to %d", n, MOST_RUNS);
    }
    gf_api_begin(c, GRAFT_STAGE_EVALUATE);
    return gf_api_end(compare(c, runs, n, data, split, out, err), err);
}
