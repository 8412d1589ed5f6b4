#include "data/looks.h"

#include "data/duplicates.h"
#include "image/perceptual_hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Below this deviation an image is of one color, and its hash is made of noise. */
static const float least_contrast = 2;
static const double least_correlation = 0.97;

graft_status gf_looks_open(gf_looks *looks, uint32_t n, graft_error *err)
{
    *looks = (gf_looks){gf_new_n(n, gf_image_look), n};
    return looks->item ? GRAFT_OK : gf_fail_memory(err, n * sizeof *looks->item, "looks at the images");
}

void gf_looks_close(gf_looks *looks)
{
    gf_free(looks->item);
    *looks = (gf_looks){0};
}

static unsigned gray_of(const uint8_t *rgb) { return (77U * rgb[0] + 150U * rgb[1] + 29U * rgb[2]) >> 8; }

/* Mean gray of a cell of the small image. */
static uint8_t cell(const uint8_t *rgb, int h, int w, int row, int column)
{
    int y0 = row * h / GF_LOOK_SIDE, y1 = (row + 1) * h / GF_LOOK_SIDE;
    int x0 = column * w / GF_LOOK_SIDE, x1 = (column + 1) * w / GF_LOOK_SIDE;
    uint64_t sum = 0;
    for (int y = y0; y < y1; y++) {
        for (int x = x0; x < x1; x++) sum += gray_of(rgb + 3 * ((size_t)y * (size_t)w + (size_t)x));
    }
    uint64_t n = (uint64_t)(y1 - y0) * (uint64_t)(x1 - x0);
    return n ? (uint8_t)(sum / n) : 0;
}

graft_status gf_looks_take(void *ctx, uint32_t sample, const uint8_t *rgb, int h, int w, graft_error *err)
{
    gf_image_look *look = &((gf_looks *)ctx)->item[sample];
    uint64_t sum = 0, squares = 0;
    size_t n = (size_t)h * (size_t)w;
    for (size_t i = 0; i < n; i++) {
        unsigned gray = gray_of(rgb + 3 * i);
        sum += gray;
        squares += gray * gray;
    }
    double mean = (double)sum / (double)n, variance = (double)squares / (double)n - mean * mean;
    look->brightness = (float)mean;
    look->contrast = (float)sqrt(variance > 0 ? variance : 0);
    for (int i = 0; i < GF_LOOK_SIDE * GF_LOOK_SIDE; i++) {
        look->gray[i] = cell(rgb, h, w, i / GF_LOOK_SIDE, i % GF_LOOK_SIDE);
    }
    GF_TRY(gf_perceptual_hash(rgb, w, h, &look->hash.as_is, &look->hash.mirrored, err));
    look->taken = true;
    return GRAFT_OK;
}

/* Pearson's, of the two small images, one of them mirrored or not. */
static double correlation(const gf_image_look *a, const gf_image_look *b, bool mirrored)
{
    enum { N = GF_LOOK_SIDE * GF_LOOK_SIDE };
    int64_t x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    for (int i = 0; i < N; i++) {
        int row = i / GF_LOOK_SIDE, column = i % GF_LOOK_SIDE;
        int p = a->gray[i], q = b->gray[row * GF_LOOK_SIDE + (mirrored ? GF_LOOK_SIDE - 1 - column : column)];
        x += p, y += q, xx += p * p, yy += q * q, xy += p * q;
    }
    double sxx = (double)(N * xx - x * x), syy = (double)(N * yy - y * y), sxy = (double)(N * xy - x * y);
    return sxx > 0 && syy > 0 ? sxy / sqrt(sxx * syy) : 0;
}

static bool near(const gf_looks *looks, const gf_index *index, const gf_near_pair *p)
{
    const gf_image_look *a = &looks->item[p->first], *b = &looks->item[p->second];
    if (index->content && !memcmp(&index->content[p->first], &index->content[p->second], sizeof *index->content)) {
        return false;
    }
    return correlation(a, b, p->mirrored) >= least_correlation;
}

static graft_status add_near(gf_data_report *r, const gf_index *index, const gf_near_pair *p, graft_error *err)
{
    const gf_sample *a = &index->sample[p->first], *b = &index->sample[p->second];
    bool classes = a->class_id != b->class_id, splits = a->split != b->split;
    r->near_pairs++;
    r->near_other_class += classes;
    r->near_other_split += splits;
    if (r->n_near == GF_DUPLICATES_MAX) return GRAFT_OK;
    if (!gf_grow(&r->near, r->n_near, &r->cap_near)) return gf_fail_memory(err, sizeof *r->near, "near copies");
    gf_near_copy *n = &r->near[r->n_near++];
    *n = (gf_near_copy){gf_strdup(gf_index_path(index, p->first)),
                        gf_strdup(gf_index_path(index, p->second)),
                        p->first,
                        p->second,
                        p->mirrored,
                        classes,
                        splits};
    return n->path && n->copy ? GRAFT_OK : gf_fail_memory(err, 64, "near copies");
}

/* Whether the file is equal to one of its class and part that comes before it. */
static graft_status find_again(const gf_index *index, bool *again, graft_error *err)
{
    uint32_t *order = gf_new_n(index->n, uint32_t);
    if (!order) return gf_fail_memory(err, index->n * sizeof *order, "near copies");
    for (uint32_t i = 0; i < index->n; i++) order[i] = i;
    qsort_r(order, index->n, sizeof *order, gf_by_content, index->content);
    for (uint32_t k = 1; k < index->n; k++) { /* samples are sorted by part and class */
        const gf_sample *a = &index->sample[order[k - 1]], *b = &index->sample[order[k]];
        again[order[k]] = a->class_id == b->class_id && a->split == b->split &&
                          !memcmp(&index->content[order[k - 1]], &index->content[order[k]], sizeof *index->content);
    }
    gf_free(order);
    return GRAFT_OK;
}

/* Images that could not be read stay out, and those of one color, whose hashes are noise. Of equal files of a class and
 * part the first stands for all: a thousand of them would make half a million pairs. */
static graft_status find_near(const gf_looks *looks, const gf_index *index, gf_data_report *r, graft_error *err)
{
    gf_hashes *hash = gf_new_n(looks->n, gf_hashes);
    uint32_t *sample = gf_new_n(looks->n, uint32_t), usable = 0;
    bool *again = gf_new_n(looks->n, bool);
    gf_near_pair *pair = NULL;
    size_t n = 0;
    graft_status status = GRAFT_OK;
    if (!hash || !sample || !again) GF_GOTO(gf_fail_memory(err, looks->n * sizeof *hash, "near copies"));
    if (index->content) GF_GOTO(find_again(index, again, err));
    for (uint32_t i = 0; i < looks->n; i++) {
        if (again[i] || !looks->item[i].taken || looks->item[i].contrast < least_contrast) continue;
        hash[usable] = looks->item[i].hash;
        sample[usable++] = i;
    }
    GF_GOTO(gf_near_copies(hash, usable, &pair, &n, err));
    for (size_t i = 0; i < n; i++) {
        const gf_near_pair p = {sample[pair[i].first], sample[pair[i].second], pair[i].bits, pair[i].mirrored};
        if (near(looks, index, &p)) GF_GOTO(add_near(r, index, &p, err));
    }
out:
    gf_free(pair);
    gf_free(again);
    gf_free(sample);
    gf_free(hash);
    return status;
}

graft_status gf_looks_report(const gf_looks *looks, const gf_index *index, gf_data_report *r, graft_error *err)
{
    r->looked = true;
    for (uint32_t i = 0; i < looks->n; i++) {
        if (!looks->item[i].taken) continue;
        gf_binned_add(&r->brightness, (double)looks->item[i].brightness);
        r->flat += looks->item[i].contrast < least_contrast;
    }
    return find_near(looks, index, r, err);
}
