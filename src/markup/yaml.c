/* yaml.c - libyaml's events become nodes. */
#include "markup/yaml.h"

#include <stdbool.h>
#include <string.h>
#include <yaml.h>

enum { MAX_DEPTH = 64 };

typedef struct level {
    size_t node, last; /* a list or map that has begun; its last member so far, 0: none */
    size_t key;        /* of a map: the key whose value comes next */
    bool has_key;
} level;

typedef struct reading {
    gf_yaml *out;
    const char *name;
    level open[MAX_DEPTH];
    int depth;
    bool ended; /* the document */
    graft_error *err;
} reading;

static graft_status refuse(const reading *r, yaml_mark_t at, const char *why)
{
    return gf_fail(r->err, GF_E_MARKUP_SYNTAX, NULL, "%s:%zu:%zu: %s", GF_ESC(r->name), at.line + 1, at.column + 1,
                   why);
}

static graft_status keep(gf_yaml *y, const char *s, size_t n, size_t *at, graft_error *err)
{
    *at = y->text.n;
    gf_text_add_n(&y->text, s, strnlen(s, n)); /* a NUL inside ends it */
    gf_text_add_n(&y->text, "", 1);
    return y->text.failed ? gf_fail_memory(err, n, "YAML") : GRAFT_OK;
}

static graft_status add(reading *r, gf_yaml_kind kind, const yaml_event_t *event, size_t *at)
{
    gf_yaml *y = r->out;
    if (r->ended) return refuse(r, event->start_mark, "more than one document");
    if (!gf_grow(&y->node, y->n, &y->cap)) return gf_fail_memory(r->err, y->n * sizeof *y->node, r->name);
    *at = y->n++;
    y->node[*at] = (gf_yaml_node){.kind = kind, .line = (uint32_t)event->start_mark.line + 1};
    if (!r->depth) {
        r->ended = true; /* behind this node, whatever is in it */
        return GRAFT_OK;
    }
    level *l = &r->open[r->depth - 1];
    if (y->node[l->node].kind == GF_YAML_MAP) {
        y->node[*at].key = l->key;
        l->has_key = false;
    }
    if (l->last)
        y->node[l->last].next = *at;
    else
        y->node[l->node].child = *at;
    l->last = *at;
    return GRAFT_OK;
}

static graft_status scalar(reading *r, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length, at = 0;
    level *l = r->depth ? &r->open[r->depth - 1] : NULL;
    if (event->data.scalar.anchor) return refuse(r, event->start_mark, "anchors are not read");
    if (l && r->out->node[l->node].kind == GF_YAML_MAP && !l->has_key) {
        GF_TRY(keep(r->out, value, n, &l->key, r->err));
        if (gf_yaml_get(r->out, l->node, r->out->text.s + l->key))
            return refuse(r, event->start_mark, "a key is there twice");
        l->has_key = true;
        return GRAFT_OK;
    }
    GF_TRY(add(r, GF_YAML_SCALAR, event, &at));
    size_t text;
    GF_TRY(keep(r->out, value, n, &text, r->err));
    r->out->node[at].text = text;
    return GRAFT_OK;
}

static graft_status begin(reading *r, gf_yaml_kind kind, const yaml_event_t *event, bool anchor)
{
    level *l = r->depth ? &r->open[r->depth - 1] : NULL;
    size_t at = 0;
    if (anchor) return refuse(r, event->start_mark, "anchors are not read");
    if (l && r->out->node[l->node].kind == GF_YAML_MAP && !l->has_key)
        return refuse(r, event->start_mark, "a key is a list or a map");
    if (r->depth == MAX_DEPTH) return refuse(r, event->start_mark, "nested more than 64 deep");
    bool outermost = !r->depth;
    GF_TRY(add(r, kind, event, &at));
    if (outermost) r->ended = false;
    r->open[r->depth++] = (level){.node = at};
    return GRAFT_OK;
}

static graft_status take(reading *r, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT: return scalar(r, event);
    case YAML_SEQUENCE_START_EVENT: return begin(r, GF_YAML_LIST, event, event->data.sequence_start.anchor != NULL);
    case YAML_MAPPING_START_EVENT: return begin(r, GF_YAML_MAP, event, event->data.mapping_start.anchor != NULL);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        if (!--r->depth) r->ended = true;
        return GRAFT_OK;
    case YAML_ALIAS_EVENT: return refuse(r, event->start_mark, "aliases are not read");
    case YAML_DOCUMENT_START_EVENT: return r->ended ? refuse(r, event->start_mark, "more than one document") : GRAFT_OK;
    default: return GRAFT_OK;
    }
}

static graft_status parse(reading *r, yaml_parser_t *parser)
{
    size_t none; /* what has no key or text has that at 0 */
    GF_TRY(keep(r->out, "", 0, &none, r->err));
    for (bool more = true; more;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            if (parser->error == YAML_MEMORY_ERROR) return gf_fail_memory(r->err, r->out->text.n, r->name);
            yaml_mark_t at = parser->error == YAML_READER_ERROR ? parser->mark : parser->problem_mark;
            return refuse(r, at, parser->problem ? parser->problem : "is no YAML");
        }
        more = event.type != YAML_STREAM_END_EVENT;
        graft_status status = take(r, &event);
        yaml_event_delete(&event);
        GF_TRY(status);
    }
    if (r->out->n) return GRAFT_OK;
    r->out->node = gf_new(gf_yaml_node);
    if (!r->out->node) return gf_fail_memory(r->err, sizeof(gf_yaml_node), r->name);
    r->out->n = r->out->cap = 1;
    return GRAFT_OK;
}

graft_status gf_yaml_parse(gf_yaml *out, const void *bytes, size_t n, const char *name, graft_error *err)
{
    yaml_parser_t parser;
    *out = (gf_yaml){0};
    reading r = {.out = out, .name = name, .err = err};
    if (!yaml_parser_initialize(&parser)) return gf_fail_memory(err, n, name);
    yaml_parser_set_input_string(&parser, bytes, n);
    graft_status status = parse(&r, &parser);
    yaml_parser_delete(&parser);
    if (status != GRAFT_OK) gf_yaml_free(out);
    return status;
}

void gf_yaml_free(gf_yaml *y)
{
    gf_free(y->node);
    gf_text_free(&y->text);
    *y = (gf_yaml){0};
}

size_t gf_yaml_get(const gf_yaml *y, size_t map, const char *key)
{
    if (y->node[map].kind != GF_YAML_MAP) return 0;
    size_t at = y->node[map].child;
    while (at && strcmp(gf_yaml_key(y, at), key) != 0) at = y->node[at].next;
    return at;
}

size_t gf_yaml_first(const gf_yaml *y, size_t node) { return y->node[node].child; }
size_t gf_yaml_next(const gf_yaml *y, size_t node) { return y->node[node].next; }

const char *gf_yaml_text(const gf_yaml *y, size_t node)
{
    return y->node[node].kind == GF_YAML_SCALAR ? y->text.s + y->node[node].text : NULL;
}

const char *gf_yaml_key(const gf_yaml *y, size_t node) { return y->text.s + y->node[node].key; }
