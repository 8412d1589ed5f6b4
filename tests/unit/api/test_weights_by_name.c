/* The catalogue against the zoo: what it says of weights is what the architectures say of theirs. */
#include "base/alloc.h"
#include "base/io.h"
#include "fetch/catalogue.h"
#include "zoo/zoo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static gf_catalogue *own_catalogue(void)
{
    uint8_t *text;
    size_t n;
    gf_catalogue *c;
    static const char path[] = GRAFT_FIXTURES "/../../share/graft/catalogue.json";
    assert_int_equal(gf_file_read(path, 1 << 24, &text, &n, NULL), GRAFT_OK);
    assert_int_equal(gf_catalogue_parse(&c, text, n, path, NULL), GRAFT_OK);
    gf_free(text);
    return c;
}

static void weights_are_of_architectures_that_exist(void **state)
{
    (void)state;
    gf_catalogue *c = own_catalogue();
    for (size_t i = 0; i < c->n; i++) {
        const gf_weights_entry *e = &c->item[i];
        const gf_architecture *a = e->architecture ? gf_zoo_find(e->architecture) : NULL;
        if (!a || strcmp(a->preprocess, e->preprocessing)) print_error("%s\n", e->name);
        assert_non_null(a);
        assert_string_equal(a->preprocess, e->preprocessing);
        assert_true(a->has_alpha || e->alpha == 1);
    }
    gf_catalogue_destroy(c);
}

static void every_architecture_has_weights(void **state)
{
    (void)state;
    gf_catalogue *c = own_catalogue();
    size_t n = 0;
    for (const gf_architecture *a; (a = gf_zoo_at(n)); n++) {
        for (int top = 0; top < 2; top++) {
            gf_weights_use use = {a->name, 1, a->size, a->size, top};
            const gf_weights_entry *e = gf_catalogue_choose(c, "imagenet", &use);
            if (!e) print_error("no ImageNet weights for %s\n", a->name);
            assert_non_null(e);
            /* four bytes a value; what formats add is little beside it */
            assert_true(e->size_most > 4 * (int64_t)(top ? a->params_top : a->params));
        }
    }
    assert_true(n >= 14);
    gf_catalogue_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_of_architectures_that_exist),
        cmocka_unit_test(every_architecture_has_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
