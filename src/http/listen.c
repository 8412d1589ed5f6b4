#include "http/listen.h"

#include "base/alloc.h"
#include "base/number.h"
#include "base/sys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { BACKLOG = 1024, HOST = 64, MOST_PORT = 65535 };
static const char unix_prefix[] = "unix:";

typedef union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un un;
} address;

static graft_status cannot(const char *where, int number, graft_error *err)
{
    const char *hint = number == EADDRINUSE ? "another program has it; --listen 127.0.0.1:0 takes a port that is free"
                       : number == EACCES   ? "ports below 1024 are root's"
                                            : NULL;
    char why[128];
    return gf_fail(err, GF_E_HTTP_LISTEN, hint, "%s: cannot listen there: %s", GF_ESC(where),
                   strerror_r(number, why, sizeof why));
}

static graft_status not_one(const char *where, graft_error *err)
{
    return gf_fail(err, GF_E_HTTP_LISTEN, "127.0.0.1:8080, [::1]:8080, 0.0.0.0:8080 or unix:/run/graft.sock",
                   "%s: no address to listen on: HOST:PORT with a number or localhost as HOST, or unix:PATH, is wanted",
                   GF_ESC(where));
}

/* ---- addresses */

static bool port_of(const char *text, in_port_t *port)
{
    unsigned value = 0;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9' || c - text > 4) return false;
        value = 10 * value + (unsigned)(*c - '0');
    }
    *port = htons((in_port_t)value);
    return *text && value <= MOST_PORT;
}

static bool parse_ip(const char *where, address *a, socklen_t *n)
{
    char host[HOST];
    in_port_t port;
    const char *colon = strrchr(where, ':');
    size_t length = colon ? (size_t)(colon - where) : 0;
    if (!length || length >= sizeof host || !port_of(colon + 1, &port)) return false;
    memcpy(host, where, length);
    host[length] = '\0';
    if (!strcmp(host, "localhost")) snprintf(host, sizeof host, "127.0.0.1");
    if (host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        a->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
        *n = sizeof a->v6;
        return inet_pton(AF_INET6, host + 1, &a->v6.sin6_addr) == 1;
    }
    a->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
    *n = sizeof a->v4;
    return inet_pton(AF_INET, host, &a->v4.sin_addr) == 1;
}

static bool parse_unix(const char *path, address *a, socklen_t *n)
{
    a->un = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (!*path || strlen(path) >= sizeof a->un.sun_path) return false;
    memcpy(a->un.sun_path, path, strlen(path) + 1);
    *n = sizeof a->un;
    return true;
}

static bool is_local(const address *a)
{
    static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
    enum { LOOPBACK_NET = 127, SHIFT = 24 };
    if (a->any.sa_family == AF_UNIX) return true;
    if (a->any.sa_family == AF_INET) return ntohl(a->v4.sin_addr.s_addr) >> SHIFT == LOOPBACK_NET;
    return !memcmp(&a->v6.sin6_addr, &loopback, sizeof loopback);
}

/* With the port that was given where 0 was asked for. */
static char *told_address(int fd, const char *where)
{
    address a = {0};
    socklen_t n = sizeof a;
    const char *colon = strrchr(where, ':');
    if (getsockname(fd, &a.any, &n) || a.any.sa_family == AF_UNIX) return gf_strdup(where);
    unsigned port = ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
    return gf_sprintf("%.*s:%u", (int)(colon - where), where, port);
}

/* ---- sockets */

/* A socket file that a process left behind when it was killed is nobody's. */
static void remove_left_behind(const address *a, socklen_t n)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return;
    if (connect(fd, &a->any, n) && errno == ECONNREFUSED) gf_sys_unlink(a->un.sun_path);
    gf_sys_close(fd);
}

graft_status gf_listen(gf_listener *l, const char *where, graft_error *err)
{
    size_t prefix = sizeof unix_prefix - 1;
    bool is_unix = !strncmp(where, unix_prefix, prefix);
    address a;
    socklen_t n;
    *l = (gf_listener){.fd = -1};
    if (!(is_unix ? parse_unix(where + prefix, &a, &n) : parse_ip(where, &a, &n))) return not_one(where, err);
    if (is_unix) remove_left_behind(&a, n);
    l->fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0) return cannot(where, errno, err);
    setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    bool bound = !bind(l->fd, &a.any, n);
    int failed = bound && !listen(l->fd, BACKLOG) ? 0 : errno;
    if (bound && is_unix) l->unix_path = gf_strdup(where + prefix);
    l->local = is_local(&a);
    l->address = failed ? NULL : told_address(l->fd, where);
    if (l->address && (!is_unix || l->unix_path)) return GRAFT_OK;
    if (bound && is_unix) gf_sys_unlink(a.un.sun_path);
    gf_sys_close(l->fd);
    gf_free(l->address);
    gf_free(l->unix_path);
    *l = (gf_listener){.fd = -1};
    return failed ? cannot(where, failed, err) : gf_fail_memory(err, HOST, "a server's address");
}
