/* boxes.c - detections of any tool against labelled boxes. */
#include "api/internal.h"

#include "boxes/coco_eval.h"
#include "boxes/coco_json.h"
#include "boxes/voc_eval.h"

#include "tasks/found.h"

#include <graft/boxes.h>
#include <math.h>

/* -1: nothing was to be found. */
static gf_json *share(double x) { return x < 0 ? gf_json_null() : gf_json_real(x); }

static size_t truths_of(const gf_coco_truth *t, size_t category)
{
    size_t n = 0;
    for (size_t i = 0; i < t->truths; i++) n += t->truth[i].category == t->category[category] && !t->truth[i].crowd;
    return n;
}

static gf_json *document_of(const gf_coco *c, const gf_coco_truth *t, size_t detections)
{
    gf_json *document = gf_json_object(), *list = gf_json_array();
    gf_json_set(document, "images", gf_json_int((int64_t)t->images));
    gf_json_set(document, "boxes", gf_json_int((int64_t)t->truths));
    gf_json_set(document, "detections", gf_json_int((int64_t)detections));
    for (int i = 0; i < GF_COCO_STATS; i++) gf_json_set(document, gf_coco_stat_name(i), share(c->stat[i]));
    for (size_t k = 0; k < t->categories; k++) {
        gf_json *one = gf_json_object();
        gf_json_set(one, "id", gf_json_int(t->category[k]));
        gf_json_set(one, "name", gf_json_string(t->name.item[k]));
        gf_json_set(one, "boxes", gf_json_int((int64_t)truths_of(t, k)));
        gf_json_set(one, "AP", share(gf_coco_average_precision(c, k, -1)));
        gf_json_set(one, "AP50", share(gf_coco_average_precision(c, k, 0)));
        gf_json_add(list, one);
    }
    gf_json_set(document, "categories", list);
    return document;
}

static void write_share(gf_text *t, const char *name, double x)
{
    if (x < 0)
        gf_text_printf(t, "  %-6s      -", name);
    else
        gf_text_printf(t, "  %-6s  %.3f", name, x);
}

static char *text_of(const gf_coco *c, const gf_coco_truth *t, size_t detections)
{
    gf_text text = {0};
    gf_text_printf(&text, "%zu detections, %zu labelled boxes in %zu images\n", detections, t->truths, t->images);
    for (int i = 0; i < GF_COCO_STATS; i++) {
        write_share(&text, gf_coco_stat_name(i), c->stat[i]);
        if (i % 6 == 5) gf_text_add(&text, "\n");
    }
    gf_text_printf(&text, "%-28s %8s %7s %7s\n", "category", "boxes", "AP", "AP50");
    for (size_t k = 0; k < t->categories; k++) {
        double ap = gf_coco_average_precision(c, k, -1), ap50 = gf_coco_average_precision(c, k, 0);
        gf_text_printf(&text, "%-28s %8zu", GF_ESC(t->name.item[k]), truths_of(t, k));
        if (ap < 0)
            gf_text_printf(&text, " %7s %7s\n", "-", "-");
        else
            gf_text_printf(&text, " %7.3f %7.3f\n", ap, ap50);
    }
    if (!text.failed) return text.s;
    gf_text_free(&text);
    return NULL;
}

/* The challenge's AP, of each category and their mean. */
static graft_status voc_result(const gf_coco_truth *t, const gf_detection_set *set, gf_voc_year year,
                               graft_result **out, graft_error *err)
{
    double *ap = gf_new_n(t->categories, double);
    if (!ap) return gf_fail_memory(err, t->categories * sizeof *ap, "an evaluation");
    graft_status status = gf_voc_evaluate(ap, set, year, err);
    gf_json *document = gf_json_object(), *list = gf_json_array();
    gf_text text = {0};
    double mean = status == GRAFT_OK ? gf_voc_mean(ap, t->categories) : -1;
    gf_json_set(document, "images", gf_json_int((int64_t)t->images));
    gf_json_set(document, "boxes", gf_json_int((int64_t)t->truths));
    gf_json_set(document, "detections", gf_json_int((int64_t)set->detections));
    gf_json_set(document, "mAP", share(mean));
    gf_text_printf(&text, "%zu detections, %zu labelled boxes in %zu images\n", set->detections, t->truths, t->images);
    write_share(&text, "mAP", mean);
    gf_text_printf(&text, "\n%-28s %8s %7s\n", "category", "boxes", "AP");
    for (size_t k = 0; k < t->categories && status == GRAFT_OK; k++) {
        gf_json *one = gf_json_object();
        gf_json_set(one, "name", gf_json_string(t->name.item[k]));
        gf_json_set(one, "boxes", gf_json_int((int64_t)truths_of(t, k)));
        gf_json_set(one, "AP", share(ap[k]));
        gf_json_add(list, one);
        gf_text_printf(&text, "%-28s %8zu", GF_ESC(t->name.item[k]), truths_of(t, k));
        if (ap[k] < 0)
            gf_text_printf(&text, " %7s\n", "-");
        else
            gf_text_printf(&text, " %7.3f\n", ap[k]);
    }
    gf_json_set(document, "categories", list);
    gf_free(ap);
    if (status == GRAFT_OK && !text.failed) return gf_result_create(out, document, text.s, err);
    gf_json_free(document);
    gf_text_free(&text);
    return status == GRAFT_OK ? gf_fail_memory(err, 64, "an evaluation") : status;
}

static graft_status coco_result(const gf_coco_truth *t, const gf_detection_set *set, graft_result **out,
                                graft_error *err)
{
    gf_coco c = {0};
    graft_status status = gf_coco_evaluate(&c, set, err);
    if (status == GRAFT_OK)
        status = gf_result_create(out, document_of(&c, t, set->detections), text_of(&c, t, set->detections), err);
    gf_coco_free(&c);
    return status;
}

static graft_status evaluate(const gf_coco_truth *t, const char *results, const gf_settings *settings,
                             graft_result **out, graft_error *err)
{
    gf_detection *found;
    size_t n;
    const double overlap = gf_settings_real(settings, GF_SET_EVAL_NMS);
    const int measure = gf_settings_choice(settings, GF_SET_EVAL_MEASURE); /* coco, voc07, voc12 */
    GF_TRY(gf_coco_read_results(&found, &n, t, results, err));
    graft_status status = overlap < 1 ? gf_suppress(found, &n, overlap, err) : GRAFT_OK;
    const gf_detection_set set = {t->image, t->category, t->images, t->categories, t->truth, t->truths, found, n};
    if (status == GRAFT_OK)
        status = measure == 0 ? coco_result(t, &set, out, err)
                              : voc_result(t, &set, measure == 1 ? GF_VOC_2007 : GF_VOC_2010, out, err);
    gf_free(found);
    return status;
}

graft_status graft_evaluate_detections(graft_context *context, const char *truth, const char *results,
                                       graft_result **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(context, "context");
    GF_NEEDS(truth, "truth");
    GF_NEEDS(results, "results");
    gf_coco_truth t;
    GF_TRY(gf_coco_read_truth(&t, truth, err));
    graft_status status = evaluate(&t, results, context->settings, out, err);
    gf_coco_truth_free(&t);
    return status;
}

graft_status gf_api_found_result(const gf_evaluation *e, const gf_metrics *m, graft_result **out, graft_error *err)
{
    const gf_found_set *set = e->found;
    gf_json *j = gf_json_object();
    gf_text text = {0};
    gf_json_set(j, "images", gf_json_int((int64_t)m->images));
    gf_json_set(j, "boxes", gf_json_int(set ? (int64_t)set->truths : 0));
    for (size_t i = 0; i < m->list->n; i++) gf_json_set(j, m->list->item[i].name, gf_json_real(m->value[i]));
    for (int i = 0; i < GF_COCO_STATS && set && set->measured; i++)
        gf_json_set(j, gf_coco_stat_name((gf_coco_stat)i), share(set->stat[i]));
    gf_text_printf(&text, "%llu images, %zu labelled boxes, ", (unsigned long long)m->images, set ? set->truths : 0);
    gf_metrics_text(&text, m);
    gf_text_add(&text, "\n");
    if (!text.failed) return gf_result_create(out, j, text.s, err);
    gf_text_free(&text);
    gf_json_free(j);
    return gf_fail_memory(err, 64, "an evaluation");
}
