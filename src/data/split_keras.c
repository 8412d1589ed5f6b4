/* split_keras.c - the split of Keras's image_dataset_from_directory(validation_split, subset, seed), file by file:
 * class after class, each class's folders and then their files sorted, shuffled once by numpy's RandomState(seed), and
 * the last share of them is validation (keras/src/utils/dataset_utils.py). */
#include "data/split_rules.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- numpy's RandomState: MT19937 (Matsumoto and Nishimura, 1998), seeded by a number */

enum { WORDS = 624, MIDDLE = 397 };

typedef struct twister {
    uint32_t word[WORDS];
    int at;
} twister;

static void seed_twister(twister *t, uint32_t seed)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        t->word[i] = seed;
        seed = 1812433253U * (seed ^ seed >> 30) + i + 1;
    }
    t->at = WORDS;
}

static void refill(twister *t)
{
    const uint32_t upper = 0x80000000U, matrix = 0x9908b0dfU;
    for (int i = 0; i < WORDS; i++) {
        uint32_t y = (t->word[i] & upper) | (t->word[(i + 1) % WORDS] & ~upper);
        t->word[i] = t->word[(i + MIDDLE) % WORDS] ^ y >> 1 ^ (y & 1 ? matrix : 0);
    }
    t->at = 0;
}

static uint32_t next(twister *t)
{
    if (t->at == WORDS) refill(t);
    uint32_t y = t->word[t->at++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680U;
    y ^= y << 15 & 0xefc60000U;
    return y ^ y >> 18;
}

/* Uniform in 0 .. most: bits are drawn until they are not above it. */
static uint32_t up_to(twister *t, uint32_t most)
{
    uint32_t mask = most, v;
    if (!most) return 0;
    for (int k = 1; k < 32; k *= 2) mask |= mask >> k;
    do v = next(t) & mask;
    while (v > most);
    return v;
}

/* ---- the list that Keras makes */

/* What Keras takes for an image. */
static bool keras_reads(const char *path)
{
    static const char *const endings[] = {".bmp", ".gif", ".jpeg", ".jpg", ".png"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++) {
        if (!strcasecmp(dot, endings[i])) return true;
    }
    return false;
}

/* Folders by their whole names, then files: so "a/z.jpg" is before "a/b/c.jpg". */
static int as_walked(const void *a, const void *b, void *index)
{
    const uint32_t *x = a, *y = b;
    const gf_index *in = index;
    if (in->sample[*x].class_id != in->sample[*y].class_id) {
        return in->sample[*x].class_id < in->sample[*y].class_id ? -1 : 1;
    }
    const char *s = gf_index_path(in, *x), *t = gf_index_path(in, *y);
    const char *s_name = strrchr(s, '/'), *t_name = strrchr(t, '/');
    size_t n = s_name ? (size_t)(s_name - s) : 0, m = t_name ? (size_t)(t_name - t) : 0;
    int order = memcmp(s, t, n < m ? n : m);
    if (!order && n != m) order = n < m ? -1 : 1;
    return order ? order : strcmp(s + n, t + m);
}

static void share_out(gf_index *index, uint32_t *list, uint32_t n, uint32_t validation, const gf_settings *s)
{
    qsort_r(list, n, sizeof *list, as_walked, index);
    if (gf_settings_given(s, GF_SET_DATA_SPLIT_SEED)) {
        twister t;
        seed_twister(&t, (uint32_t)gf_settings_whole(s, GF_SET_DATA_SPLIT_SEED));
        for (uint32_t i = n - 1; i > 0; i--) {
            uint32_t k = up_to(&t, i), aside = list[i];
            list[i] = list[k];
            list[k] = aside;
        }
    }
    for (uint32_t i = 0; i < n; i++) index->sample[list[i]].split = i < n - validation ? GF_TRAIN : GF_VALIDATION;
    gf_index_sort(index);
}

graft_status gf_split_as_keras(gf_index *index, const gf_data_options *o, graft_error *err)
{
    uint32_t *list = gf_new_n(index->n, uint32_t), n = 0;
    if (!list) return gf_fail_memory(err, index->n * sizeof *list, "the split");
    for (uint32_t i = 0; i < index->n; i++) {
        if (keras_reads(gf_index_path(index, i))) list[n++] = i;
    }
    uint32_t validation = (uint32_t)(gf_settings_real(o->settings, GF_SET_DATA_VALIDATION_SPLIT) * n),
             others = index->n - n;
    graft_status status = GRAFT_OK;
    if (!validation) {
        status = gf_fail(err, GF_E_OPTION_VALUE, NULL, "%s: of %u images the validation split is none",
                         GF_ESC(index->root), n);
    } else if (others) {
        status =
            gf_note_add(&index->notes, o->log, GF_WARNING, err,
                        "%u images have names that Keras does not read (.bmp, .gif, .jpeg, .jpg, .png): all of them "
                        "are for training",
                        others);
    }
    if (status == GRAFT_OK) share_out(index, list, n, validation, o->settings);
    gf_free(list);
    return status;
}
