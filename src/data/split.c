/* Sharing out samples over train, validation and test. Everything hangs on the seed and the sorted samples alone. */
#include "base/decide.h"
#include "base/rng.h"
#include "data/split_rules.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STREAM_STRATIFIED, STREAM_TEST }; /* the epoch field of the generator's counter tells the two uses apart */

/* n images of one class: how many go to validation and test. Training keeps one; a part that is asked for gets one
 * where there are enough. */
static void share_out(uint32_t n, const double share[3], uint32_t *validation, uint32_t *test)
{
    uint32_t most = n ? n - 1 : 0;
    *validation = (uint32_t)floor(n * share[1] + 0.5);
    *test = (uint32_t)floor(n * share[2] + 0.5);
    if (!*validation && share[1] > 0) *validation = 1;
    if (!*test && share[2] > 0) *test = 1;
    while (*validation + *test > most) {
        uint32_t *from = *test && *test >= *validation ? test : validation;
        --*from;
    }
}

static graft_status split_class(gf_index *index, uint32_t class_id, const uint32_t *member, uint32_t n,
                                const double share[3], const gf_log *log, graft_error *err)
{
    uint32_t validation, test;
    share_out(n, share, &validation, &test);
    for (uint32_t i = 0; i < validation + test; i++) {
        index->sample[member[i]].split = i < validation ? GF_VALIDATION : GF_TEST;
    }
    bool short_of = (share[1] > 0 && !validation) || (share[2] > 0 && !test);
    if (!n || !short_of) return GRAFT_OK;
    return gf_note_add(&index->notes, log, GF_WARNING, err, "class %s has only %u image%s: none of it for %s",
                       GF_ESC(index->classes.item[class_id]), n, n == 1 ? "" : "s",
                       validation     ? "test"
                       : share[2] > 0 ? "validation or test"
                                      : "validation");
}

/* Each class by itself (stratified): its samples, sorted by path, are shuffled and cut. */
static graft_status split_training(gf_index *index, const double share[3], const gf_data_options *options,
                                   graft_error *err)
{
    uint32_t n = index->first[GF_TRAIN + 1];
    size_t classes = index->classes.n;
    uint32_t *start = gf_new_n(classes + 1, uint32_t);
    uint32_t *member = gf_new_n(n, uint32_t);
    graft_status status = GRAFT_OK;
    if (!start || !member) GF_GOTO(gf_fail_memory(err, n * sizeof *member, "the split"));
    for (uint32_t i = 0; i < n; i++) start[index->sample[i].class_id + 1]++;
    for (size_t c = 0; c < classes; c++) start[c + 1] += start[c];
    for (uint32_t i = 0; i < n; i++) member[start[index->sample[i].class_id]++] = i;
    for (uint32_t c = 0; c < classes; c++) { /* start[c] has become the end of class c */
        uint32_t from = c ? start[c - 1] : 0;
        gf_rng r = gf_rng_make(options->seed, GF_PURPOSE_SPLIT, STREAM_STRATIFIED, c);
        gf_rng_shuffle(&r, member + from, start[c] - from);
        GF_GOTO(split_class(index, c, member + from, start[c] - from, share, options->log, err));
    }
    gf_index_sort(index);
out:
    gf_free(start);
    gf_free(member);
    return status;
}

/* As the Keras tutorial takes its test set: validation shuffled once, cut into batches, the first of them are the
 * test set. */
static graft_status take_test(gf_index *index, const gf_data_options *options, graft_error *err)
{
    uint32_t first = index->first[GF_VALIDATION], n = index->first[GF_TEST] - first;
    if (index->first[GF_SPLITS] > index->first[GF_TEST]) {
        return gf_fail(err, GF_E_USAGE, "leave one of the two out",
                       "%s: has a test set of its own, and one is to be taken from validation", GF_ESC(index->root));
    }
    uint32_t batches = (uint32_t)(((uint64_t)n + options->batch - 1) / options->batch);
    /* the small term: 0.29 * 100 must be 29 */
    uint32_t test_batches = (uint32_t)floor(options->test_from_validation * batches + 1e-9);
    uint64_t take = (uint64_t)test_batches * options->batch;
    if (!take) {
        return gf_note_add(&index->notes, options->log, GF_WARNING, err,
                           "%u validation images are too few to take a test set from: %g of %u batches is none", n,
                           options->test_from_validation, batches);
    }
    uint32_t *member = gf_new_n(n, uint32_t);
    if (!member) return gf_fail_memory(err, n * sizeof *member, "the split");
    for (uint32_t i = 0; i < n; i++) member[i] = first + i;
    gf_rng r = gf_rng_make(options->seed, GF_PURPOSE_SPLIT, STREAM_TEST, 0);
    gf_rng_shuffle(&r, member, n);
    for (uint64_t i = 0; i < take && i < n; i++) index->sample[member[i]].split = GF_TEST;
    gf_free(member);
    gf_index_sort(index);
    return GRAFT_OK;
}

static bool by_content(const gf_index *index, const gf_settings *s)
{
    return index->groups.n || gf_settings_given(s, GF_SET_DATA_SPLIT_FILE) ||
           !strcmp(gf_settings_text(s, GF_SET_DATA_SPLIT_BY), "content");
}

/* Told where it is kept, as a run does: who evaluates all images is not interested. */
static void say_split(const gf_index *index, const double share[3], const gf_data_options *o)
{
    char value[96];
    uint32_t n[GF_SPLITS];
    if (!o->log || !o->log->decisions) return;
    for (int s = 0; s < GF_SPLITS; s++) n[s] = index->first[s + 1] - index->first[s];
    const gf_settings *by_name = o->settings;
    snprintf(value, sizeof value, "%u training, %u validation, %u test", n[GF_TRAIN], n[GF_VALIDATION], n[GF_TEST]);
    if (gf_settings_given(by_name, GF_SET_DATA_VALIDATION_SPLIT)) {
        gf_decide(o->log, "split", value,
                  "the data has no validation set: the files that Keras's "
                  "image_dataset_from_directory takes");
        return;
    }
    const char *how = index->sets ? " as nearly as labels that go together allow (iterative stratification)" : "";
    gf_decide(o->log, "split", value,
              "the data has no validation set: %g %% of each class%s, %g %% for test; seed %llu", 100 * share[1],
              by_content(index, by_name) ? "" : how, 100 * share[2], (unsigned long long)o->seed);
}

graft_status gf_index_split(gf_index *index, const gf_data_options *options, graft_error *err)
{
    bool has_validation = index->first[GF_TEST] > index->first[GF_VALIDATION];
    bool has_test = index->first[GF_SPLITS] > index->first[GF_TEST];
    const double share[3] = {0, options->split[1], has_test ? 0 : options->split[2]};
    const gf_settings *s = options->settings;
    GF_TRY(gf_split_find_groups(index, options, err));
    bool keras = gf_settings_given(s, GF_SET_DATA_VALIDATION_SPLIT);
    if (keras && (has_validation || has_test)) {
        return gf_fail(err, GF_E_USAGE, "leave it out, or give the folder of one part",
                       "%s: has parts already, and a validation split is asked for", GF_ESC(index->root));
    }
    index->shared_out = keras || !has_validation || options->test_from_validation > 0;
    if (keras) {
        GF_TRY(gf_split_as_keras(index, options, err));
        say_split(index, share, options);
    } else if (!has_validation && (share[1] > 0 || share[2] > 0)) {
        const double parts[GF_SPLITS] = {1 - share[1] - share[2], share[1], share[2]};
        if (by_content(index, s))
            GF_TRY(gf_split_by_content(index, parts, options, err));
        else if (index->sets)
            GF_TRY(gf_split_labels(index, parts, options, err));
        else
            GF_TRY(split_training(index, share, options, err));
        say_split(index, share, options);
    }
    if (options->test_from_validation > 0) GF_TRY(take_test(index, options, err));
    return gf_split_check_groups(index, options, err);
}
