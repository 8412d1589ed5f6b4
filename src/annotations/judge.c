/* judge.c - classes and sizes that are worth a look before hours are spent on them. */
#include "annotations/check.h"

#include "annotations/statistics.h"
#include "base/distance.h"

#include <ctype.h>
#include <string.h>

enum { FEW_BOXES = 20, OFTEN = 20 };

/* Equal but for case and blanks, or one letter apart. */
static bool nearly(const char *a, const char *b)
{
    size_t letters = 0;
    const char *x = a, *y = b;
    for (;; x++, y++) {
        while (*x == ' ' || *x == '_' || *x == '-') x++;
        while (*y == ' ' || *y == '_' || *y == '-') y++;
        if (!*x || tolower((unsigned char)*x) != tolower((unsigned char)*y)) break;
        letters++;
    }
    if (!*x && !*y) return true;
    return strlen(a) > 3 && strlen(b) > 3 && gf_edit_distance(a, b) == 1;
}

static graft_status judge_names(gf_annotations *a, const uint64_t *count, const gf_log *log, graft_error *err)
{
    for (size_t i = 0; i < a->classes.n; i++)
        for (size_t k = 0; k < a->classes.n; k++) {
            if (i == k || !count[i] || count[k] < OFTEN * count[i]) continue;
            if (!nearly(a->classes.item[i], a->classes.item[k])) continue;
            GF_TRY(gf_note_add(&a->notes, log, GF_WARNING, err,
                               "class \"%s\" (%llu box%s) looks like \"%s\" (%llu): --rename \"%s=%s\" makes them one",
                               GF_ESC(a->classes.item[i]), (unsigned long long)count[i], count[i] == 1 ? "" : "es",
                               GF_ESC(a->classes.item[k]), (unsigned long long)count[k], GF_ESC(a->classes.item[i]),
                               GF_ESC(a->classes.item[k])));
        }
    return GRAFT_OK;
}

static bool has_validation(const gf_annotations *a)
{
    for (size_t i = 0; i < a->images; i++)
        if (a->image[i].split == 1) return true;
    return false;
}

static graft_status judge_counts(gf_annotations *a, const uint64_t *count, const uint64_t *validation,
                                 const gf_log *log, graft_error *err)
{
    bool split = has_validation(a);
    for (size_t k = 0; k < a->classes.n; k++) {
        const char *name = a->classes.item[k];
        if (!count[k])
            GF_TRY(gf_note_add(&a->notes, log, GF_NOTE, err, "class \"%s\" has no boxes", GF_ESC(name)));
        else if (count[k] < FEW_BOXES)
            GF_TRY(gf_note_add(&a->notes, log, GF_WARNING, err, "class \"%s\" has %llu box%s only", GF_ESC(name),
                               (unsigned long long)count[k], count[k] == 1 ? "" : "es"));
        if (count[k] && split && !validation[k])
            GF_TRY(gf_note_add(&a->notes, log, GF_WARNING, err, "class \"%s\" has no boxes in the validation part",
                               GF_ESC(name)));
    }
    return GRAFT_OK;
}

static graft_status judge_sizes(gf_annotations *a, const gf_log *log, graft_error *err)
{
    gf_box_statistics s;
    GF_TRY(gf_box_statistics_of(a, GF_INPUT_SIDE, &s, err));
    if (s.covering * 2 > a->boxes)
        GF_TRY(gf_note_add(&a->notes, log, GF_WARNING, err,
                           "%zu of %zu boxes cover over 98 %% of their image: this looks like classification",
                           s.covering, a->boxes));
    if (s.tiny * 20 > a->boxes)
        GF_TRY(gf_note_add(&a->notes, log, GF_WARNING, err,
                           "%zu of %zu boxes are smaller than 8 pixels at %d x %d: --size %d lifts the median to 16",
                           s.tiny, a->boxes, GF_INPUT_SIDE, GF_INPUT_SIDE, s.advised));
    return GRAFT_OK;
}

static graft_status judge_left_out(gf_annotations *a, const gf_log *log, graft_error *err)
{
    const gf_annotation_counts *c = &a->count;
    const struct {
        uint64_t n;
        const char *what;
    } told[] = {
        {c->empty, "boxes without width or height: left out"},
        {c->clipped, "boxes reach out of their image: cut at its edge"},
        {c->swapped, "boxes have their corners the other way round: put right"},
        {c->equal, "boxes are there twice: one is kept"},
        {c->near_same, "pairs of boxes of one class overlap by over 95 %"},
        {c->near_other, "pairs of boxes of two classes overlap by over 95 %"},
        {c->rotated, "images are turned by EXIF and were labelled as stored: their boxes are turned, too"},
        {c->scaled, "images were labelled at another size: their boxes are scaled"},
        {c->left_out, "labels without an image, or images that cannot be read, are left out"},
        {c->duplicate_groups, "groups of images with equal bytes"},
    };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (told[i].n)
            GF_TRY(gf_note_add(&a->notes, log, GF_NOTE, err, "%llu %s", (unsigned long long)told[i].n, told[i].what));
    return GRAFT_OK;
}

graft_status gf_annotations_judge(gf_annotations *a, const gf_log *log, graft_error *err)
{
    uint64_t *count = gf_new_n(2 * a->classes.n, uint64_t);
    if (!count) return gf_fail_memory(err, a->classes.n * sizeof *count, "classes");
    uint64_t *validation = count + a->classes.n;
    for (size_t b = 0; b < a->boxes; b++) {
        count[a->box[b].class_id]++;
        validation[a->box[b].class_id] += a->image[a->box[b].image].split == 1;
    }
    graft_status status = judge_left_out(a, log, err);
    if (status == GRAFT_OK) status = judge_names(a, count, log, err);
    if (status == GRAFT_OK) status = judge_counts(a, count, validation, log, err);
    if (status == GRAFT_OK) status = judge_sizes(a, log, err);
    gf_free(count);
    return status;
}
