#include "train/neighbours.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 256 }; /* known rows at a time */

/* A row's direction, without what stands for the bias. */
static void unit_row(const gf_rows *r, const double *x, double *to)
{
    double squares = 0;
    for (size_t j = 0; j < r->d; j++) squares += x[j] * x[j];
    double length = squares > 0 ? sqrt(squares) : 1;
    for (size_t j = 0; j < r->stride; j++) to[j] = j < r->d ? x[j] / length : 0;
}

typedef struct nearest {
    size_t n;
    float cosine[GF_MOST_NEIGHBOURS];
    int32_t label[GF_MOST_NEIGHBOURS];
} nearest;

/* The nearest first; of equals the one that came first. */
static void offer(nearest *best, size_t k, float cosine, int32_t label)
{
    if (best->n == k && !(cosine > best->cosine[k - 1])) return;
    size_t at = best->n < k ? best->n++ : k - 1;
    for (; at && cosine > best->cosine[at - 1]; at--) {
        best->cosine[at] = best->cosine[at - 1];
        best->label[at] = best->label[at - 1];
    }
    best->cosine[at] = cosine;
    best->label[at] = label;
}

static int32_t vote(const nearest *best)
{
    int32_t winner = 0;
    size_t most = 0;
    for (size_t i = 0; i < best->n; i++) {
        size_t votes = 0;
        for (size_t j = 0; j < best->n; j++) votes += best->label[j] == best->label[i];
        if (votes < most || (votes == most && best->label[i] >= winner)) continue;
        most = votes;
        winner = best->label[i];
    }
    return winner;
}

typedef struct room {
    double *unit;  /* CHUNK rows */
    double *plain; /* one */
    float *cosine; /* rows of `of` x CHUNK */
    nearest *best;
} room;

static void close_room(room *m)
{
    gf_free(m->unit);
    gf_free(m->plain);
    gf_free(m->cosine);
    gf_free(m->best);
}

static graft_status open_room(room *m, const gf_rows *of, size_t rows, graft_error *err)
{
    *m = (room){.unit = gf_new_n(rows * of->stride, double),
                .plain = gf_new_n(of->stride, double),
                .cosine = gf_new_n(of->n * rows, float),
                .best = gf_new_n(of->n, nearest)};
    if (m->unit && m->plain && m->cosine && m->best) return GRAFT_OK;
    return gf_fail_memory(err, rows * (of->stride * sizeof(double) + of->n * sizeof(float)), "neighbours");
}

static graft_status look_at(const gf_known *known, const gf_rows *of, size_t k, size_t used, room *m, graft_error *err)
{
    const gf_rows *r = known->rows;
    for (size_t first = 0; first < used; first += CHUNK) {
        size_t n = used - first < CHUNK ? used - first : CHUNK;
        for (size_t i = 0; i < n; i++) {
            const float *x = r->x + (first + i) * r->n / used * r->stride;
            for (size_t j = 0; j < r->stride; j++) m->plain[j] = (double)x[j];
            unit_row(r, m->plain, m->unit + i * r->stride);
        }
        GF_TRY(gf_logistic_scores(of, m->unit, n, known->pool, m->cosine, err));
        for (size_t row = 0; row < of->n; row++) {
            for (size_t i = 0; i < n; i++) {
                offer(&m->best[row], k, m->cosine[row * n + i], known->label[(first + i) * r->n / used]);
            }
        }
    }
    return GRAFT_OK;
}

graft_status gf_nearest_neighbours(const gf_known *known, const gf_rows *of, size_t k, int32_t *predicted,
                                   graft_error *err)
{
    size_t used = known->rows->n < GF_MOST_KNOWN ? known->rows->n : GF_MOST_KNOWN;
    room m;
    graft_status status = open_room(&m, of, CHUNK, err);
    if (status == GRAFT_OK) status = look_at(known, of, k, used, &m, err);
    for (size_t i = 0; i < of->n && status == GRAFT_OK; i++) predicted[i] = vote(&m.best[i]);
    close_room(&m);
    return status;
}

static void set_means(const gf_known *known, room *m)
{
    const gf_rows *r = known->rows;
    for (size_t c = 0; c < known->classes; c++) {
        double *mean = m->unit + c * r->stride;
        memset(m->plain, 0, r->stride * sizeof *m->plain);
        for (size_t i = 0; i < r->n; i++) {
            if (known->label[i] != (int32_t)c) continue;
            for (size_t j = 0; j < r->d; j++) m->plain[j] += (double)r->x[i * r->stride + j];
        }
        unit_row(r, m->plain, mean); /* the number of rows makes no difference to its direction */
    }
}

graft_status gf_nearest_centroid(const gf_known *known, const gf_rows *of, int32_t *predicted, graft_error *err)
{
    room m;
    graft_status status = open_room(&m, of, known->classes, err);
    if (status == GRAFT_OK) set_means(known, &m);
    if (status == GRAFT_OK) status = gf_logistic_scores(of, m.unit, known->classes, known->pool, m.cosine, err);
    for (size_t i = 0; i < of->n && status == GRAFT_OK; i++) {
        const float *cosine = m.cosine + i * known->classes;
        predicted[i] = 0;
        for (size_t c = 1; c < known->classes; c++) {
            if (cosine[c] > cosine[predicted[i]]) predicted[i] = (int32_t)c;
        }
    }
    close_room(&m);
    return status;
}
