/* XML and YAML where memory runs out: nothing leaks, the error says so. libyaml's own memory is not counted. */
#include "markup/xml.h"
#include "markup/yaml.h"

#include "support/fail_each.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static graft_status parse_xml(graft_error *err)
{
    const char *text = "<a><b>1</b><c>2 &lt; 3</c><d><e>x</e></d></a>";
    gf_xml x;
    GF_TRY(gf_xml_parse(&x, text, strlen(text), "a.xml", err));
    gf_xml_free(&x);
    return GRAFT_OK;
}

static graft_status parse_yaml(graft_error *err)
{
    gf_yaml y;
    GF_TRY(gf_yaml_parse(&y, "", 0, "d.yaml", err));
    gf_yaml_free(&y);
    const char *text = "a: [1, 2, 3, 4, 5, 6, 7, 8]\nb: {c: d}\n";
    GF_TRY(gf_yaml_parse(&y, text, strlen(text), "d.yaml", err));
    gf_yaml_free(&y);
    return GRAFT_OK;
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    assert_true(fail_each(FAULT_ALLOC, parse_xml, NULL) > 10);
    assert_true(fail_each(FAULT_ALLOC, parse_yaml, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_failed_allocation_is_survived)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
