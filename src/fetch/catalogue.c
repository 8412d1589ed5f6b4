#include "fetch/catalogue.h"

#include "base/alloc.h"
#include "json/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One row a text of an entry. */
typedef enum text_kind { TEXT, FILE_NAME, MEMBER, WORD, HEX_64, HEX_32, HEX_FROM_8 } text_kind;

static const struct {
    const char *key;
    size_t place;
    text_kind kind;
    bool required, of_data; /* of weights; whether an archive of images has it, too, and then just as well */
} texts[] = {
    {"name", offsetof(gf_weights_entry, name), WORD, true, true},
    {"architecture", offsetof(gf_weights_entry, architecture), WORD, false, false},
    {"set", offsetof(gf_weights_entry, set), WORD, true, false},
    {"source", offsetof(gf_weights_entry, source), TEXT, true, true},
    {"preprocessing", offsetof(gf_weights_entry, preprocessing), TEXT, true, false},
    {"licence", offsetof(gf_weights_entry, licence), TEXT, true, true},
    {"file", offsetof(gf_weights_entry, file), FILE_NAME, true, true},
    {"sha256", offsetof(gf_weights_entry, sha256), HEX_64, false, true},
    {"sha256_prefix", offsetof(gf_weights_entry, sha256_prefix), HEX_FROM_8, false, true},
    {"md5", offsetof(gf_weights_entry, md5), HEX_32, false, true},
    {"package", offsetof(gf_weights_entry, package), WORD, false, false},
    {"version", offsetof(gf_weights_entry, version), WORD, false, false},
    {"member", offsetof(gf_weights_entry, member), MEMBER, false, true},
};
enum { N_TEXTS = sizeof texts / sizeof *texts };

static const char *const other_keys[] = {"urls", "size", "size_least", "size_most", "alpha", "image_size", "top"};
enum { N_OTHER = sizeof other_keys / sizeof *other_keys };

/* What a catalogue may ask for at most: 64 GiB a file, 10,000 entries. */
static const int64_t LARGEST_FILE = (int64_t)1 << 36;
enum { MOST_ENTRIES = 10000, MOST_URLS = 16, MOST_TEXT = 1024 };

/* ---- the kinds of text */

static bool only_of(const char *s, const char *allowed) { return s[strspn(s, allowed)] == 0; }

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* A plain name: it becomes part of a path, and an argument of a program. */
static bool is_word(const char *s) { return *s && *s != '.' && *s != '-' && only_of(s, LETTERS "._-"); }

static bool is_hex(const char *s, size_t least, size_t most)
{
    size_t n = strlen(s);
    return n >= least && n <= most && only_of(s, "0123456789abcdef");
}

/* A relative path of words. */
static bool is_member(const char *s)
{
    for (;;) {
        char part[256];
        size_t n = strcspn(s, "/");
        if (n >= sizeof part) return false;
        memcpy(part, s, n);
        part[n] = 0;
        if (!is_word(part)) return false;
        if (!s[n]) return true;
        s += n + 1;
    }
}

/* NULL where `s` is of that kind, else what was wanted. */
static const char *wrong_text(text_kind kind, const char *s)
{
    if (strlen(s) > MOST_TEXT) return "at most 1,024 bytes";
    switch (kind) {
    case TEXT: return *s ? NULL : "a text that is not empty";
    case FILE_NAME: return is_word(s) && strlen(s) <= 200 ? NULL : "a plain file name of at most 200 bytes";
    case WORD: return is_word(s) && strlen(s) <= 200 ? NULL : "a word of letters, digits, '.', '_' and '-'";
    case MEMBER: return is_member(s) ? NULL : "a relative path of plain names";
    case HEX_64: return is_hex(s, 64, 64) ? NULL : "64 lower-case hexadecimal digits";
    case HEX_32: return is_hex(s, 32, 32) ? NULL : "32 lower-case hexadecimal digits";
    case HEX_FROM_8: return is_hex(s, 8, 64) ? NULL : "8 to 64 lower-case hexadecimal digits";
    }
    return NULL;
}

/* ---- one entry */

typedef struct place {
    const char *file; /* the catalogue */
    const char *list; /* "weights" or "data" */
    bool of_data;
    size_t entry;                 /* from 1 */
    const gf_weights_entry *item; /* those before it, for names that stand there twice */
    graft_error *err;
} place;

static graft_status refuse(const place *at, const char *key, const char *wanted)
{
    return gf_fail(at->err, GF_E_FETCH_CATALOGUE, NULL, "%s: entry %zu%s: \"%s\": wanted is %s", GF_ESC(at->file),
                   at->entry, at->of_data ? " of data" : "", GF_ESC(key), wanted);
}

static graft_status check_key(void *ctx, const char *key, const gf_json *value)
{
    (void)value;
    for (size_t i = 0; i < N_TEXTS; i++) {
        if (!strcmp(key, texts[i].key)) return GRAFT_OK;
    }
    for (size_t i = 0; i < N_OTHER; i++) {
        if (!strcmp(key, other_keys[i])) return GRAFT_OK;
    }
    return refuse(ctx, key, "a key that is known");
}

static graft_status read_texts(gf_weights_entry *e, const gf_json *j, const place *at)
{
    for (size_t i = 0; i < N_TEXTS; i++) {
        const gf_json *value = gf_json_get(j, texts[i].key);
        const char *s = gf_json_str(value, NULL);
        if (!value && (!texts[i].required || (at->of_data && !texts[i].of_data))) continue;
        if (at->of_data && !texts[i].of_data) return refuse(at, texts[i].key, "not there for data");
        const char *wrong = s ? wrong_text(texts[i].kind, s) : "a text";
        if (wrong) return refuse(at, texts[i].key, wrong);
        *(const char **)((char *)e + texts[i].place) = s;
    }
    return GRAFT_OK;
}

/* https alone: what a catalogue names must not be open to change on its way. No credentials, no white space. */
static bool is_url(const char *s)
{
    static const char https[] = "https://";
    size_t n = sizeof https - 1;
    if (strncmp(s, https, n) || !only_of(s, LETTERS "-._~:/?=&%+")) return false;
    const char *host = s + n;
    return strlen(s) <= MOST_TEXT && *host && *host != '/' && *host != ':' && strchr(host, '/');
}

static graft_status read_urls(gf_weights_entry *e, const gf_json *j, const place *at)
{
    const gf_json *urls = gf_json_get(j, "urls");
    size_t n = urls && gf_json_is_array(urls) ? gf_json_size(urls) : 0;
    bool packaged = e->package || e->version || (e->member && !at->of_data);
    if (packaged && !(e->package && e->version && e->member)) {
        return refuse(at, "package", "package, version and member together");
    }
    if (packaged ? urls != NULL : n == 0 || n > MOST_URLS) return refuse(at, "urls", "1 to 16 addresses, or a package");
    if (packaged) return GRAFT_OK;
    e->urls = gf_new_n(n, const char *);
    if (!e->urls) return gf_fail_memory(at->err, n * sizeof *e->urls, "addresses");
    for (; e->n_urls < n; e->n_urls++) {
        const char *url = gf_json_str(gf_json_at(urls, e->n_urls), NULL);
        if (!url || !is_url(url)) return refuse(at, "urls", "an https address");
        e->urls[e->n_urls] = url;
    }
    return GRAFT_OK;
}

static graft_status read_numbers(gf_weights_entry *e, const gf_json *j, const place *at)
{
    int64_t size = gf_json_i64(gf_json_get(j, "size"), 0);
    bool exact = gf_json_get(j, "size"), range = gf_json_get(j, "size_most");
    if (exact == range || (exact && gf_json_get(j, "size_least"))) {
        return refuse(at, "size", "either a size or size_most, with or without size_least");
    }
    e->size_least = exact ? size : gf_json_i64(gf_json_get(j, "size_least"), 1);
    e->size_most = exact ? size : gf_json_i64(gf_json_get(j, "size_most"), 0);
    if (e->size_least < 1 || e->size_most < e->size_least || e->size_most > LARGEST_FILE) {
        return refuse(at, exact ? "size" : "size_most", "1 byte to 64 GiB, not less than size_least");
    }
    e->alpha = gf_json_f64(gf_json_get(j, "alpha"), 1);
    if (!(e->alpha > 0 && e->alpha <= 16)) return refuse(at, "alpha", "a number above 0, to 16");
    int64_t side = gf_json_i64(gf_json_get(j, "image_size"), 0);
    if (side < 0 || side > 65535) return refuse(at, "image_size", "0 to 65535");
    e->image_size = (int)side;
    e->top = gf_json_true(gf_json_get(j, "top"), false);
    return GRAFT_OK;
}

static graft_status read_entry(gf_weights_entry *e, const gf_json *j, place *at)
{
    if (!gf_json_is_object(j)) return refuse(at, at->list, "an array of objects");
    GF_TRY(gf_json_each(j, check_key, at));
    GF_TRY(read_texts(e, j, at));
    GF_TRY(read_urls(e, j, at));
    GF_TRY(read_numbers(e, j, at));
    for (const gf_weights_entry *old = at->item; old < e; old++) {
        if (!strcmp(old->name, e->name)) return refuse(at, "name", "a name that no other entry has");
        if (!strcmp(old->file, e->file)) return refuse(at, "file", "a file name that no other entry has");
    }
    return GRAFT_OK;
}

/* ---- the catalogue */

static graft_status read_list(place *at, const gf_json *document, gf_weights_entry **item, size_t *n)
{
    const gf_json *list = gf_json_get(document, at->list);
    size_t count = list && gf_json_is_array(list) ? gf_json_size(list) : 0;
    if (!list && at->of_data) return GRAFT_OK;
    if (count == 0 || count > MOST_ENTRIES) return refuse(at, at->list, "an array of 1 to 10,000 entries");
    *item = gf_new_n(count, gf_weights_entry);
    if (!*item) return gf_fail_memory(at->err, count * sizeof **item, "a catalogue");
    at->item = *item;
    while (*n < count) {
        gf_weights_entry *e = &(*item)[(*n)++];
        at->entry = *n;
        GF_TRY(read_entry(e, gf_json_at(list, *n - 1), at));
    }
    return GRAFT_OK;
}

graft_status gf_catalogue_parse(gf_catalogue **out, const uint8_t *text, size_t n, const char *name, graft_error *err)
{
    *out = NULL;
    gf_catalogue *c = gf_new(gf_catalogue);
    if (!c) return gf_fail_memory(err, sizeof *c, "a catalogue");
    graft_status status = GRAFT_OK;
    place at = {.file = name, .list = "weights", .err = err},
          data = {.file = name, .list = "data", .of_data = true, .err = err};
    gf_json *document = NULL;
    GF_GOTO(gf_json_parse(&document, (const char *)text, n, name, err));
    c->document = document;
    GF_GOTO(read_list(&at, document, &c->item, &c->n));
    GF_GOTO(read_list(&data, document, &c->data, &c->n_data));
out:
    if (status != GRAFT_OK) {
        gf_catalogue_destroy(c);
    } else {
        *out = c;
    }
    return status;
}

void gf_catalogue_destroy(gf_catalogue *c)
{
    if (!c) return;
    for (size_t i = 0; i < c->n; i++) gf_free(c->item[i].urls);
    for (size_t i = 0; i < c->n_data; i++) gf_free(c->data[i].urls);
    gf_free(c->item);
    gf_free(c->data);
    gf_json_free(c->document);
    gf_free(c);
}

static const gf_weights_entry *find(const gf_weights_entry *item, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(item[i].name, name)) return &item[i];
    }
    return NULL;
}

const gf_weights_entry *gf_catalogue_find(const gf_catalogue *c, const char *name) { return find(c->item, c->n, name); }

const gf_weights_entry *gf_catalogue_find_data(const gf_catalogue *c, const char *name)
{
    return find(c->data, c->n_data, name);
}

/* How far an entry is from the use: smaller is better; negative: it does not fit at all. */
static double distance(const gf_weights_entry *e, const char *set, const gf_weights_use *use)
{
    enum { UNWANTED_TOP = 1 << 20 };
    if (!e->architecture || strcmp(e->architecture, use->architecture) || strcmp(e->set, set)) return -1;
    if (!(fabs(e->alpha - use->alpha) < 1e-6) || (use->top && !e->top)) return -1;
    double side = sqrt((double)use->width * use->height);
    double away = e->image_size && side > 0 ? fabs(e->image_size - side) : 0;
    return away + (e->top && !use->top ? UNWANTED_TOP : 0);
}

const gf_weights_entry *gf_catalogue_choose(const gf_catalogue *c, const char *set, const gf_weights_use *use)
{
    const gf_weights_entry *best = NULL;
    double least = INFINITY;
    for (size_t i = 0; i < c->n; i++) {
        double d = distance(&c->item[i], set, use);
        if (d >= 0 && d < least) {
            least = d;
            best = &c->item[i];
        }
    }
    return best;
}
