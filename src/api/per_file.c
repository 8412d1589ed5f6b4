/* per_file.c - images one by one, as CSV: path, true class (of an evaluation), predicted class, the probability of each
 * class (p_CLASS), the network's outputs (z_CLASS; z where one logit stands for two classes). In the data's order; an
 * image that was lost has empty cells. Numbers read back as themselves. */
#include "api/internal.h"

#include "base/io.h"
#include "base/number.h"

#include <string.h>

void gf_per_file_field(gf_text *t, const char *prefix, const char *s)
{
    if (!s[strcspn(s, ",\"\r\n")]) {
        gf_text_add(t, prefix);
        gf_text_add(t, s);
        return;
    }
    gf_text_add(t, "\"");
    gf_text_add(t, prefix);
    for (; *s; s++) gf_text_add_n(t, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
    gf_text_add(t, "\"");
}

graft_status gf_per_file_begin(gf_per_file *f, const graft_model *m, const gf_task *task, gf_setting file,
                               graft_error *err)
{
    const gf_names *classes = &m->facts.classes;
    *f = (gf_per_file){.path = gf_settings_text(m->context->settings, file), .classes = classes, .task = task};
    if (!f->path) return GRAFT_OK;
    GF_TRY(gf_api_check_out(m, NULL, 0, f->path, err));
    f->labelled = file == GF_SET_EVAL_CSV;
    f->width = gf_count(&m->model.layer[m->model.output].shape);
    f->p = gf_new_n(classes->n, float);
    if (!f->p) return gf_fail_memory(err, classes->n * sizeof *f->p, "the rows of an evaluation");
    gf_text_add(&f->text, f->labelled ? "path,true,predicted" : "path,predicted");
    for (size_t k = 0; k < classes->n; k++) {
        gf_text_add(&f->text, ",");
        gf_per_file_field(&f->text, "p_", classes->item[k]);
    }
    for (size_t k = 0; k < f->width; k++) {
        gf_text_add(&f->text, ",");
        gf_per_file_field(&f->text, f->width == classes->n ? "z_" : "z",
                          f->width == classes->n ? classes->item[k] : "");
    }
    gf_text_add(&f->text, "\n");
    return GRAFT_OK;
}

/* What the outputs say: the likeliest class, or the labels that are told. */
static void add_predicted(gf_per_file *f, const float *out)
{
    float loss;
    int32_t likeliest;
    const gf_class_target any = gf_target_of(0);
    gf_text told = {0};
    if (f->task->cls->labels) {
        gf_api_labels_told(f->task, f->classes, out, &told);
        gf_per_file_field(&f->text, "", told.s ? told.s : "");
        f->text.failed = f->text.failed || told.failed;
        gf_text_free(&told);
        return;
    }
    f->task->cls->step(
        f->task, &(gf_task_batch){
                     .n = 1, .width = f->width, .out = out, .target = &any, .loss = &loss, .predicted = &likeliest});
    gf_per_file_field(&f->text, "", f->classes->item[likeliest]);
}

void gf_per_file_add(gf_per_file *f, const char *path, const char *truth, const char *predicted, const float *out)
{
    enum { DIGITS = 9 };
    if (!f->path) return;
    gf_per_file_field(&f->text, "", path);
    if (f->labelled) gf_text_add(&f->text, ",");
    if (f->labelled) gf_per_file_field(&f->text, "", truth);
    if (!out) {
        for (size_t k = 0; k < 1 + f->classes->n + f->width; k++) gf_text_add(&f->text, ",");
        gf_text_add(&f->text, "\n");
        return;
    }
    f->task->cls->decode(f->task, out, f->width, f->p);
    gf_text_add(&f->text, ",");
    if (predicted) gf_per_file_field(&f->text, "", predicted);
    if (!predicted) add_predicted(f, out);
    for (size_t k = 0; k < f->classes->n; k++) gf_text_printf(&f->text, ",%s", GF_GENERAL((double)f->p[k], DIGITS));
    for (size_t k = 0; k < f->width; k++) gf_text_printf(&f->text, ",%s", GF_GENERAL((double)out[k], DIGITS));
    gf_text_add(&f->text, "\n");
}

graft_status gf_per_file_write(gf_per_file *f, graft_error *err)
{
    if (!f->path) return GRAFT_OK;
    if (f->text.failed) return gf_fail_memory(err, f->text.n, "the rows of an evaluation");
    return gf_file_write(f->path, &(gf_bytes){f->text.s, f->text.n}, 1, err);
}

void gf_per_file_free(gf_per_file *f)
{
    gf_text_free(&f->text);
    gf_free(f->p);
}
