/* xml.h - an XML document as a tree of its elements; expat stands behind it, here only.
 *
 * Pure: bytes in, elements out. UTF-8, UTF-16 and what the declaration names of ISO-8859-1 and ASCII; a document that
 * declares nothing and is no UTF-8 is taken as ISO-8859-1. Documents with a DTD are refused, so nothing is ever
 * fetched and no entity grows. Attributes are passed over. */
#ifndef GF_MARKUP_XML_H
#define GF_MARKUP_XML_H

#include "base/alloc.h"
#include "base/error.h"

typedef struct gf_xml_element {
    size_t name, text;  /* places in gf_xml.text: the element's name; its own characters without blanks around */
    size_t child, next; /* the first element in it, the one behind it; 0: none */
    uint32_t line;      /* where it begins, from 1 */
} gf_xml_element;

/* Zeroed is empty. element[0] is the document's own. */
typedef struct gf_xml {
    gf_xml_element *element;
    size_t n, cap;
    gf_text text;
} gf_xml;

/* E1133 with line and column; a depth over 64 is one too. `name` is the file named in messages. */
graft_status gf_xml_parse(gf_xml *out, const void *bytes, size_t n, const char *name, graft_error *err);
void gf_xml_free(gf_xml *x); /* takes an empty one; leaves it empty */

const char *gf_xml_name(const gf_xml *x, size_t element);
const char *gf_xml_text(const gf_xml *x, size_t element);
/* The first element of that name in `of`, and the next one behind it; 0: there is none. */
size_t gf_xml_child(const gf_xml *x, size_t of, const char *name);
size_t gf_xml_next(const gf_xml *x, size_t element);
/* The text of the first such child; NULL: there is none. */
const char *gf_xml_child_text(const gf_xml *x, size_t of, const char *name);

#endif
