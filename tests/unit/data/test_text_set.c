/* data: texts as a data set: labelled, split with equal texts on one side, laid out as pieces; what cannot be used is
 * left out or refused as the policy says. */
#include "data/text_set.h"
#include "support/ok.h"
#include "support/own_dir.h"

static const char vocabulary[] = GRAFT_FIXTURES "/text/bert";

static const char *put(const char *name, const char *text)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static gf_data_options defaults(void)
{
    gf_data_options o;
    gf_data_defaults(&o);
    o.least_classes = 2;
    return o;
}

/* 40 rows, of which each text is there twice. */
static void equal_texts_are_in_one_part(void **state)
{
    (void)state;
    gf_text t = {0};
    gf_text_add(&t, "text\tlabel\n");
    for (int i = 0; i < 40; i++) gf_text_printf(&t, "review number %d\t%s\n", i % 20, i % 2 ? "good" : "bad");
    const char *path = put("twice.tsv", t.s);
    gf_data_options o = defaults();
    gf_dataset *d;
    OK(gf_dataset_open(&d, path, &o, NULL, &error));
    assert_non_null(gf_text_set_texts(d));
    assert_string_equal(d->cls->name, "texts");
    assert_int_equal(d->index->n, 40);
    uint32_t validation = d->index->first[GF_TEST] - d->index->first[GF_VALIDATION];
    assert_true(validation > 0 && validation < 40);
    int part[20];
    memset(part, -1, sizeof part);
    for (uint32_t i = 0; i < 40; i++) {
        const gf_sample *s = &d->index->sample[i];
        int number = atoi(gf_texts_text(gf_text_set_texts(d), (size_t)s->inode) + strlen("review number "));
        assert_int_equal(s->class_id, number % 2); /* bad, good */
        assert_true(part[number] < 0 || part[number] == s->split);
        part[number] = s->split;
    }
    gf_sha256 one, other;
    OK(gf_index_digest(d->index, &one, &error));
    gf_dataset_close(d);
    OK(gf_dataset_open(&d, path, &o, NULL, &error));
    OK(gf_index_digest(d->index, &other, &error));
    assert_memory_equal(&one, &other, sizeof one);
    gf_dataset_close(d);
    gf_text_free(&t);
}

static void a_sample_is_pieces_and_a_class(void **state)
{
    (void)state;
    enum { PLACES = 6 };
    static const char rows[] = "text\tlabel\tsplit\nA good film\tyes\ttrain\nthe cast was very very dull\tno\ttrain\n";
    const int32_t want[2][PLACES] = {{2, 9, 5, 7, 3, -1}, {2, 10, 22, 12, 14, 3}};
    gf_data_options o = defaults();
    gf_tokenizer t;
    gf_dataset *d;
    gf_data_feed feed;
    o.split[0] = 1;
    o.split[1] = 0;
    OK(gf_tokenizer_open(&t, vocabulary, NULL, 0, &error));
    OK(gf_dataset_open(&d, put("two.tsv", rows), &o, NULL, &error));
    gf_text_set_use(d, &t);
    OK(gf_data_feed_open(&feed, d, 1, &error));
    const gf_input_layout in = {.dtype = GF_S32, .shape = GF_SHAPE(PLACES)};
    for (uint32_t i = 0; i < 2; i++) {
        int32_t got[PLACES];
        void *dst[] = {got};
        gf_class_target target;
        gf_feed f = gf_data_feed_of(&feed);
        OK(f.fill(f.ctx, &(gf_request){.sample = i}, &in, dst, &target, &error));
        size_t row = (size_t)d->index->sample[i].inode;
        assert_memory_equal(got, want[row], sizeof got);
        assert_int_equal(target.label, row ? 0 : 1);
        assert_true(target.share == 1);
        gf_shown shown;
        OK(gf_data_feed_show(&feed, i, false, 0, &shown, &error));
        assert_string_equal(shown.text, row ? "the cast was very very dull" : "A good film");
        gf_free(shown.text);
    }
    gf_augment_spec flip;
    OK(gf_augment_parse("flip", &flip, &error));
    assert_int_equal(gf_data_feed_change(&feed, &flip, 0, &error), GRAFT_USAGE);
    gf_data_feed_close(&feed);
    gf_dataset_close(d);
    gf_tokenizer_close(&t);
}

static void refused(const char *path, const gf_data_options *o, int number, const char *message)
{
    gf_dataset *d;
    assert_int_not_equal(gf_dataset_open(&d, path, o, NULL, &error), GRAFT_OK);
    assert_int_equal(error.number, number);
    if (!strstr(error.message, message)) fail_msg("%s, wanted %s", error.message, message);
}

static void what_cannot_be_used(void **state)
{
    (void)state;
    gf_data_options o = defaults();
    gf_dataset *d;
    const char *path = put("some.tsv", "text\tlabel\ngood\tyes\nbad\tno\nshort\t\nbad too\tno\nwarm\tyes\n");
    OK(gf_dataset_open(&d, path, &o, NULL, &error));
    assert_int_equal(d->index->n, 4); /* one has no label */
    gf_dataset_close(d);
    static const char *const classes[] = {"yes", "perhaps"};
    o.classes = classes;
    o.n_classes = 2;
    refused(path, &o, GF_E_CSV_LABEL, "some.tsv:3: label no is none of the model's classes");
    o = defaults();
    refused(put("one.tsv", "text\tlabel\ngood\tyes\nwarm\tyes\n"), &o, GF_E_DATA_ONE_CLASS, "the class \"yes\" alone");
    path = put("ragged.tsv", "text\tlabel\ngood\tyes\nbad\tno\twhat\nwarm\tyes\nbad\tno\n");
    refused(path, &o, GF_E_TEXT_ROWS, "ragged.tsv:3");
    o.bad_images = GF_BAD_SKIP;
    o.max_bad = 0.5;
    OK(gf_dataset_open(&d, path, &o, NULL, &error));
    assert_int_equal(d->index->n, 3);
    assert_int_equal(d->n_bad, 1);
    gf_dataset_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_texts_are_in_one_part),
        cmocka_unit_test(a_sample_is_pieces_and_a_class),
        cmocka_unit_test(what_cannot_be_used),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
