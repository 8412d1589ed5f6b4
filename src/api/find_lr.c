/* find_lr.c - train.find_lr: instead of a run, the learning rate that it could begin with. */
#include "api/internal.h"

#include "base/io.h"
#include "base/sys.h"
#include "report/plots.h"
#include "train/folder.h"
#include "train/lr_find.h"

#include <math.h>

static graft_status write_plot(const char *dir, const gf_lr_curve *c, const gf_lr_found *found, graft_error *err)
{
    gf_canvas *sheet;
    const gf_rates rates = {c->lr,
                            c->loss,
                            c->smooth,
                            c->n,
                            {{"valley", found->valley}, {"steepest", found->steep}, {"least / 10", found->minimum}}};
    char *path = gf_path_join(dir, GF_FOLDER_RATES_PLOT);
    if (!path) return gf_fail_memory(err, 64, "a file name");
    graft_status status = gf_plot_rates(&sheet, &rates, &gf_theme_light, err);
    if (status == GRAFT_OK) status = gf_plot_write(sheet, path, err);
    gf_free(path);
    return status;
}

static gf_json *numbers(const double *x, size_t n)
{
    gf_json *list = gf_json_array();
    for (size_t i = 0; i < n; i++) gf_json_add(list, gf_json_real(x[i]));
    return list;
}

/* The document, which is also DIR/lr.json. */
static graft_status write_json(const char *dir, const gf_lr_curve *c, const gf_lr_found *found, gf_json *j,
                               graft_error *err)
{
    gf_json_set(j, "lr", gf_json_real(found->valley));
    gf_json_set(j, "steepest", gf_json_real(found->steep));
    gf_json_set(j, "least_tenth", gf_json_real(found->minimum));
    gf_json_set(j, "rates", numbers(c->lr, c->n));
    gf_json_set(j, "loss", numbers(c->loss, c->n));
    gf_json_set(j, "smoothed", numbers(c->smooth, c->n));
    char *text = gf_json_text(j, 2), *path = gf_path_join(dir, GF_FOLDER_RATES);
    graft_status status = text && path ? gf_file_write_text(path, text, err) : gf_fail_memory(err, 4096, "lr.json");
    gf_free(text);
    gf_free(path);
    return status;
}

static graft_status read_and_tell(const char *dir, const gf_lr_curve *c, graft_result **out, graft_error *err)
{
    gf_lr_found found;
    if (!gf_lr_read(c, &found)) {
        return gf_fail(err, GF_E_DIVERGED, "look at the data, and at --optimizer and --loss",
                       "no learning rate can be read off %zu steps: the loss never falls", c->n);
    }
    gf_json *j = gf_json_object();
    graft_status status = write_json(dir, c, &found, j, err);
    if (status == GRAFT_OK) status = write_plot(dir, c, &found, err);
    char *text = gf_sprintf(
        "%-16s %.2g, in the valley of the loss\n%-16s %.2g where it falls fastest, %.2g a tenth of where "
        "it is least\n%-16s %s/%s\n",
        "learning rate", found.valley, "others", found.steep, found.minimum, "plot", GF_ESC(dir), GF_FOLDER_RATES_PLOT);
    if (status == GRAFT_OK && text) return gf_result_create(out, j, text, err);
    gf_free(text);
    gf_json_free(j);
    return status == GRAFT_OK ? gf_fail_memory(err, 256, "a result") : status;
}

graft_status gf_api_find_lr(graft_model *m, graft_data *d, const char *dir, graft_result **out, graft_error *err)
{
    gf_run_host host = gf_api_host(m->context);
    gf_run run;
    gf_lr_curve curve;
    host.log = &m->log;
    GF_TRY(gf_run_open(&run, &host, dir, &m->config, &m->model, &m->facts, d->data, err));
    graft_status status = gf_lr_find(&run, &curve, err);
    gf_run_close(&run);
    char *checkpoints = gf_path_join(dir, GF_FOLDER_CHECKPOINTS); /* there is none: the folder holds no run */
    if (checkpoints) gf_sys_rmdir(checkpoints);
    gf_free(checkpoints);
    return status == GRAFT_OK ? read_and_tell(dir, &curve, out, err) : status;
}
