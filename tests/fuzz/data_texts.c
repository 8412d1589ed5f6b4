/* Any bytes as a file of texts, in each format: rows lie in the file's texts, labels among the classes. The first byte
 * chooses. */
#include "data/texts_build.h"
#include "text/encoding.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(int ok)
{
    if (!ok) abort();
}

static graft_status read_as(gf_texts_build *b, unsigned how, const gf_decoded *d, graft_error *err)
{
    const char *text = (const char *)d->text;
    switch (how % 4) {
    case 0: return gf_texts_read_table(b, text, d->n, false, err);
    case 1: return gf_texts_read_table(b, text, d->n, true, err);
    case 2: return gf_texts_read_json_lines(b, text, d->n, err);
    default: return gf_texts_read_fasttext(b, text, d->n, err);
    }
}

static int64_t class_of(const void *ctx, const char *name)
{
    (void)ctx;
    return (unsigned char)*name % 7;
}

/* Fields parted into labels, these as sets: no label is empty, none lies outside of the text. */
static void part(gf_label_lists *l, const gf_label_rule *rule)
{
    gf_label_parting p;
    gf_label_sets sets = {0};
    graft_error err = {0};
    if (!l->several && gf_label_lists_part(l, rule, &p, "f", &err) != GRAFT_OK) {
        want(err.number == GF_E_CSV_LABEL);
        return;
    }
    for (size_t i = 0; i < l->n; i++) {
        uint32_t number;
        const char *unknown;
        want(gf_label_lists_number(l, i, class_of, NULL, &sets, &number, &unknown, &err) == GRAFT_OK && !unknown);
        want(number < sets.n);
    }
    gf_label_sets_free(&sets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    graft_error err = {0};
    gf_decoded d;
    if (gf_decode(&d, data + 1, size - 1, "f", NULL, &err) != GRAFT_OK) {
        want(err.number == GF_E_TEXT_ENCODING);
        return 0;
    }
    gf_texts t = {0};
    const char *columns = data[0] & 16 ? "2,3" : "2";
    const gf_texts_options o = {.text_column = data[0] & 4 ? "1" : NULL,
                                .label_column = data[0] & 8 ? columns : NULL,
                                .labels = {.wanted = data[0] & 32, .delimiter = data[0] & 64 ? ";" : NULL}};
    gf_texts_build b = {.texts = &t, .o = &o, .name = "f"};
    graft_status status = read_as(&b, data[0], &d, &err);
    want(status == GRAFT_OK || err.number == GF_E_TEXT_COLUMN || err.number == GF_E_TEXT_ROWS);
    for (size_t i = 0; i < t.n; i++) {
        want(t.row[i].at + t.row[i].n < t.bytes.n && !gf_texts_text(&t, i)[t.row[i].n] && t.row[i].split < GF_SPLITS);
        want(strlen(gf_texts_text(&t, i)) == t.row[i].n);
        want(!b.labels.item[i].n || b.labels.item[i].at < b.labels.text.n);
    }
    want(b.labels.n == t.n);
    part(&b.labels, &o.labels);
    for (size_t i = 0; i < t.n_bad; i++) want(t.bad[i].message != NULL);
    gf_texts_has_header((const char *)d.text, d.n);
    gf_label_lists_free(&b.labels);
    gf_texts_free(&t);
    gf_decoded_free(&d);
    return 0;
}
