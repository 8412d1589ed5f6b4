#include "formats/keras_h5_order.h"

#include "base/alloc.h"
#include "formats/h5_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATH = 2048 };

typedef struct order {
    hid_t root;
    const char *prefix;       /* of paths: "" or "model_weights/" */
    gf_found_tensor **sorted; /* all that was found, by path */
    size_t n;
    int32_t layer, var; /* where the walk is */
    char layer_name[MAX_PATH];
} order;

static int by_path(const void *a, const void *b)
{
    return strcmp((*(gf_found_tensor *const *)a)->path, (*(gf_found_tensor *const *)b)->path);
}

/* LAYER/WEIGHT is the path of a data set. */
static bool on_weight(void *ctx, const char *name)
{
    order *o = ctx;
    char path[MAX_PATH];
    int length = snprintf(path, sizeof path, "%s%s/%s", o->prefix, o->layer_name, name);
    if (length < 0 || (size_t)length >= sizeof path) return false;
    gf_found_tensor key = {.path = path}, *wanted = &key;
    gf_found_tensor **t = o->n ? bsearch(&wanted, o->sorted, o->n, sizeof *o->sorted, by_path) : NULL;
    if (!t || (*t)->layer_place >= 0) return false;
    (*t)->layer_place = o->layer;
    (*t)->var_place = o->var++;
    return true;
}

/* Layers without weights are not counted: none stands for them in the model's list. */
static bool on_layer(void *ctx, const char *name)
{
    order *o = ctx;
    if (strlen(name) >= sizeof o->layer_name) return false;
    memcpy(o->layer_name, name, strlen(name) + 1);
    hid_t group = H5Gopen2(o->root, name, H5P_DEFAULT);
    if (group < 0) return false;
    o->var = 0;
    bool good = gf_h5_text_list(group, "weight_names", on_weight, o);
    H5Gclose(group);
    o->layer += o->var > 0;
    return good;
}

static void forget(gf_found *found)
{
    for (size_t i = 0; i < found->n; i++) found->item[i].layer_place = -1;
}

graft_status gf_keras_h5_order(hid_t file, gf_found *found, graft_error *err)
{
    order o = {.n = found->n, .prefix = ""};
    bool whole = H5Lexists(file, "model_weights", H5P_DEFAULT) > 0;
    if (whole) o.prefix = "model_weights/";
    o.sorted = gf_new_n(found->n, gf_found_tensor *);
    if (!o.sorted) return gf_fail_memory(err, found->n * sizeof *o.sorted, "a list of tensors");
    for (size_t i = 0; i < found->n; i++) o.sorted[i] = &found->item[i];
    if (o.n) qsort(o.sorted, o.n, sizeof *o.sorted, by_path);
    o.root = H5Gopen2(file, whole ? "model_weights" : "/", H5P_DEFAULT);
    if (o.root >= 0) {
        if (!gf_h5_text_list(o.root, "layer_names", on_layer, &o)) forget(found);
        H5Gclose(o.root);
    }
    gf_free(o.sorted);
    return GRAFT_OK;
}
