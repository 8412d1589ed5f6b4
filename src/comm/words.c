#include "comm/words.h"

#include "base/alloc.h"

#include <stdlib.h>

/* A number from -1 to `most` at *at, which is behind it and a space then. */
static bool take(const char **at, int most, int *value)
{
    char *end;
    if ((**at < '0' || **at > '9') && **at != '-') return false;
    long x = strtol(*at, &end, 10);
    if (end == *at || x < -1 || x > most || (*end && *end != ' ')) return false;
    *at = *end ? end + 1 : end;
    *value = (int)x;
    return true;
}

static bool parse(gf_rank_words *w, const char *at)
{
    enum { MOST_DESCRIPTOR = 1 << 24 };
    bool ok = take(&at, GF_MOST_RANKS - 1, &w->rank) && take(&at, GF_MOST_RANKS, &w->size) &&
              take(&at, MOST_DESCRIPTOR, &w->page) && w->rank >= 0 && w->size > w->rank && w->page >= 0;
    for (int r = 0; ok && r < w->size; r++) {
        ok = take(&at, MOST_DESCRIPTOR, &w->socket[r]) && (w->socket[r] < 0) == (r == w->rank);
    }
    return ok && !*at;
}

graft_status gf_rank_words_parse(gf_rank_words *w, const char *text, graft_error *err)
{
    *w = (gf_rank_words){0};
    if (parse(w, text)) return GRAFT_OK;
    return gf_fail(err, GF_E_RANK_STARTED,
                   "leave the variable to graft, which sets it for the processes that it starts",
                   GF_RANK_VARIABLE " in the environment is \"%s\": no rank", GF_ESC(text));
}

char *gf_rank_words_text(const gf_rank_words *w)
{
    gf_text t = {0};
    gf_text_printf(&t, "%d %d %d", w->rank, w->size, w->page);
    for (int r = 0; r < w->size; r++) gf_text_printf(&t, " %d", w->socket[r]);
    if (t.failed) gf_text_free(&t);
    return t.s;
}

static const uint32_t magic_number = 0x4b4e5247; /* "GRNK" */

gf_frame gf_frame_of(uint64_t number, uint64_t bytes)
{
    return (gf_frame){.magic = magic_number, .number = number, .bytes = bytes};
}

graft_status gf_frame_check(const gf_frame *f, int peer, uint64_t number, uint64_t bytes, graft_error *err)
{
    if (f->magic != magic_number || f->reserved)
        return gf_fail(err, GF_E_RANKS_DISAGREE, NULL, "rank %d sends what is no message of a rank", peer);
    if (f->number == number && f->bytes == bytes) return GRAFT_OK;
    return gf_fail(err, GF_E_RANKS_DISAGREE, NULL,
                   "rank %d sends message %llu of %llu bytes where message %llu of %llu is awaited", peer,
                   (unsigned long long)f->number, (unsigned long long)f->bytes, (unsigned long long)number,
                   (unsigned long long)bytes);
}
