/* words.h - what a process that is started as a rank finds in its environment: which rank it is, of how many, and the
 * descriptors that it inherits. "2 4 17 20 21 -1 22": rank 2 of 4, the shared page is 17, the sockets to the ranks 0, 1
 * and 3 are 20, 21 and 22. */
#ifndef GF_COMM_WORDS_H
#define GF_COMM_WORDS_H

#include "comm/comm.h"

#define GF_RANK_VARIABLE "GRAFT_RANK"

typedef struct gf_rank_words {
    int rank, size, page;
    int socket[GF_MOST_RANKS]; /* -1: of this rank */
} gf_rank_words;

/* E8005 for text that is none. */
graft_status gf_rank_words_parse(gf_rank_words *w, const char *text, graft_error *err);
/* gf_free; NULL: no memory. */
char *gf_rank_words_text(const gf_rank_words *w);

/* What stands before the bytes of an exchange. */
typedef struct gf_frame {
    uint32_t magic, reserved;
    uint64_t number; /* of the exchange with that rank, from 0 */
    uint64_t bytes;
} gf_frame;
gf_frame gf_frame_of(uint64_t number, uint64_t bytes);
/* E8003 unless it is exchange `number` of so many bytes. */
graft_status gf_frame_check(const gf_frame *f, int peer, uint64_t number, uint64_t bytes, graft_error *err);

#endif
