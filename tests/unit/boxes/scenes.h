/* scenes.h - random labelled boxes and detections, the same as tools/make_detection_fixtures.py draws. */
#ifndef TESTS_BOXES_SCENES_H
#define TESTS_BOXES_SCENES_H

#include "boxes/boxes.h"

#include <stdint.h>
#include <string.h>

enum { SCENE_MOST_IDS = 8, SCENE_MOST_BOXES = 4096 };

typedef struct scenes_draw {
    uint64_t state;
} scenes_draw;

/* splitmix64 (Steele, Lea, Flood 2014) */
static inline uint64_t draw_next(scenes_draw *d)
{
    uint64_t z = d->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static inline int64_t below(scenes_draw *d, int64_t n) { return (int64_t)(draw_next(d) % (uint64_t)n); }

typedef struct random_scene {
    int64_t image[SCENE_MOST_IDS], category[SCENE_MOST_IDS];
    gf_truth truth[SCENE_MOST_BOXES];
    gf_detection detection[SCENE_MOST_BOXES];
    gf_detection_set set;
} random_scene;

static inline size_t draw_ids(scenes_draw *d, int64_t *id, int64_t n)
{
    int64_t at = 0;
    for (int64_t i = 0; i < n; i++) id[i] = at += 1 + below(d, 5);
    return (size_t)n;
}

static inline double draw_size(scenes_draw *d)
{
    int64_t kind = below(d, 6);
    return kind == 0 ? 32 : kind == 1 ? 96 : (double)(1 + below(d, 450)) / 3;
}

static inline gf_box draw_box(scenes_draw *d)
{
    gf_box b;
    b.x = (double)below(d, 600) / 3;
    b.y = (double)below(d, 600) / 3;
    b.w = draw_size(d);
    b.h = b.w == 32 || b.w == 96 ? b.w : draw_size(d);
    return b;
}

static inline gf_box draw_near(scenes_draw *d, gf_box b)
{
    int64_t by = below(d, 4);
    b.x += (double)(below(d, 2 * by + 1) - by) * 0.5;
    b.y += (double)(below(d, 2 * by + 1) - by) * 0.5;
    b.w += (double)below(d, by + 1) * 0.25;
    b.h += (double)below(d, by + 1) * 0.25;
    return b;
}

/* Returns the number of truths: the last ones of the set. */
static inline size_t draw_truths(scenes_draw *d, random_scene *s, int64_t image, int64_t category)
{
    int64_t n = below(d, 4) == 0 ? 0 : below(d, 6);
    for (int64_t i = 0; i < n; i++) {
        gf_truth t = {.image = image, .category = category, .box = draw_box(d)};
        t.crowd = below(d, 10) == 0;
        t.area = below(d, 6) == 0 ? (double)below(d, 20000) : t.box.w * t.box.h;
        s->truth[s->set.truths++] = t;
    }
    return (size_t)n;
}

static inline void draw_detections(scenes_draw *d, random_scene *s, int64_t image, int64_t category, size_t truths)
{
    int64_t n = below(d, 8) == 0 ? 0 : below(d, 12);
    const gf_truth *here = s->truth + s->set.truths - truths;
    if (below(d, 40) == 0) n += 100;
    for (int64_t i = 0; i < n; i++) {
        gf_detection f = {.image = image, .category = category};
        if (truths && below(d, 2)) {
            int64_t which = below(d, (int64_t)truths);
            f.box = draw_near(d, here[which].box);
        } else {
            f.box = draw_box(d);
        }
        f.score = below(d, 2) ? (double)below(d, 20) / 20 : (double)below(d, 1000000) / 1000000;
        s->detection[s->set.detections++] = f;
    }
}

static inline void draw_scene(random_scene *s, uint64_t seed)
{
    scenes_draw d = {seed};
    memset(&s->set, 0, sizeof s->set);
    s->set =
        (gf_detection_set){.image = s->image, .category = s->category, .truth = s->truth, .detection = s->detection};
    s->set.images = draw_ids(&d, s->image, 1 + below(&d, 6));
    s->set.categories = draw_ids(&d, s->category, 1 + below(&d, 4));
    for (size_t i = 0; i < s->set.images; i++)
        for (size_t k = 0; k < s->set.categories; k++) {
            size_t truths = draw_truths(&d, s, s->image[i], s->category[k]);
            draw_detections(&d, s, s->image[i], s->category[k], truths);
        }
}

#endif
