/* server.h - starts and ends tests/support/bad_server.py, which needs python3 in the PATH. */
#ifndef TESTS_SERVER_H
#define TESTS_SERVER_H

#include <stddef.h>
#include <sys/types.h>

typedef struct server {
    pid_t pid;
    int in, out, port;
} server;

/* Serves `size` bytes on 127.0.0.1, by TLS where there is a certificate (of the folder tests/fixtures/fetch; NULL:
 * plain HTTP). Ends the test where it cannot. */
void server_start(server *s, const char *fixtures, size_t size, const char *certificate);
void server_stop(server *s);

#endif
