/* MixUp and CutMix in a run: what the network reads and what the loss is told are blended by one share, of one partner;
 * threads and a stop change no bit, in f32 and where the frozen part is in int8. */
#include "support/needs.h"
#include "support/ok.h"
#include "support/run_bytes.h"
#include "support/run_places.h"

#include "api/internal.h"

#include <math.h>

enum { SIDE = 32, N = SIDE * SIDE * 3, TRAIN = 12 };

static const char *const words[] = {"mixup=1", "flip,cutmix,rotate=0.1"};

static graft_status train(const char *out, const char *augment, const char *precision, int threads, tiny_stop *stop)
{
    tiny_run t;
    tiny_run_defaults(&t, data, out);
    t.context.threads = threads;
    t.train.augment = augment;
    t.precision = precision;
    if (stop) tiny_run_stop(&t, stop);
    graft_context *context = NULL;
    OK(graft_context_open(&t.context, &context, &error));
    graft_status status = tiny_run_train_in(&t, context, &error);
    graft_context_free(context);
    return status;
}

static void resume(const char *out)
{
    graft_context_options options;
    graft_context *context;
    graft_result *result;
    graft_context_defaults(&options);
    OK(graft_context_open(&options, &context, &error));
    OK(graft_resume(context, out, NULL, &result, &error));
    graft_result_free(result);
    graft_context_free(context);
}

static void the_same_bits(void **state)
{
    (void)state;
    const char *lacking = needs_lacking("int8");
    for (int i = 0; i < 4; i++) {
        const char *augment = words[i / 2], *precision = i % 2 && !lacking ? "int8" : "f32";
        tiny_stop stop = {.left = 3 + i};
        OK(train(reference, augment, precision, 2, NULL));
        OK(train(run, augment, precision, 3, NULL));
        run_bytes_equal(reference, run, augment);
        assert_int_equal(train(run, augment, precision, 1, &stop), GRAFT_TERMINATED);
        resume(run);
        run_bytes_equal(reference, run, augment);
        OK(train(run, "none", precision, 2, NULL));
        run_bytes_differ(reference, run, "not blended");
    }
}

/* The image and its target say the same: with images of one color each (tiny_data.h's classes are such, but for
 * noise), the color's share is the target's. */
static void a_target_says_what_the_image_is(void **state)
{
    (void)state;
    graft_context_options options;
    graft_context *context;
    graft_data_options how;
    graft_data *d;
    gf_data_feed f;
    gf_augment_spec spec;
    static float plain[TRAIN][N], got[N], scratch[N];
    graft_context_defaults(&options);
    OK(graft_context_open(&options, &context, &error));
    graft_data_defaults(&how);
    how.width = how.height = SIDE;
    OK(graft_data_open(context, data, &how, &d, &error));
    OK(gf_data_feed_open(&f, d->data, 1, &error));
    gf_feed feed = gf_data_feed_of(&f);
    const gf_input_layout in = {.dtype = GF_F32, .shape = GF_SHAPE(SIDE, SIDE, 3)};
    float *dst = got;
    gf_class_target t;
    for (uint32_t i = 0; i < TRAIN; i++) {
        const gf_request q = {.sample = i, .training = true, .scratch = scratch};
        OK(feed.fill(feed.ctx, &q, &in, (void *const *)&dst, &t, &error));
        assert_true(t.share == 1 && t.label == t.other && t.label == (int)d->data->index->sample[i].class_id);
        memcpy(plain[i], got, sizeof got);
    }
    OK(gf_augment_parse("mixup=1", &spec, &error));
    OK(gf_data_feed_change(&f, &spec, 5, &error));
    bool of_two_classes = false;
    for (uint32_t i = 0; i < TRAIN; i++) {
        const gf_request q = {.epoch = 1, .sample = i, .training = true, .scratch = scratch};
        OK(feed.fill(feed.ctx, &q, &in, (void *const *)&dst, &t, &error));
        assert_true(t.share >= 0.5f && t.share <= 1);
        int own = (int)d->data->index->sample[i].class_id, partners = 0;
        for (uint32_t j = 0; j < TRAIN; j++) { /* the partner is the one image that explains all values */
            int other = (int)d->data->index->sample[j].class_id;
            bool whole = (t.label == own && t.other == other) || (t.label == other && t.other == own);
            for (int way = 0; whole && way < 2; way++) {
                double a = way ? 1 - (double)t.share : (double)t.share, off = 0;
                if (!way != (t.label == own) && own != other) continue;
                for (int k = 0; k < N; k++) {
                    off = fmax(off, fabs(a * (double)plain[i][k] + (1 - a) * (double)plain[j][k] - (double)got[k]));
                }
                partners += off <= 1e-3;
            }
        }
        assert_true(partners >= 1);
        of_two_classes = of_two_classes || (t.label != t.other && t.share < 0.9f);
    }
    assert_true(of_two_classes);
    gf_data_feed_close(&f);
    graft_data_free(d);
    graft_context_free(context);
}

static int set_up(void **state)
{
    (void)state;
    return run_places_make(6, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_target_says_what_the_image_is),
                                       cmocka_unit_test(the_same_bits)};
    return cmocka_run_group_tests(tests, set_up, run_places_remove);
}
