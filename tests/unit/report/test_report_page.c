/* report.html: well-formed, self-contained, escaped, accessible; and the folder that gf_report_write leaves. */
#include "base/alloc.h"
#include "base/io.h"
#include "image/image.h"
#include "report/events.h"
#include "report/report.h"
#include "unit/report/fake_run.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* The page without the contents of its data: URLs (they are checked apart). */
static char *page_of(const gf_run_record *r)
{
    char *html;
    size_t n;
    assert_int_equal(gf_report_page(&html, &n, r, NULL), GRAFT_OK);
    assert_int_equal(strlen(html), n);
    return html;
}

static bool has(const char *html, const char *what) { return strstr(html, what) != NULL; }

/* A strict reader of tags: attributes are quoted, every element is closed in order, text has no bare < or &. */
typedef struct tags {
    const char *at;
    char open[64][16];
    int depth;
    int images, headings;
} tags;

static void read_entity(tags *in)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!strncmp(in->at, known[i], strlen(known[i]))) {
            in->at += strlen(known[i]);
            return;
        }
    }
    fail_msg("not an entity: %.20s", in->at);
}

/* Reads the attributes up to > or />; true: closed at once. *alt is told whether an alt text is there. */
static bool read_attributes(tags *in, bool *alt)
{
    for (;;) {
        while (isspace((unsigned char)*in->at)) in->at++;
        if (*in->at == '>') return in->at++, false;
        if (in->at[0] == '/' && in->at[1] == '>') return in->at += 2, true;
        const char *name = in->at;
        while (isalpha((unsigned char)*in->at) || *in->at == '-') in->at++;
        assert_true(in->at > name);
        *alt |= in->at - name == 3 && !strncmp(name, "alt", 3) && strncmp(in->at, "=\"\"", 3);
        assert_int_equal(*in->at++, '=');
        assert_int_equal(*in->at++, '"');
        while (*in->at != '"') {
            assert_true(*in->at && *in->at != '<' && *in->at != '>');
            if (*in->at == '&') {
                read_entity(in);
            } else {
                in->at++;
            }
        }
        in->at++;
    }
}

static void read_tag(tags *in)
{
    bool closing = in->at[1] == '/';
    in->at += closing ? 2 : 1;
    char name[16];
    size_t n = strspn(in->at, "abcdefghijklmnopqrstuvwxyz123");
    assert_true(n > 0 && n < sizeof name);
    memcpy(name, in->at, n);
    name[n] = 0;
    in->at += n;
    if (closing) {
        assert_int_equal(*in->at++, '>');
        assert_true(in->depth > 0);
        assert_string_equal(name, in->open[--in->depth]);
        return;
    }
    bool alt = false, empty = read_attributes(in, &alt);
    if (!strcmp(name, "img")) {
        in->images++;
        assert_true(alt);
    }
    in->headings += name[0] == 'h' && name[1] >= '1' && name[1] <= '3';
    if (empty) return;
    assert_true(in->depth < 64);
    memcpy(in->open[in->depth++], name, n + 1);
}

static tags check_well_formed(const char *html)
{
    tags in = {.at = html};
    static const char doctype[] = "<!DOCTYPE html>";
    assert_int_equal(strncmp(in.at, doctype, sizeof doctype - 1), 0);
    in.at += sizeof doctype - 1;
    while (*in.at) {
        if (*in.at == '<') {
            read_tag(&in);
        } else if (*in.at == '&') {
            read_entity(&in);
        } else {
            assert_true(*in.at != '>' || (in.depth && !strcmp(in.open[in.depth - 1], "style")));
            in.at++;
        }
    }
    assert_int_equal(in.depth, 0);
    return in;
}

static void page_is_well_formed_and_needs_nothing_else(void **state)
{
    (void)state;
    fake_run f;
    fake_run_fill(&f);
    char *html = page_of(&f.record);
    tags found = check_well_formed(html);
    assert_int_equal(found.images,
                     5 + 12 + 12 + 3 + 2 + 1 + 9 +
                         9); /* plots; predictions, detections, missed, false, mistakes, samples, changed */
    assert_true(found.headings >= 12);
    assert_true(has(html, "<html lang=\"en\">") && has(html, "<meta charset=\"utf-8\"/>"));
    assert_true(has(html, "prefers-color-scheme: dark") && has(html, "default-src 'none'"));
    assert_false(has(html, "<script") || has(html, "http://") || has(html, "https://") || has(html, "url("));
    assert_false(has(html, "href="));
    for (const char *p = html; (p = strstr(p, "src")); p++) { /* src= and srcset= */
        if (p[-1] == ' ') assert_true(!strncmp(p + strcspn(p, "\""), "\"data:image/", 12));
    }
    assert_true(strlen(html) < 3 << 20);
    gf_free(html);
}

static void foreign_text_is_escaped(void **state)
{
    (void)state;
    fake_run f;
    fake_run_fill(&f);
    f.classes[0] = "c\xff<script>alert(1)</script>\x1b";
    char *html = page_of(&f.record);
    check_well_formed(html);
    assert_true(has(html, "<h1>cats &amp; &lt;dogs&gt;</h1>"));
    assert_true(has(html, "<title>cats &amp; &lt;dogs&gt;</title>"));
    assert_true(has(html, "c\\xff&lt;script&gt;alert(1)&lt;/script&gt;\\x1b"));
    assert_true(has(html, "<td>/tmp/&quot;a&quot;&amp;&#39;b&#39;</td>"));
    assert_true(has(html, "<pre>graft train &quot;data&quot; --out runs/&lt;x&gt;</pre>"));
    assert_true(has(html, "alt=\"a/&lt;photo&gt;.jpg: predicted "));
    assert_false(has(html, "<script") || has(html, "\x1b") || has(html, "\xff"));
    gf_free(html);
}

static void figures_of_the_run_are_on_the_page(void **state)
{
    (void)state;
    fake_run f;
    fake_run_fill(&f);
    char *html = page_of(&f.record);
    static const char *const wanted[] = {
        "<th scope=\"row\">Before training, validation set</th><td class=\"n\">200</td><td class=\"n\">0.8000</td>"
        "<td class=\"n\">45.00 %</td>",
        "<th scope=\"row\">Best weights, test set</th><td class=\"n\">200</td><td class=\"n\">0.1200</td>"
        "<td class=\"n\">93.00 %</td>",
        "The weights of epoch 5 were kept.",
        "<th scope=\"row\">cats</th><td class=\"n\">100</td><td class=\"n\">95.7 %</td><td class=\"n\">90.0 %</td>"
        "<td class=\"n\">92.8 %</td>",
        "<th scope=\"row\">all</th><td class=\"n\">1,000</td><td class=\"n\">200</td>",
        "<th scope=\"row\">cats</th><td class=\"n\">90</td><td class=\"n\">-</td>",
        "<b>93.0 %</b><span>accuracy on the test set</span>",
        "<b>1 min 0 s</b>",
        "<b>400 MB</b>",
        "<figcaption><i>\u2717</i> <b>cats</b> <i>63.0 %</i><br/>(&lt;dogs&gt;)",
        "<figcaption><i>\u2713</i> <b>cats</b> <i>60.0 %</i><br/>(cats)</figcaption>",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (!has(html, wanted[i])) fail_msg("not on the page: %s", wanted[i]);
    }
    gf_free(html);
}

static void what_is_missing_is_left_out(void **state)
{
    (void)state;
    const gf_run_record empty = {.peak_rss_mb = NAN, .seconds = NAN};
    char *html = page_of(&empty);
    tags found = check_well_formed(html);
    assert_int_equal(found.images, 0);
    assert_int_equal(found.headings, 1);
    assert_false(has(html, "<h2") || has(html, "nan") || has(html, "(null)"));
    gf_free(html);
    fake_run f;
    fake_run_fill(&f);
    f.record.test.images = f.record.validation.images = 0;
    f.record.before.value[0] = f.record.before.value[1] = NAN;
    f.record.command = NULL;
    f.record.predictions.n = 0;
    f.photo[0].probability = NAN;
    html = page_of(&f.record);
    check_well_formed(html);
    assert_false(has(html, "Class by class") || has(html, "Repeat this run") || has(html, "<h2>Predictions"));
    assert_false(has(html, ">nan") || has(html, "nan %") || has(html, "(null)"));
    assert_true(has(html, "<td class=\"n\">-</td><td class=\"n\">-</td>")); /* loss and accuracy */
    gf_free(html);
}

static void many_classes_are_folded(void **state)
{
    (void)state;
    enum { N = 30 };
    static uint64_t confusion[N * N];
    const char *names[N];
    for (int i = 0; i < N; i++) {
        names[i] = "class";
        confusion[i * N + i] = 1;
    }
    fake_run f;
    fake_run_fill(&f);
    f.record.classes = names;
    f.record.n_classes = N;
    f.record.n_splits = 0;
    f.record.detection = NULL;
    f.record.test.confusion = confusion;
    char *html = page_of(&f.record);
    check_well_formed(html);
    assert_true(has(html, "<details><summary>"));
    assert_true(has(html, "30 classes: class, class"));
    gf_free(html);
}

static int letter(char c)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(letters, c) : NULL;
    return at ? (int)(at - letters) : -1;
}

/* Decodes base64 up to the closing quote. */
static size_t unbase64(const char *s, uint8_t *out)
{
    uint32_t bits = 0;
    size_t n = 0, letters = 0;
    for (; letter(*s) >= 0; s++, letters++) {
        bits = bits << 6 | (uint32_t)letter(*s);
        if (letters % 4) out[n++] = (uint8_t)(bits >> (6 - 2 * (letters % 4)));
    }
    while (*s == '=') s++, letters++;
    assert_int_equal(*s, '"');
    assert_int_equal(letters % 4, 0);
    return n;
}

static void embedded_images_decode(void **state)
{
    (void)state;
    fake_run f;
    fake_run_fill(&f);
    char *html = page_of(&f.record);
    int pngs = 0, jpegs = 0;
    for (const char *p = html; (p = strstr(p, "data:image/")); p++) {
        const char *base64 = strstr(p, ";base64,") + 8;
        uint8_t *bytes = malloc(strcspn(base64, "\"") + 4);
        size_t n = unbase64(base64, bytes);
        gf_image image;
        gf_image_info info;
        assert_int_equal(gf_image_decode(bytes, n, "embedded", NULL, &image, &info, NULL), GRAFT_OK);
        bool png = !strncmp(p, "data:image/png", 14);
        assert_int_equal(info.format, png ? GF_IMAGE_PNG : GF_IMAGE_JPEG);
        if (!png) assert_true(image.w == FAKE_PHOTO_SIDE && image.h == FAKE_PHOTO_SIDE);
        pngs += png;
        jpegs += !png;
        gf_image_free(&image);
        free(bytes);
    }
    assert_int_equal(pngs, 10); /* five plots, light and dark */
    assert_int_equal(jpegs, 12 + 12 + 3 + 2 + 1 + 9 + 9);
    gf_free(html);
}

static void equal_runs_give_equal_pages(void **state)
{
    (void)state;
    fake_run f, g;
    fake_run_fill(&f);
    fake_run_fill(&g);
    char *a = page_of(&f.record), *b = page_of(&g.record);
    assert_true(!strcmp(a, b));
    gf_free(a);
    gf_free(b);
}

static void folder_holds_every_file(void **state)
{
    (void)state;
    char dir[] = "/tmp/graft-test-XXXXXX", path[128], command[64];
    assert_non_null(mkdtemp(dir));
    fake_run f;
    fake_run_fill(&f);
    assert_int_equal(gf_report_write(dir, &f.record, NULL), GRAFT_OK);
    static const char *const files[] = {"metrics.json",
                                        "history.csv",
                                        GF_EVENTS_NAME,
                                        "report.html",
                                        "plots/curves.png",
                                        "plots/samples.png",
                                        "plots/augmentations.png",
                                        "plots/predictions.png",
                                        "plots/detections.png",
                                        "plots/confusion.png",
                                        "plots/reliability.png",
                                        "model-card.md"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        if (!gf_is_file(path)) fail_msg("no %s", path);
    }
    graft_error err;
    snprintf(path, sizeof path, "%s/history.csv/x", dir);
    assert_int_equal(gf_report_write(path, &f.record, &err), GRAFT_RESOURCE);
    assert_non_null(strstr(err.message, "history.csv"));
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_is_well_formed_and_needs_nothing_else),
        cmocka_unit_test(foreign_text_is_escaped),
        cmocka_unit_test(figures_of_the_run_are_on_the_page),
        cmocka_unit_test(what_is_missing_is_left_out),
        cmocka_unit_test(many_classes_are_folded),
        cmocka_unit_test(embedded_images_decode),
        cmocka_unit_test(equal_runs_give_equal_pages),
        cmocka_unit_test(folder_holds_every_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
