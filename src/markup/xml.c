/* xml.c - expat's events become elements. Expat's memory is the library's own (base/alloc.h). */
#include "markup/xml.h"

#include <expat.h>
#include <string.h>

enum { MAX_DEPTH = 64 };

/* An element that has begun and not ended. Its characters come in pieces, with those of its children in between. */
typedef struct open_element {
    size_t element, last; /* last: its last child so far; 0: none */
    gf_text characters;
} open_element;

typedef struct reading {
    gf_xml *out;
    XML_Parser parser;
    open_element open[MAX_DEPTH];
    int depth;
    const char *refused; /* why the document is refused; NULL: it is not */
    bool no_memory;
} reading;

static void stop(reading *r, const char *why)
{
    if (!r->refused) r->refused = why;
    XML_StopParser(r->parser, XML_FALSE);
}

static void stop_for_memory(reading *r)
{
    r->no_memory = true;
    XML_StopParser(r->parser, XML_FALSE);
}

static size_t keep(gf_xml *x, const char *s, size_t n)
{
    size_t at = x->text.n;
    gf_text_add_n(&x->text, s, n);
    gf_text_add_n(&x->text, "", 1);
    return at;
}

static void XMLCALL begins(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
    reading *r = ctx;
    gf_xml *x = r->out;
    (void)attributes;
    if (r->refused || r->no_memory) return;
    if (r->depth == MAX_DEPTH) {
        stop(r, "elements are nested more than 64 deep");
        return;
    }
    if (!gf_grow(&x->element, x->n, &x->cap)) {
        stop_for_memory(r);
        return;
    }
    size_t at = x->n++;
    x->element[at] =
        (gf_xml_element){.name = keep(x, name, strlen(name)), .line = (uint32_t)XML_GetCurrentLineNumber(r->parser)};
    if (r->depth) {
        open_element *parent = &r->open[r->depth - 1];
        if (parent->last)
            x->element[parent->last].next = at;
        else
            x->element[parent->element].child = at;
        parent->last = at;
    }
    r->open[r->depth++] = (open_element){.element = at};
    if (x->text.failed) stop_for_memory(r);
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static void XMLCALL ends(void *ctx, const XML_Char *name)
{
    reading *r = ctx;
    (void)name;
    if (r->refused || r->no_memory || !r->depth) return;
    open_element *o = &r->open[--r->depth];
    const char *from = o->characters.s ? o->characters.s : "";
    size_t n = o->characters.n;
    while (n && blank(from[n - 1])) n--;
    while (n && blank(*from)) from++, n--;
    r->out->element[o->element].text = keep(r->out, from, n);
    bool failed = o->characters.failed || r->out->text.failed;
    gf_text_free(&o->characters);
    if (failed) stop_for_memory(r);
}

static void XMLCALL characters(void *ctx, const XML_Char *s, int n)
{
    reading *r = ctx;
    if (r->depth && !r->refused) gf_text_add_n(&r->open[r->depth - 1].characters, s, (size_t)n);
}

static void XMLCALL doctype(void *ctx, const XML_Char *name, const XML_Char *system, const XML_Char *public, int subset)
{
    (void)name, (void)system, (void)public, (void)subset;
    stop(ctx, "it has a DTD (<!DOCTYPE ..>), and documents with one are not read");
}

/* expat's memory, by the library's calls */
static void *give(size_t n) { return gf_alloc_raw(n, 1); }
static void *give_more(void *old, size_t n) { return gf_realloc(old, n, 1); }

static bool is_utf8(const uint8_t *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t length = s[i] < 0x80 ? 1 : s[i] >= 0xf5 ? 0 : s[i] >= 0xf0 ? 4 : s[i] >= 0xe0 ? 3 : s[i] >= 0xc2 ? 2 : 0;
        if (!length || length > n - i) return false;
        for (size_t k = 1; k < length; k++)
            if ((s[i + k] & 0xc0) != 0x80) return false;
        i += length;
    }
    return true;
}

/* What to tell expat of the encoding: nothing where the document says it or is UTF-8. */
static const char *encoding_of(const uint8_t *s, size_t n)
{
    bool utf16 = n >= 2 && ((s[0] == 0xff && s[1] == 0xfe) || (s[0] == 0xfe && s[1] == 0xff) || !s[0] || !s[1]);
    const uint8_t *end = memmem(s, n < 256 ? n : 256, "?>", 2);
    bool declared = end && memmem(s, (size_t)(end - s), "encoding", 8);
    return utf16 || declared || is_utf8(s, n) ? NULL : "ISO-8859-1";
}

static graft_status told(const reading *r, const char *name, size_t n, graft_error *err)
{
    if (r->no_memory || XML_GetErrorCode(r->parser) == XML_ERROR_NO_MEMORY) return gf_fail_memory(err, n, name);
    return gf_fail(err, GF_E_MARKUP_SYNTAX, NULL, "%s:%lu:%lu: %s", GF_ESC(name),
                   (unsigned long)XML_GetCurrentLineNumber(r->parser),
                   (unsigned long)XML_GetCurrentColumnNumber(r->parser) + 1,
                   r->refused ? r->refused : XML_ErrorString(XML_GetErrorCode(r->parser)));
}

graft_status gf_xml_parse(gf_xml *out, const void *bytes, size_t n, const char *name, graft_error *err)
{
    static const XML_Memory_Handling_Suite memory = {give, give_more, gf_free};
    enum { PIECE = 1 << 20 };
    *out = (gf_xml){0};
    reading r = {.out = out, .parser = XML_ParserCreate_MM(encoding_of(bytes, n), &memory, NULL)};
    if (!r.parser) return gf_fail_memory(err, n, name);
    XML_SetUserData(r.parser, &r);
    XML_SetHashSalt(r.parser, 1); /* the system is not asked for randomness; names are few */
    XML_SetElementHandler(r.parser, begins, ends);
    XML_SetCharacterDataHandler(r.parser, characters);
    XML_SetStartDoctypeDeclHandler(r.parser, doctype);
    enum XML_Status fine = XML_STATUS_OK;
    size_t at = 0;
    do {
        size_t piece = n - at < PIECE ? n - at : PIECE;
        fine = XML_Parse(r.parser, (const char *)bytes + at, (int)piece, at + piece == n);
        at += piece;
    } while (fine == XML_STATUS_OK && at < n);
    graft_status status = fine == XML_STATUS_OK && !r.no_memory && !r.refused ? GRAFT_OK : told(&r, name, n, err);
    while (r.depth) gf_text_free(&r.open[--r.depth].characters);
    XML_ParserFree(r.parser);
    if (status != GRAFT_OK) gf_xml_free(out);
    return status;
}

void gf_xml_free(gf_xml *x)
{
    gf_free(x->element);
    gf_text_free(&x->text);
    *x = (gf_xml){0};
}

const char *gf_xml_name(const gf_xml *x, size_t element) { return x->text.s + x->element[element].name; }
const char *gf_xml_text(const gf_xml *x, size_t element) { return x->text.s + x->element[element].text; }

static size_t same_from(const gf_xml *x, size_t element, const char *name)
{
    while (element && strcmp(gf_xml_name(x, element), name) != 0) element = x->element[element].next;
    return element;
}

size_t gf_xml_child(const gf_xml *x, size_t of, const char *name) { return same_from(x, x->element[of].child, name); }

size_t gf_xml_next(const gf_xml *x, size_t element)
{
    return same_from(x, x->element[element].next, gf_xml_name(x, element));
}

const char *gf_xml_child_text(const gf_xml *x, size_t of, const char *name)
{
    size_t child = gf_xml_child(x, of, name);
    return child ? gf_xml_text(x, child) : NULL;
}
