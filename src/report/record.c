#include "report/record.h"

#include "base/alloc.h"
#include "base/io.h"
#include "json/json.h"

#include <math.h>

enum { MOST_CLASSES_INDENTED = 20 };

const char *gf_record_class(const gf_run_record *r, int32_t index)
{
    return index >= 0 && (size_t)index < r->n_classes ? r->classes[index] : "unknown";
}

const char *gf_photo_truth(const gf_run_record *r, const gf_photo *photo)
{
    return photo->truths ? photo->truths : gf_record_class(r, photo->truth);
}

const char *gf_photo_prediction(const gf_run_record *r, const gf_photo *photo)
{
    return photo->predictions ? photo->predictions : gf_record_class(r, photo->predicted);
}

const char *gf_record_noun(const gf_run_record *r) { return r->noun ? r->noun : "images"; }

const gf_metrics *gf_record_final(const gf_run_record *r, const char **name)
{
    const struct {
        const gf_metrics *metrics;
        const char *name;
    } order[] = {{&r->test, "test"}, {&r->validation, "validation"}, {&r->before, "validation, before training"}};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (!order[i].metrics->images) continue;
        if (name) *name = order[i].name;
        return order[i].metrics;
    }
    return NULL;
}

static double ratio(uint64_t a, uint64_t b) { return b ? (double)a / (double)b : NAN; }

static gf_class_score score_of(uint64_t right, uint64_t predicted, uint64_t images)
{
    return (gf_class_score){images, predicted, ratio(right, predicted), ratio(right, images),
                            ratio(2 * right, images + predicted)};
}

gf_class_score gf_class_score_of(const uint64_t *confusion, size_t n_classes, size_t c)
{
    uint64_t images = 0, predicted = 0;
    for (size_t i = 0; i < n_classes; i++) {
        images += confusion[c * n_classes + i];
        predicted += confusion[i * n_classes + c];
    }
    return score_of(confusion[c * n_classes + c], predicted, images);
}

gf_class_score gf_found_score_of(const gf_found_class *c) { return score_of(c->right, c->told, c->objects); }

const char *gf_record_value(char buf[GF_NUMBER_SIZE], const gf_metric *m, double value, int decimals)
{
    return m->cls->format == GF_METRIC_SHARE ? gf_number_percent(buf, value, decimals)
                                             : gf_number_fixed(buf, value, decimals + 2);
}

size_t gf_record_order(const gf_metric_list *list, size_t k) { return k + 1 < list->n ? k + 1 : 0; }

/* In metrics.json a set that was not looked at is null, and so is a matrix that was not kept. */
static gf_json *metrics_json(const gf_metrics *m, size_t n_classes)
{
    if (!m->images) return gf_json_null();
    gf_json *j = gf_metrics_json(m, n_classes);
    if (!m->confusion) gf_json_set(j, "confusion", gf_json_null());
    return j;
}

static gf_json *calibration_json(const gf_run_record *r)
{
    if (!r->calibration.images) return gf_json_null();
    gf_json *j = gf_json_object();
    gf_json_set(j, "set", gf_json_string(r->calibrated_on));
    gf_json_set(j, "images", gf_json_int((int64_t)r->calibration.images));
    gf_json_set(j, "temperature", r->temperature > 0 ? gf_json_real(r->temperature) : gf_json_null());
    gf_json_set(j, "error", gf_json_real(r->calibration.error));
    gf_json_set(j, "error_without", gf_json_real(r->uncalibrated_error));
    gf_json_set(j, "log_loss", gf_json_real(r->calibration.log_loss));
    gf_json_set(j, "brier", gf_json_real(r->calibration.brier));
    return j;
}

static gf_json *share_json(double x) { return x >= 0 ? gf_json_real(x) : gf_json_null(); }

static gf_json *found_class_json(const gf_run_record *r, size_t c)
{
    const gf_found_class *k = &r->detection->item[c];
    const gf_class_score s = gf_found_score_of(k);
    gf_json *j = gf_json_object();
    gf_json_set(j, "class", gf_json_string(r->classes[c]));
    gf_json_set(j, "boxes", gf_json_int((int64_t)k->objects));
    gf_json_set(j, "AP", share_json(k->ap));
    gf_json_set(j, "AP50", share_json(k->ap50));
    gf_json_set(j, "precision", gf_json_real(s.precision));
    gf_json_set(j, "recall", gf_json_real(s.recall));
    gf_json_set(j, "f1", gf_json_real(s.f1));
    return j;
}

static gf_json *detection_json(const gf_run_record *r)
{
    const gf_found_record *d = r->detection;
    gf_json *j = gf_json_object(), *kinds = gf_json_object(), *classes = gf_json_array();
    gf_json_set(j, "set", gf_json_string(d->set));
    gf_json_set(j, "images", gf_json_int((int64_t)d->images));
    gf_json_set(j, "boxes", gf_json_int((int64_t)d->objects));
    gf_json_set(j, "confidence", gf_json_real(d->confidence));
    gf_json_set(j, "overlap", gf_json_real(d->overlap));
    for (int i = 0; i < GF_COCO_STATS; i++) gf_json_set(j, gf_coco_stat_name((gf_coco_stat)i), share_json(d->stat[i]));
    for (int k = 0; k < GF_MATCH_KINDS; k++)
        gf_json_set(kinds, gf_match_name((gf_match_kind)k), gf_json_int((int64_t)d->kind[k]));
    gf_json_set(j, "detections", kinds);
    gf_json_set(j, "missed", gf_json_int((int64_t)d->missed));
    gf_json_set(j, "nearly_found", gf_json_int((int64_t)d->nearly));
    for (size_t c = 0; c < r->n_classes; c++) gf_json_add(classes, found_class_json(r, c));
    gf_json_set(j, "per_class", classes);
    return j;
}

static gf_json *labels_json(const gf_run_record *r)
{
    gf_json *j = gf_json_object(), *classes = gf_json_array();
    gf_json_set(j, "set", gf_json_string(r->labels->set));
    gf_json_set(j, "images", gf_json_int((int64_t)r->labels->images));
    for (size_t c = 0; c < r->n_classes; c++) {
        const gf_found_class *k = &r->labels->item[c];
        const gf_class_score s = gf_found_score_of(k);
        gf_json *row = gf_json_object();
        gf_json_set(row, "class", gf_json_string(r->classes[c]));
        gf_json_set(row, "images", gf_json_int((int64_t)k->objects));
        gf_json_set(row, "AP", share_json(k->ap));
        gf_json_set(row, "threshold", gf_json_real((double)r->labels->threshold[c]));
        gf_json_set(row, "precision", gf_json_real(s.precision));
        gf_json_set(row, "recall", gf_json_real(s.recall));
        gf_json_set(row, "f1", gf_json_real(s.f1));
        gf_json_add(classes, row);
    }
    gf_json_set(j, "per_class", classes);
    return j;
}

static gf_json *values_json(const gf_metric_list *list, const double *value)
{
    if (isnan(value[0])) return gf_json_null();
    gf_json *j = gf_json_object();
    for (size_t i = 0; i < list->n; i++) gf_json_set(j, list->item[i].name, gf_json_real(value[i]));
    return j;
}

static gf_json *measure_json(const gf_run_record *r, const gf_phase_measure *m)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "epoch", gf_json_int(m->epoch));
    gf_json_set(j, "validation", values_json(r->metrics, m->validation));
    gf_json_set(j, "test", values_json(r->metrics, m->test));
    return j;
}

static gf_json *phases_json(const gf_run_record *r)
{
    gf_json *list = gf_json_array();
    for (size_t i = 0; i < r->n_phases; i++) {
        const gf_phase_record *p = &r->phases[i];
        gf_json *j = gf_json_object(), *epochs = gf_json_array();
        gf_json_add(epochs, gf_json_int(p->first));
        gf_json_add(epochs, gf_json_int(p->last_epoch));
        gf_json_set(j, "name", gf_json_string(p->name));
        gf_json_set(j, "epochs", epochs);
        gf_json_set(j, "last", measure_json(r, &p->last));
        gf_json_set(j, "best_so_far", measure_json(r, &p->best));
        gf_json_add(list, j);
    }
    return list;
}

graft_status gf_record_write_json(const char *path, const gf_run_record *r, graft_error *err)
{
    gf_json *j = gf_json_object(), *classes = gf_json_array();
    for (size_t i = 0; i < r->n_classes; i++) gf_json_add(classes, gf_json_string(r->classes[i]));
    gf_json_set(j, "model", gf_json_string(r->model));
    gf_json_set(j, "classes", classes);
    gf_json_set(j, "before", metrics_json(&r->before, r->n_classes));
    gf_json_set(j, "validation", metrics_json(&r->validation, r->n_classes));
    gf_json_set(j, "test", metrics_json(&r->test, r->n_classes));
    gf_json_set(j, "calibration", calibration_json(r));
    if (r->detection) gf_json_set(j, "detection", detection_json(r));
    if (r->labels) gf_json_set(j, "labels", labels_json(r));
    gf_json_set(j, "phases", phases_json(r));
    gf_json_set(j, "best_epoch", r->best_epoch ? gf_json_int(r->best_epoch) : gf_json_null());
    gf_json_set(j, "epochs", gf_json_int(r->history ? (int64_t)r->history->n : 0));
    gf_json_set(j, "seconds", gf_json_real(r->seconds));
    gf_json_set(j, "peak_rss_mb", gf_json_real(r->peak_rss_mb));
    char *text = gf_json_text(j, r->n_classes <= MOST_CLASSES_INDENTED ? 1 : 0); /* a line a number: too long */
    gf_json_free(j);
    if (!text) return gf_fail_memory(err, 0, "metrics.json");
    graft_status status = gf_file_write_text(path, text, err);
    gf_free(text);
    return status;
}
