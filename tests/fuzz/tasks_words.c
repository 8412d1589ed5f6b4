/* Any text as a loss, a list of metrics, class weights, a column to look at: what is taken is within its ranges, what
 * is not has a message. */
#include "tasks/history.h"
#include "tasks/measure.h"
#include "tasks/task.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_tell(graft_status status, const graft_error *err)
{
    if (status != GRAFT_OK && (!err->number || !err->message[0])) abort();
}

static void loss(const char *text)
{
    gf_loss l;
    graft_error err = {0};
    graft_status status = gf_loss_parse(&l, text, &err);
    must_tell(status, &err);
    for (size_t i = 0; status == GRAFT_OK && i < GF_LOSS_ARGS && l.cls->arg[i].name; i++) {
        if (!(l.arg[i] >= l.cls->arg[i].low && l.arg[i] <= l.cls->arg[i].high)) abort();
    }
}

static void metrics(const char *text)
{
    gf_metric_list list;
    gf_monitor m;
    graft_error err = {0};
    graft_status status = gf_metric_list_parse(&list, GF_OF_CLASSES, "loss", text, &err);
    must_tell(status, &err);
    for (size_t i = 0; status == GRAFT_OK && i < list.n; i++) {
        if (gf_metric_list_find(&list, list.item[i].name) != (int)i || !list.item[i].title[0]) abort();
    }
    must_tell(gf_monitor_parse(&m, &list, text, &err), &err);
}

static void weights(const char *text)
{
    static const char *const class_name[] = {"cat", "dog=1", "a"};
    static const uint64_t images[] = {3, 0, 9};
    float *weight;
    graft_error err = {0};
    const gf_task_options o = {.classes = 3, .class_weight = text, .class_name = class_name, .images = images};
    must_tell(gf_class_weights(&weight, &o, &err), &err);
    for (int c = 0; weight && c < 3; c++) {
        if (!(weight[c] >= 0 && weight[c] <= 1e6f)) abort();
    }
    gf_free(weight);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = 0;
    loss(text);
    metrics(text);
    weights(text);
    free(text);
    return 0;
}
