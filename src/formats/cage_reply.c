#include "formats/cage_reply.h"

#include "base/alloc.h"

#include <string.h>

enum { MAX_TEXT = 4096, ENTRY_BYTES = MAX_TEXT + 64 };

/* ---- the child's side ---- */

static void put_text(gf_sink *sink, const char *s)
{
    size_t n = strlen(s);
    uint16_t length = (uint16_t)(n < MAX_TEXT ? n : MAX_TEXT);
    gf_sink_put(sink, &length, sizeof length);
    gf_sink_put(sink, s, length);
}

void gf_reply_found(gf_sink *sink, const gf_found *found)
{
    uint32_t n = (uint32_t)found->n;
    gf_sink_put(sink, "T", 1);
    gf_sink_put(sink, &n, sizeof n);
    for (size_t i = 0; i < found->n; i++) {
        const gf_found_tensor *t = &found->item[i];
        uint8_t rank = (uint8_t)t->shape.rank, dtype = (uint8_t)t->dtype;
        put_text(sink, t->path);
        gf_sink_put(sink, &rank, 1);
        gf_sink_put(sink, t->shape.dim, rank * sizeof *t->shape.dim);
        gf_sink_put(sink, &dtype, 1);
        gf_sink_put(sink, &t->want, sizeof t->want);
    }
    if (!found->taken) return;
    gf_sink_put(sink, "N", 1);
    put_text(sink, found->taken);
    put_text(sink, found->why);
}

void gf_reply_values(gf_sink *sink, size_t want, const float *values, size_t count)
{
    uint32_t index = (uint32_t)want;
    gf_sink_put(sink, "V", 1);
    gf_sink_put(sink, &index, sizeof index);
    gf_sink_put(sink, values, count * sizeof *values);
}

void gf_reply_end(gf_sink *sink) { gf_sink_put(sink, "Z", 1); }

void gf_reply_error(gf_sink *sink, const graft_error *err)
{
    uint32_t number = (uint32_t)err->number;
    gf_sink_put(sink, "E", 1);
    gf_sink_put(sink, &number, sizeof number);
    put_text(sink, err->message);
    put_text(sink, err->hint);
}

size_t gf_reply_bytes(size_t tensors, size_t value_bytes)
{
    size_t index, total;
    if (!gf_mul_size(tensors, ENTRY_BYTES, &index) || !gf_add_size(index, value_bytes, &total)) return SIZE_MAX;
    return total < SIZE_MAX - ENTRY_BYTES ? total + ENTRY_BYTES : SIZE_MAX;
}

void gf_reply_text(gf_sink *sink, const char *text, size_t n)
{
    gf_sink_put(sink, "J", 1);
    gf_sink_put(sink, text, n);
}

/* ---- the parent's side ---- */

typedef struct cursor {
    const uint8_t *at, *end;
    const char *name;
    graft_error *err;
} cursor;

static graft_status nonsense(const cursor *c, const char *what)
{
    return gf_fail(c->err, GF_E_CAGE_REPLY, "the file is damaged or made to attack its reader",
                   "%s: the answer of its reader makes no sense: %s", GF_ESC(c->name), what);
}

static bool take(cursor *c, void *out, size_t n)
{
    if ((size_t)(c->end - c->at) < n) return false;
    memcpy(out, c->at, n);
    c->at += n;
    return true;
}

static bool take_text(cursor *c, char out[MAX_TEXT + 1])
{
    uint16_t n;
    if (!take(c, &n, sizeof n) || n > MAX_TEXT || !take(c, out, n)) return false;
    out[n] = 0;
    return strlen(out) == n;
}

static graft_status take_tensor(cursor *c, size_t n_want, gf_found *found)
{
    char path[MAX_TEXT + 1];
    uint8_t rank, dtype;
    gf_shape shape = {0};
    int32_t want;
    size_t count;
    if (!take_text(c, path) || !take(c, &rank, 1) || rank > GF_MAX_RANK) return nonsense(c, "a tensor's name or rank");
    shape.rank = rank;
    if (!take(c, shape.dim, rank * sizeof *shape.dim)) return nonsense(c, "a tensor's shape");
    for (int i = 0; i < rank; i++) {
        if (shape.dim[i] < 0) return nonsense(c, "a negative dimension");
    }
    if (!take(c, &dtype, 1) || dtype > GF_DTYPES || !take(c, &want, sizeof want)) return nonsense(c, "a tensor's type");
    bool is_wanted = want >= 0;
    if (want < GF_FOUND_UNEXPECTED || (is_wanted && (size_t)want >= n_want)) return nonsense(c, "a tensor's place");
    if (is_wanted && !gf_shape_count(&shape, &count)) dtype = GF_DTYPES; /* too large for any memory: never read */
    gf_found_tensor *t;
    GF_TRY(gf_found_add(found, path, NULL, &t, c->err));
    t->shape = shape;
    t->dtype = (gf_dtype)dtype;
    t->want = want;
    return GRAFT_OK;
}

static graft_status take_found(cursor *c, size_t n_want, gf_found *found)
{
    uint32_t n;
    if (found->n || !take(c, &n, sizeof n)) return nonsense(c, "its list of tensors");
    for (uint32_t i = 0; i < n; i++) GF_TRY(take_tensor(c, n_want, found));
    return GRAFT_OK;
}

static graft_status take_choice(cursor *c, gf_found *found)
{
    char taken[MAX_TEXT + 1], why[MAX_TEXT + 1];
    if (found->taken || !take_text(c, taken) || !take_text(c, why)) return nonsense(c, "its choice");
    found->taken = gf_strdup(taken);
    found->why = gf_strdup(why);
    return found->taken && found->why ? GRAFT_OK : gf_fail_memory(c->err, strlen(why), c->name);
}

static graft_status take_values(cursor *c, const gf_weight *want, size_t n, const uint8_t **values)
{
    uint32_t index;
    if (!take(c, &index, sizeof index) || index >= n || values[index]) return nonsense(c, "whose values they are");
    size_t bytes = gf_count(&want[index].shape) * sizeof(float);
    if ((size_t)(c->end - c->at) < bytes) return nonsense(c, "its values");
    values[index] = c->at;
    c->at += bytes;
    return GRAFT_OK;
}

/* The child may name errors of files and of memory only, and its text is as foreign as the file. */
static graft_status take_error(cursor *c)
{
    uint32_t number;
    char message[MAX_TEXT + 1], hint[MAX_TEXT + 1];
    if (!take(c, &number, sizeof number) || !take_text(c, message) || !take_text(c, hint) || c->at != c->end) {
        return nonsense(c, "its error");
    }
    bool allowed = (number >= 2000 && number < 3000) || number == GF_E_NO_MEMORY;
    if (!allowed || !gf_error_title((int)number)) return nonsense(c, "its error's number");
    char clean[sizeof c->err->hint];
    return gf_fail(c->err, (gf_errno)number, gf_escape(clean, sizeof clean, hint), "%s",
                   gf_escape((char[sizeof c->err->message]){0}, sizeof c->err->message, message));
}

graft_status gf_reply_parse(const uint8_t *bytes, size_t size, const char *name, const gf_weight *want, size_t n,
                            gf_found *found, const uint8_t **values, graft_error *err)
{
    cursor c = {bytes, bytes + size, name, err};
    bool listed = false;
    for (size_t i = 0; i < n; i++) values[i] = NULL;
    for (uint8_t tag; take(&c, &tag, 1);) {
        switch (tag) {
        case 'T':
            if (listed) return nonsense(&c, "a second list");
            listed = true;
            GF_TRY(take_found(&c, n, found));
            break;
        case 'N':
            if (!listed) return nonsense(&c, "a choice before its list");
            GF_TRY(take_choice(&c, found));
            break;
        case 'V':
            if (!listed) return nonsense(&c, "values before their list");
            GF_TRY(take_values(&c, want, n, values));
            break;
        case 'E': return take_error(&c);
        case 'Z': return c.at == c.end && listed ? GRAFT_OK : nonsense(&c, "its end");
        default: return nonsense(&c, "an unknown record");
        }
    }
    return nonsense(&c, "it stops in the middle");
}

graft_status gf_reply_parse_text(const uint8_t *bytes, size_t size, const char *name, const char **text, size_t *n,
                                 graft_error *err)
{
    cursor c = {bytes, bytes + size, name, err};
    uint8_t tag = 0;
    take(&c, &tag, 1);
    if (tag == 'E') return take_error(&c);
    if (tag != 'J' || memchr(c.at, 0, (size_t)(c.end - c.at))) return nonsense(&c, "no text");
    *text = (const char *)c.at;
    *n = (size_t)(c.end - c.at);
    return GRAFT_OK;
}
