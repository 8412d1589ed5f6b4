/* Any bytes as an XML document: the tree is one, and is all of what there is. */
#include "markup/xml.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count(const gf_xml *x, size_t element)
{
    size_t n = 1;
    if (strlen(gf_xml_name(x, element)) == 0 || !gf_xml_text(x, element) || !x->element[element].line) abort();
    for (size_t c = x->element[element].child; c; c = x->element[c].next) n += count(x, c);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_xml x;
    if (gf_xml_parse(&x, data, size, "xml", NULL) != GRAFT_OK) return 0;
    if (count(&x, 0) != x.n) abort();
    gf_xml_free(&x);
    return 0;
}
