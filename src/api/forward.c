/* forward.c - what a model makes of labelled samples: evaluate. (predict.c: predict, features.c: features) */
#include "api/evaluate.h"
#include "api/session.h"

#include "base/io.h"
#include "report/record.h"
#include "tasks/bootstrap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 256 }; /* images between two looks at progress and stop */

void gf_api_add_arithmetic(gf_json *document, const graft_model *m)
{
    const gf_elsewhere *f = &m->facts.elsewhere;
    if (!m->lacks) return;
    gf_json *j = gf_json_object();
    gf_json_set(j, "trained", gf_json_string(m->lacks));
    gf_json_set(j, "here", gf_json_string(gf_dtype_name(m->facts.dtype)));
    gf_json_set(j, "images", gf_json_int(f->images));
    gf_json_set(j, "labels_differ", f->images ? gf_json_int(f->labels) : gf_json_null());
    gf_json_set(j, "probability_differs", f->images ? gf_json_real(f->probability) : gf_json_null());
    gf_json_set(document, "arithmetic", j);
}

void gf_api_tell_evaluated(graft_context *c, size_t done, size_t total, const gf_running *r)
{
    graft_progress p = gf_api_progress(GRAFT_STAGE_EVALUATE, (int64_t)done, (int64_t)total);
    double value[GF_MAX_METRICS];
    if (r) gf_running_values(r, value);
    if (r) gf_api_measured(c, &p, r->list, value, NULL);
    gf_api_tell(c, &p);
}

/* ---- evaluate */

static graft_status add_row(gf_evaluating *ev, const gf_index *index, uint32_t sample, const float *out,
                            graft_error *err)
{
    gf_text truth = {0};
    if (!ev->rows.path) return GRAFT_OK;
    gf_index_label_text(index, sample, &truth);
    if (!truth.failed) gf_per_file_add(&ev->rows, gf_index_path(index, sample), truth.s ? truth.s : "", NULL, out);
    graft_status status = truth.failed ? gf_fail_memory(err, truth.cap, "the rows of an evaluation") : GRAFT_OK;
    gf_text_free(&truth);
    return status;
}

static graft_status evaluate_range(graft_model *m, gf_evaluating *ev, gf_engine *e, gf_data_feed *s, uint32_t first,
                                   uint32_t end, graft_error *err)
{
    size_t outputs = gf_engine_outputs(e);
    GF_TRY(gf_evaluation_expect(&ev->result, end - first, ev->sure, err));
    size_t bytes = ev->task.cls->target_bytes;
    float *out = gf_new_n(CHUNK * outputs, float);
    char *target = gf_alloc_tensor(CHUNK * bytes);
    graft_status status = GRAFT_OK;
    gf_feed feed = gf_data_feed_of(s);
    if (!out || !target) GF_GOTO(gf_fail_memory(err, CHUNK * outputs * sizeof *out, "an evaluation"));
    for (uint32_t at = first; at < end; at += CHUNK) {
        uint32_t sample[CHUNK], n = end - at < CHUNK ? end - at : CHUNK;
        bool lost[CHUNK];
        for (uint32_t i = 0; i < n; i++) sample[i] = at + i;
        const gf_forward f = {.sample = sample, .n = n, .out = out, .target = target, .lost = lost};
        GF_GOTO(gf_api_infer(m, e, &feed, &f, err));
        for (uint32_t i = 0; i < n; i++) {
            const float *one = lost[i] ? NULL : out + i * outputs;
            const char *aim = target + i * bytes;
            if (one) GF_GOTO(gf_evaluation_add_output(&ev->result, &ev->task, one, outputs, aim, err));
            if (!ev->task.cls->decode) continue;
            if (one) gf_judgement_add(&ev->judgement, at + i, one, outputs);
            GF_GOTO(add_row(ev, s->data->index, at + i, one, err));
        }
        gf_api_tell_evaluated(m->context, at + n - first, end - first, &ev->result.running);
        GF_GOTO(gf_api_stop_asked(m->context, err));
        GF_GOTO(gf_dataset_tell_lost(s->data, err));
    }
    GF_GOTO(gf_evaluation_finish(&ev->result, err));
out:
    gf_free(target);
    gf_free(out);
    return status;
}

static graft_status split_range(const gf_index *x, const char *split, uint32_t *first, uint32_t *end, graft_error *err)
{
    *first = 0;
    *end = x->n;
    if (!split) return GRAFT_OK;
    if (!strcmp(split, GF_HELD_OUT)) {
        split = gf_split_name(x->first[GF_SPLITS] > x->first[GF_TEST] ? GF_TEST : GF_VALIDATION);
    }
    for (int s = 0; s < GF_SPLITS; s++) {
        if (strcmp(split, gf_split_name((gf_split)s))) continue;
        *first = x->first[s];
        *end = x->first[s + 1];
        if (*end > *first) return GRAFT_OK;
        return gf_fail(err, GF_E_DATA_NOT_FOUND, NULL, "the data have no %s images", split);
    }
    return gf_fail(err, GF_E_OPTION_VALUE, "train, validation or test", "split %s is not known", GF_ESC(split));
}

static void evaluation_text(gf_text *t, const gf_metrics *m, const gf_names *classes, const char *samples)
{
    gf_text_printf(t, "%llu %s, ", (unsigned long long)m->images, samples);
    gf_metrics_text(t, m);
    gf_text_add(t, "\n");
    if (m->bounds) gf_intervals_text(t, m);
    enum { SHOWN = 30 };
    if (classes->n > SHOWN) return;
    gf_text_printf(t, "%-20s %s\n", "true class", "predicted");
    for (size_t i = 0; i < classes->n; i++) {
        gf_text_printf(t, "%-20.20s", GF_ESC(classes->item[i]));
        for (size_t k = 0; k < classes->n; k++) {
            gf_text_printf(t, " %6llu", (unsigned long long)m->confusion[i * classes->n + k]);
        }
        gf_text_add(t, "\n");
    }
}

static gf_json *per_class(const gf_metrics *m, const gf_names *classes)
{
    gf_json *list = gf_json_array();
    for (size_t c = 0; c < classes->n; c++) {
        gf_class_score s = gf_class_score_of(m->confusion, classes->n, c);
        gf_json *j = gf_json_object();
        gf_json_set(j, "class", gf_json_string(classes->item[c]));
        gf_json_set(j, "images", gf_json_int((int64_t)s.images));
        gf_json_set(j, "predicted", gf_json_int((int64_t)s.predicted));
        gf_json_set(j, "precision", gf_json_real(s.precision));
        gf_json_set(j, "recall", gf_json_real(s.recall));
        gf_json_set(j, "f1", gf_json_real(s.f1));
        gf_json_add(list, j);
    }
    return list;
}

static graft_status evaluate_data(graft_model *m, gf_evaluating *ev, gf_dataset *data, const char *split,
                                  graft_error *err)
{
    gf_data_feed s;
    graft_session *session;
    uint32_t first, end;
    GF_TRY(gf_data_feed_open(&s, data, (size_t)gf_pool_threads(m->context->pool), err));
    graft_status status = split_range(data->index, split, &first, &end, err);
    if (status == GRAFT_OK && ev->task.cls->decode)
        status = gf_judgement_open(&ev->judgement, m, &ev->task, data, end - first, err);
    if (status == GRAFT_OK) status = gf_api_session(m, &session, err);
    if (status == GRAFT_OK) status = evaluate_range(m, ev, session->engine, &s, first, end, err);
    gf_data_feed_close(&s);
    return status;
}

static graft_status evaluation_result(graft_model *m, gf_evaluating *ev, graft_result **out, graft_error *err)
{
    gf_text text = {0};
    gf_metrics metrics = gf_evaluation_metrics(&ev->result);
    if (ev->sure) metrics.bounds = (const double(*)[2])ev->bounds;
    if (!ev->task.cls->decode) return gf_api_found_result(&ev->result, &metrics, out, err);
    if (ev->task.cls->labels) return gf_judged_labels_result(ev, &metrics, out, err);
    evaluation_text(&text, &metrics, &m->facts.classes, gf_api_samples(&m->model));
    gf_json *j = gf_metrics_json(&metrics, m->facts.classes.n);
    gf_json_set(j, "per_class", per_class(&metrics, &m->facts.classes));
    gf_api_add_arithmetic(j, m);
    graft_status status = gf_judgement_tell(&ev->judgement, metrics.confusion, ev->promise, j, &text, err);
    if (status == GRAFT_OK) return gf_result_create(out, j, text.s, err);
    gf_text_free(&text);
    gf_json_free(j);
    return status;
}

void gf_api_labelled(graft_data *d, const graft_model *m, const char *path)
{
    *d = (graft_data){.context = m->context,
                      .path = (char *)path,
                      .settings = m->context->settings,
                      .fit = &m->facts.fit,
                      .fast_dct = m->facts.fast_dct,
                      .boxes = gf_api_task(m).cls->keep != NULL,
                      .labels = gf_api_task(m).cls->labels,
                      .log = m->context->log};
    graft_data_defaults(&d->options);
    d->options = gf_api_opened_options(m->context, &d->options);
    d->cache_dir = (char *)d->options.cache_dir;
    d->options.width = m->facts.width;
    d->options.height = m->facts.height;
    d->options.antialias = m->facts.antialias;
    d->options.allow_empty_class = 1; /* no images of it, so nothing to count */
    d->options.ignore_exif = m->facts.ignore_exif;
}

graft_status gf_evaluating_open(gf_evaluating *ev, const graft_model *m, graft_error *err)
{
    const gf_settings *s = m->context->settings;
    *ev = (gf_evaluating){.task = gf_api_task(m), .sure = gf_settings_flag(s, GF_SET_EVAL_INTERVALS)};
    GF_TRY(gf_api_check_threshold(m, err));
    GF_TRY(gf_loss_parse(&ev->task.loss, gf_settings_text(s, GF_SET_TRAIN_LOSS), err));
    const char *asked = gf_settings_text(s, GF_SET_TRAIN_METRICS);
    GF_TRY(gf_metric_list_parse(&ev->list, gf_task_measures(ev->task.cls), ev->task.cls->metrics, asked, err));
    if (!ev->task.cls->decode) {
        static const gf_setting of_classes[] = {GF_SET_EVAL_CSV, GF_SET_EVAL_INTERVALS};
        GF_TRY(gf_api_want_one_class(m, of_classes, 2, err));
        return gf_evaluation_init(&ev->result, &ev->list, m->facts.classes.n, err);
    }
    static const gf_setting of_one_label[] = {GF_SET_EVAL_CONFUSION_CSV, GF_SET_EVAL_RELIABILITY, GF_SET_EVAL_GRID,
                                              GF_SET_EVAL_GRID_FILE, GF_SET_PREDICT_UNKNOWN};
    GF_TRY(gf_api_want_no_labels(m, of_one_label, sizeof of_one_label / sizeof *of_one_label, err));
    GF_TRY(gf_judgement_check(m, &ev->promise, err));
    GF_TRY(gf_per_file_begin(&ev->rows, m, &ev->task, GF_SET_EVAL_CSV, err));
    return gf_evaluation_init(&ev->result, &ev->list, m->facts.classes.n, err);
}

graft_status gf_evaluating_run(gf_evaluating *ev, graft_model *m, graft_data *d, const char *split, graft_error *err)
{
    GF_TRY(gf_api_data_open(d, &m->facts.classes, err));
    GF_TRY(gf_api_data_for(d, &m->model, &m->facts, err));
    GF_TRY(gf_api_fit_labels(m, d, err));
    ev->task.labels.sets = d->data->index->sets;
    const gf_labelling *labels = gf_task_labelling(&ev->task);
    if (labels) GF_TRY(gf_evaluation_of_labels(&ev->result, labels, err));
    GF_TRY(evaluate_data(m, ev, d->data, split, err));
    return ev->sure && ev->task.cls->decode ? gf_bootstrap(&ev->result, m->context->pool, ev->bounds, err) : GRAFT_OK;
}

void gf_evaluating_close(gf_evaluating *ev)
{
    gf_evaluation_free(&ev->result);
    gf_judgement_close(&ev->judgement);
    gf_per_file_free(&ev->rows);
}

static graft_status evaluate(graft_model *m, const char *path, const char *split, graft_result **out, graft_error *err)
{
    GF_TRY(gf_api_want_head(m, err));
    gf_evaluating ev;
    graft_data d;
    gf_api_labelled(&d, m, path);
    graft_status status = gf_evaluating_open(&ev, m, err);
    if (status == GRAFT_OK) status = gf_evaluating_run(&ev, m, &d, split, err);
    if (status == GRAFT_OK) status = gf_per_file_write(&ev.rows, err);
    if (status == GRAFT_OK) status = evaluation_result(m, &ev, out, err);
    gf_evaluating_close(&ev);
    gf_dataset_close(d.data);
    gf_tokenizer_close(&d.tokenizer);
    return status;
}

graft_status graft_evaluate(graft_model *m, const char *path, const char *split, graft_result **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(m, "model");
    GF_NEEDS(path, "path");
    GF_TRY(gf_api_whole(m, err));
    gf_api_begin(m->context, GRAFT_STAGE_PLAN);
    return gf_api_end(evaluate(m, path, split, out, err), err);
}
