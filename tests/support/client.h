/* client.h - a client of a server in the same test program: a connection, and what comes back. */
#ifndef TESTS_SUPPORT_CLIENT_H
#define TESTS_SUPPORT_CLIENT_H

#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* To 127.0.0.1 and the port that an address ends in; -1: nobody listens. */
static inline int client_connect(const char *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons((in_port_t)atoi(strrchr(address, ':') + 1));
    if (!connect(fd, (struct sockaddr *)&to, sizeof to)) return fd;
    close(fd);
    return -1;
}

/* All that comes until the server closes, as far as there is room, as a text; then this side closes, too. */
static inline size_t client_read(int fd, char *got, size_t size)
{
    size_t n = 0;
    ssize_t more;
    while (n < size - 1 && (more = recv(fd, got + n, size - 1 - n, 0)) > 0) n += (size_t)more;
    got[n] = '\0';
    close(fd);
    return n;
}

#endif
