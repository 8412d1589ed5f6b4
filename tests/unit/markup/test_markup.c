/* XML and YAML: what is read, and what is refused with its place. */
#include "markup/xml.h"
#include "markup/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static gf_xml xml(const char *text)
{
    gf_xml x;
    graft_error err = {0};
    if (gf_xml_parse(&x, text, strlen(text), "a.xml", &err)) fail_msg("%s", err.message);
    return x;
}

static void xml_refused(const char *text, size_t n, const char *message)
{
    gf_xml x;
    graft_error err = {0};
    assert_int_equal(gf_xml_parse(&x, text, n, "a.xml", &err), GRAFT_DATA);
    assert_int_equal(err.number, GF_E_MARKUP_SYNTAX);
    assert_string_equal(err.message, message);
    assert_int_equal(x.n, 0);
}

static void elements_have_names_texts_and_lines(void **state)
{
    (void)state;
    gf_xml x = xml("<?xml version='1.0'?>\n<a verified=\"yes\">\n <b> 1 &amp; 2 </b><c/>\n <b>x<d>y</d>z</b></a>");
    assert_string_equal(gf_xml_name(&x, 0), "a");
    assert_string_equal(gf_xml_text(&x, 0), "");
    size_t b = gf_xml_child(&x, 0, "b");
    assert_string_equal(gf_xml_text(&x, b), "1 & 2");
    assert_int_equal(x.element[b].line, 3);
    b = gf_xml_next(&x, b);
    assert_string_equal(gf_xml_text(&x, b), "xz");
    assert_int_equal(x.element[b].line, 4);
    assert_string_equal(gf_xml_child_text(&x, b, "d"), "y");
    assert_null(gf_xml_child_text(&x, b, "e"));
    assert_int_equal(gf_xml_next(&x, b), 0);
    assert_string_equal(gf_xml_child_text(&x, 0, "c"), "");
    gf_xml_free(&x);
}

static void xml_of_other_encodings_is_read(void **state)
{
    (void)state;
    static const char wide[] = "\xff\xfe<\0a\0>\0\xe9\0<\0/\0a\0>\0";
    gf_xml x;
    assert_int_equal(gf_xml_parse(&x, wide, sizeof wide - 1, "a.xml", NULL), GRAFT_OK);
    assert_string_equal(gf_xml_text(&x, 0), "\u00e9");
    gf_xml_free(&x);
    x = xml("<a>\xe9t\xe9</a>"); /* says nothing and is no UTF-8 */
    assert_string_equal(gf_xml_text(&x, 0), "\u00e9t\u00e9");
    gf_xml_free(&x);
    x = xml("<?xml version='1.0' encoding='iso-8859-1'?><a>\xe9</a>");
    assert_string_equal(gf_xml_text(&x, 0), "\u00e9");
    gf_xml_free(&x);
    x = xml("\xef\xbb\xbf<a>\xe2\x82\xac</a>\r\n");
    assert_string_equal(gf_xml_text(&x, 0), "\u20ac");
    gf_xml_free(&x);
}

static void bad_xml_is_refused_with_its_place(void **state)
{
    (void)state;
    xml_refused("", 0, "a.xml:1:1: no element found");
    xml_refused("<a>\n<b></a>", 11, "a.xml:2:6: mismatched tag");
    xml_refused("<a><b>", 6, "a.xml:1:7: no element found");
    const char *dtd = "<!DOCTYPE a [<!ENTITY l \"lol\">]><a>&l;</a>";
    gf_xml x;
    graft_error err = {0};
    assert_int_equal(gf_xml_parse(&x, dtd, strlen(dtd), "a.xml", &err), GRAFT_DATA);
    assert_non_null(strstr(err.message, "it has a DTD"));
    const char *entity = "<a>&l;</a>";
    xml_refused(entity, strlen(entity), "a.xml:1:4: undefined entity");
    char deep[400] = "";
    for (int i = 0; i < 65; i++) strcat(deep, "<a>");
    assert_int_equal(gf_xml_parse(&x, deep, strlen(deep), "a.xml", &err), GRAFT_DATA);
    assert_non_null(strstr(err.message, "more than 64 deep"));
}

static gf_yaml yaml(const char *text)
{
    gf_yaml y;
    graft_error err = {0};
    if (gf_yaml_parse(&y, text, strlen(text), "d.yaml", &err)) fail_msg("%s", err.message);
    return y;
}

static void maps_lists_and_scalars_are_read(void **state)
{
    (void)state;
    gf_yaml y =
        yaml("\xef\xbb\xbf# a comment\r\ntrain: ../train/images\r\nnames: ['a', \"b c\"]\r\nnc: 2\r\nmap:\r\n  0: x\r\n"
             "  1: y\r\nempty:\r\n");
    assert_int_equal(y.node[0].kind, GF_YAML_MAP);
    assert_string_equal(gf_yaml_text(&y, gf_yaml_get(&y, 0, "train")), "../train/images");
    size_t names = gf_yaml_get(&y, 0, "names"), item = gf_yaml_first(&y, names);
    assert_int_equal(y.node[names].kind, GF_YAML_LIST);
    assert_int_equal(y.node[names].line, 3);
    assert_string_equal(gf_yaml_text(&y, item), "a");
    item = gf_yaml_next(&y, item);
    assert_string_equal(gf_yaml_text(&y, item), "b c");
    assert_int_equal(gf_yaml_next(&y, item), 0);
    item = gf_yaml_first(&y, gf_yaml_get(&y, 0, "map"));
    assert_string_equal(gf_yaml_key(&y, item), "0");
    assert_string_equal(gf_yaml_text(&y, item), "x");
    assert_string_equal(gf_yaml_text(&y, gf_yaml_get(&y, 0, "empty")), "");
    assert_null(gf_yaml_text(&y, names));
    assert_int_equal(gf_yaml_get(&y, 0, "none"), 0);
    assert_int_equal(gf_yaml_get(&y, names, "a"), 0);
    gf_yaml_free(&y);
    y = yaml(""); /* nothing at all is an empty scalar */
    assert_string_equal(gf_yaml_text(&y, 0), "");
    gf_yaml_free(&y);
}

static void bad_yaml_is_refused_with_its_place(void **state)
{
    (void)state;
    const struct {
        const char *text, *message;
    } bad[] = {
        {"a: [1, 2\nb: 3\n", "d.yaml:2:2: did not find expected ',' or ']'"},
        {"a: &x 1\nb: *x\n", "d.yaml:1:4: anchors are not read"},
        {"a: *x\n", "d.yaml:1:4: aliases are not read"},
        {"a: &x [1]\n", "d.yaml:1:4: anchors are not read"},
        {"a: 1\na: 2\n", "d.yaml:2:1: a key is there twice"},
        {"[a, b]: 1\n", "d.yaml:1:1: a key is a list or a map"},
        {"a: 1\n---\nb: 1\n", "d.yaml:2:1: more than one document"},
        {"a: \xff\n", "d.yaml:1:1: invalid leading UTF-8 octet"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gf_yaml y;
        graft_error err = {0};
        assert_int_equal(gf_yaml_parse(&y, bad[i].text, strlen(bad[i].text), "d.yaml", &err), GRAFT_DATA);
        assert_string_equal(err.message, bad[i].message);
        assert_int_equal(y.n, 0);
    }
    char deep[66] = "";
    memset(deep, '[', 65);
    gf_yaml y;
    graft_error err = {0};
    assert_int_equal(gf_yaml_parse(&y, deep, 65, "d.yaml", &err), GRAFT_DATA);
    assert_string_equal(err.message, "d.yaml:1:65: nested more than 64 deep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_have_names_texts_and_lines), cmocka_unit_test(xml_of_other_encodings_is_read),
        cmocka_unit_test(bad_xml_is_refused_with_its_place),   cmocka_unit_test(maps_lists_and_scalars_are_read),
        cmocka_unit_test(bad_yaml_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
