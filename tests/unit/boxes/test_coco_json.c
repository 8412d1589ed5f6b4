/* COCO's files: what is read, and what is told of those that do not hold. */
#include "boxes/coco_eval.h"
#include "boxes/coco_json.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define IMAGES "\"images\":[{\"id\":7},{\"id\":-3}]"
#define CATEGORIES "\"categories\":[{\"id\":9,\"name\":\"dog\"},{\"id\":2,\"name\":\"cat\"}]"
#define TRUTH(annotations) "{" IMAGES "," CATEGORIES ",\"annotations\":[" annotations "]}"

static void ids_of_any_value_and_order_are_read(void **state)
{
    (void)state;
    const char *text = TRUTH("{\"image_id\":7,\"category_id\":2,\"bbox\":[1,2,3.5,4]},"
                             "{\"image_id\":-3,\"category_id\":9,\"bbox\":[0,0,2,2],\"area\":3,\"iscrowd\":1}");
    gf_coco_truth t;
    graft_error err = {0};
    assert_int_equal(gf_coco_parse_truth(&t, text, strlen(text), "t.json", &err), GRAFT_OK);
    assert_int_equal(t.images, 2);
    assert_true(t.image[0] == -3 && t.image[1] == 7);
    assert_true(t.categories == 2 && t.category[0] == 2 && t.category[1] == 9);
    assert_string_equal(t.name.item[0], "cat");
    assert_string_equal(t.name.item[1], "dog");
    assert_int_equal(t.truths, 2);
    assert_true(t.truth[0].area == 14 && !t.truth[0].crowd && t.truth[0].box.w == 3.5);
    assert_true(t.truth[1].area == 3 && t.truth[1].crowd && t.truth[1].image == -3);
    gf_coco_truth_free(&t);
}

static void what_does_not_hold_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct row {
        const char *text, *results;
        int number;
        const char *words[2];
    } row[] = {
        {"[]", NULL, 1130, {"t.json", "no list \"images\""}},
        {"{\"images\":[{\"id\":\"a.jpg\"}]}", NULL, 1130, {"images[0]", "\"id\""}},
        {"{\"images\":[{\"id\":1},{\"id\":2},{\"id\":1}]}", NULL, 1131, {"images[0] and images[2]", "1"}},
        {"{" IMAGES ",\"categories\":[{\"id\":1}],\"annotations\":[]}", NULL, 1130, {"categories[0]", "\"name\""}},
        {"{" IMAGES "," CATEGORIES "}", NULL, 1130, {"t.json", "\"annotations\""}},
        {TRUTH("{\"image_id\":8,\"category_id\":2,\"bbox\":[1,2,3,4]}"), NULL, 1131, {"annotations[0]", "image 8"}},
        {TRUTH("{\"image_id\":7,\"category_id\":3,\"bbox\":[1,2,3,4]}"), NULL, 1131, {"annotations[0]", "category 3"}},
        {TRUTH("{\"image_id\":7,\"category_id\":2,\"bbox\":[1,2,3]}"), NULL, 1130, {"annotations[0]", "\"bbox\""}},
        {TRUTH("{\"image_id\":7,\"category_id\":2,\"bbox\":[1,2,-3,4]}"), NULL, 1132, {"annotations[0]", "-3"}},
        {TRUTH("{\"image_id\":7,\"category_id\":2,\"bbox\":[1,null,3,4]}"), NULL, 1132, {"annotations[0]", "nan"}},
        {TRUTH("{\"image_id\":7,\"category_id\":2,\"bbox\":[1,2,3,4],\"area\":\"x\"}"),
         NULL,
         1130,
         {"annotations[0]", "\"area\""}},
        {"{", NULL, 3201, {"t.json", "1"}},
        {TRUTH(""), "{}", 1130, {"r.json", "not a list of detections"}},
        {TRUTH(""), "[{\"image_id\":7,\"category_id\":2,\"bbox\":[1,2,3,4]}]", 1130, {"results[0]", "\"score\""}},
        {TRUTH(""),
         "[{\"image_id\":1,\"category_id\":2,\"bbox\":[1,2,3,4],\"score\":1}]",
         1131,
         {"results[0]", "image 1"}},
        {TRUTH(""), "[{\"image_id\":7,\"category_id\":2,\"bbox\":7,\"score\":1}]", 1130, {"results[0]", "\"bbox\""}},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_coco_truth t;
        gf_detection *found = NULL;
        size_t n;
        graft_error err = {0};
        graft_status status = gf_coco_parse_truth(&t, row[i].text, strlen(row[i].text), "t.json", &err);
        if (row[i].results) {
            assert_int_equal(status, GRAFT_OK);
            status = gf_coco_parse_results(&found, &n, &t, row[i].results, strlen(row[i].results), "r.json", &err);
        }
        assert_int_not_equal(status, GRAFT_OK);
        if (err.number != row[i].number) fail_msg("row %zu: %d %s", i, err.number, err.message);
        for (int w = 0; w < 2; w++)
            if (!strstr(err.message, row[i].words[w]))
                fail_msg("row %zu: no '%s' in: %s", i, row[i].words[w], err.message);
        assert_null(found);
        gf_coco_truth_free(&t);
    }
}

static void files_are_read(void **state)
{
    (void)state;
    gf_coco_truth t;
    gf_detection *found;
    size_t n;
    graft_error err = {0};
    assert_int_equal(gf_coco_read_truth(&t, GRAFT_FIXTURES "/boxes/truth.json", &err), GRAFT_OK);
    assert_int_equal(gf_coco_read_results(&found, &n, &t, GRAFT_FIXTURES "/boxes/results.json", &err), GRAFT_OK);
    assert_true(n > 50 && t.truths > 10);
    gf_free(found);
    assert_int_equal(gf_coco_read_results(&found, &n, &t, GRAFT_FIXTURES "/boxes/none.json", &err), GRAFT_RESOURCE);
    gf_coco_truth_free(&t);
    assert_int_not_equal(gf_coco_read_truth(&t, GRAFT_FIXTURES "/boxes/results.json", &err), GRAFT_OK);
    assert_non_null(strstr(err.hint, "--results"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_any_value_and_order_are_read),
        cmocka_unit_test(what_does_not_hold_is_told_with_its_place),
        cmocka_unit_test(files_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
