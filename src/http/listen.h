/* listen.h - a socket that clients come to. */
#ifndef GF_HTTP_LISTEN_H
#define GF_HTTP_LISTEN_H

#include "base/error.h"

#include <stdbool.h>

typedef struct gf_listener {
    int fd;
    bool local;      /* only programs of this machine can reach it */
    char *address;   /* "127.0.0.1:8080" with the port that it got; gf_free */
    char *unix_path; /* to be removed in the end; NULL: none; gf_free */
} gf_listener;

/* "HOST:PORT" (HOST a number or localhost, an IPv6 one in brackets) or "unix:PATH". E3520. */
graft_status gf_listen(gf_listener *l, const char *where, graft_error *err);

#endif
