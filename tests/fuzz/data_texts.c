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
    const gf_texts_options o = {.text_column = data[0] & 4 ? "1" : NULL, .label_column = data[0] & 8 ? "2" : NULL};
    gf_texts_build b = {.texts = &t, .o = &o, .name = "f"};
    graft_status status = read_as(&b, data[0], &d, &err);
    want(status == GRAFT_OK || err.number == GF_E_TEXT_COLUMN || err.number == GF_E_TEXT_ROWS);
    for (size_t i = 0; i < t.n; i++) {
        want(t.row[i].at + t.row[i].n < t.bytes.n && !gf_texts_text(&t, i)[t.row[i].n] && t.row[i].split < GF_SPLITS);
        want(strlen(gf_texts_text(&t, i)) == t.row[i].n);
        want(b.label_at[i] == UINT64_MAX || b.label_at[i] < b.labels.n);
    }
    for (size_t i = 0; i < t.n_bad; i++) want(t.bad[i].message != NULL);
    gf_texts_has_header((const char *)d.text, d.n);
    gf_text_free(&b.labels);
    gf_free(b.label_at);
    gf_texts_free(&t);
    gf_decoded_free(&d);
    return 0;
}
