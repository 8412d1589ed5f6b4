#include "train/export_boxes.h"

/* As a Python dictionary, which Ultralytics's tools read. */
static void put_names(gf_text *t, const gf_names *classes)
{
    gf_text_add(t, "{");
    for (size_t i = 0; i < classes->n; i++) {
        gf_text_printf(t, "%s%zu: '", i ? ", " : "", i);
        for (const char *c = classes->item[i]; *c; c++)
            gf_text_add(t, *c == '\'' ? "\\'" : *c == '\\' ? "\\\\" : (char[]){*c, 0});
        gf_text_add(t, "'");
    }
    gf_text_add(t, "}");
}

static gf_json *levels_json(const gf_grids *p)
{
    gf_json *list = gf_json_array();
    for (int k = 0; k < p->levels; k++) {
        gf_json *one = gf_json_object();
        gf_json_set(one, "stride", gf_json_int(p->level[k].stride));
        gf_json_set(one, "width", gf_json_int(p->level[k].w));
        gf_json_set(one, "height", gf_json_int(p->level[k].h));
        gf_json_add(list, one);
    }
    return list;
}

static char *about_text(const gf_export_boxes *b, const gf_grids *p, const gf_model_facts *f)
{
    char fit[GF_FIT_TEXT];
    gf_json *j = gf_json_object();
    gf_json_set(j, "width", gf_json_int(f->width));
    gf_json_set(j, "height", gf_json_int(f->height));
    gf_json_set(j, "fit", gf_json_string(gf_fit_text(&f->fit, fit)));
    gf_json_set(j, "levels", levels_json(p));
    gf_json_set(j, "largest_exponent", gf_json_real(b->most_exponent));
    gf_json_set(j, "confidence", gf_json_real(b->confidence));
    gf_json_set(j, "overlap", gf_json_real(b->overlap));
    gf_json_set(j, "raw",
                gf_json_string("of each place, levels in this order, rows from the top, a logit for each class, "
                               "then v: left, top, right, bottom of its box are at distances stride * "
                               "exp(min(v, largest_exponent)) from ((column + 0.5) stride, (row + 0.5) stride)"));
    char *text = gf_json_text(j, 0);
    gf_json_free(j);
    return text;
}

graft_status gf_detector_export_open(gf_detector_export *d, const gf_model *m, const gf_model_facts *f,
                                     gf_boxes_end end, graft_error *err)
{
    const gf_task t = gf_model_file_task(m, f);
    const gf_detect_options counts = gf_threshold_options(&f->threshold);
    *d = (gf_detector_export){.is = t.cls->look != NULL};
    if (!d->is) return GRAFT_OK;
    d->place = gf_new_n(t.places.n, gf_export_place);
    d->boxes = (gf_export_boxes){.end = end,
                                 .classes = t.classes,
                                 .most = (int)counts.most,
                                 .place = d->place,
                                 .places = t.places.n,
                                 .most_exponent = gf_place_most_exponent(),
                                 .confidence = counts.least,
                                 .overlap = counts.overlap};
    for (size_t i = 0; d->place && i < t.places.n; i++) {
        const gf_cell at = gf_place_at(&t.places, i);
        d->place[i] = (gf_export_place){(float)at.x, (float)at.y, (float)at.stride};
    }
    put_names(&d->names, &f->classes);
    d->boxes.about = d->about = about_text(&d->boxes, &t.places, f);
    d->boxes.names = d->names.s;
    return d->place && d->about && !d->names.failed ? GRAFT_OK : gf_fail_memory(err, t.places.n, "an export");
}

void gf_detector_export_close(gf_detector_export *d)
{
    gf_free(d->place);
    gf_free(d->about);
    gf_text_free(&d->names);
}

gf_export_what gf_detector_export_what(const gf_detector_export *d, const gf_model_facts *f)
{
    return (gf_export_what){&f->classes, d->is ? &d->boxes : NULL, &f->tokenizer};
}
