#include "train/state_parts.h"

#include "base/alloc.h"

#include <string.h>

typedef struct lead {
    uint32_t version, zero;
} lead;

graft_status gf_parts_pack(gf_packed_parts *out, const gf_state_part *part, size_t n, gf_section *section,
                           size_t *n_sections, graft_error *err)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) total += sizeof(lead) + part[i].size;
    *out = (gf_packed_parts){gf_alloc(total, 1)};
    if (!out->bytes) return gf_fail_memory(err, total, "a checkpoint");
    uint8_t *at = out->bytes;
    for (size_t i = 0; i < n; i++) {
        if (!part[i].size) continue;
        memcpy(at, &(lead){part[i].version, 0}, sizeof(lead));
        memcpy(at + sizeof(lead), part[i].data, part[i].size);
        section[(*n_sections)++] = (gf_section){part[i].name, at, sizeof(lead) + part[i].size};
        at += sizeof(lead) + part[i].size;
    }
    return GRAFT_OK;
}

void gf_packed_parts_free(gf_packed_parts *p)
{
    gf_free(p->bytes);
    *p = (gf_packed_parts){0};
}

/* Until there were parts, their first versions lay behind each other in one section, "state". */
static const struct {
    const char *name;
    size_t offset, size;
} in_state[] = {{"run", 0, 32},         {"running", 32, 24}, {"nan", 56, 40},
                {"best.epoch", 96, 24}, {"before", 120, 24}, {"clock", 144, 16}};
enum { STATE = 160 };

/* A part's bytes in a checkpoint; false: there are none. Version 0: fewer than say their version. */
static bool find(const gf_checkpoint *c, const char *name, lead *l, const uint8_t **bytes, size_t *size)
{
    *l = (lead){0};
    const gf_section *s = gf_checkpoint_find(c, name), *state = gf_checkpoint_find(c, "state");
    if (s) {
        bool led = s->size >= sizeof *l;
        if (led) memcpy(l, s->data, sizeof *l);
        *bytes = (const uint8_t *)s->data + (led ? sizeof *l : 0);
        *size = s->size - (led ? sizeof *l : 0);
        return true;
    }
    for (size_t i = 0; state && state->size == STATE && i < sizeof in_state / sizeof *in_state; i++) {
        if (strcmp(in_state[i].name, name)) continue;
        l->version = 1;
        *bytes = (const uint8_t *)state->data + in_state[i].offset;
        *size = in_state[i].size;
        return true;
    }
    return false;
}

static graft_status take(const gf_checkpoint *c, const gf_state_part *p, graft_error *err)
{
    lead l;
    const uint8_t *bytes;
    size_t size;
    if (!find(c, p->name, &l, &bytes, &size)) {
        if (p->optional || !p->size) return GRAFT_OK;
        return gf_fail(err, GF_E_CHECKPOINT_SECTION, NULL, "%s: has no section \"%s\"", GF_ESC(c->path), p->name);
    }
    if (l.version > p->version) {
        return gf_fail(err, GF_E_CHECKPOINT_SECTION, "use the graft that wrote it, or a newer one",
                       "%s: section \"%s\" is of version %u, this graft reads up to %u", GF_ESC(c->path), p->name,
                       l.version, p->version);
    }
    bool current = l.version == p->version && size == p->size;
    if (current) memcpy(p->data, bytes, size);
    bool older = l.version && l.version < p->version && p->upgrade;
    if (current || (older && p->upgrade(p->data, l.version, bytes, size))) return GRAFT_OK;
    return gf_fail(err, GF_E_CHECKPOINT_SECTION, NULL,
                   "%s: section \"%s\" has %zu bytes of version %u, wanted are %zu of version %u", GF_ESC(c->path),
                   p->name, size, l.version, p->size, p->version);
}

graft_status gf_parts_take(const gf_checkpoint *c, const gf_state_part *part, size_t n, graft_error *err)
{
    for (size_t i = 0; i < n; i++) GF_TRY(take(c, &part[i], err));
    return GRAFT_OK;
}
