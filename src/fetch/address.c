#include "fetch/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static const struct {
    uint32_t net;
    int bits;
} inside_v4[] = {
    {0x00000000, 8},  /* this network */
    {0x0a000000, 8},  /* private */
    {0x64400000, 10}, /* shared */
    {0x7f000000, 8},  /* loopback */
    {0xa9fe0000, 16}, /* link-local, where clouds answer about the machine */
    {0xac100000, 12}, /* private */
    {0xc0000000, 24}, /* protocol assignments */
    {0xc0a80000, 16}, /* private */
    {0xc6120000, 15}, /* benchmarks */
    {0xe0000000, 3},  /* multicast, reserved, broadcast */
};

static bool v4_is_inside(uint32_t address)
{
    for (size_t i = 0; i < sizeof inside_v4 / sizeof *inside_v4; i++) {
        if ((address ^ inside_v4[i].net) >> (32 - inside_v4[i].bits) == 0) return true;
    }
    return false;
}

static uint32_t be32(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | (uint32_t)b[3];
}

static bool v6_is_inside(const uint8_t b[16])
{
    static const uint8_t zeros[12], mapped[12] = {[10] = 0xff, [11] = 0xff}, nat64[12] = {0, 0x64, 0xff, 0x9b};
    if (!memcmp(b, zeros, 12)) return true; /* unspecified, loopback, and IPv4 in the old form */
    if (!memcmp(b, mapped, 12) || !memcmp(b, nat64, 12)) return v4_is_inside(be32(b + 12));
    if (b[0] == 0x20 && b[1] == 0x02) return v4_is_inside(be32(b + 2)); /* 6to4 */
    bool local = (b[0] & 0xfe) == 0xfc, link = b[0] == 0xfe && b[1] >= 0x80, multicast = b[0] == 0xff;
    return local || link || multicast;
}

bool gf_address_is_inside(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        return v4_is_inside(ntohl(v4.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        return v6_is_inside(v6.sin6_addr.s6_addr);
    }
    return true;
}

bool gf_host_is_inside(const char *host)
{
    char name[256];
    size_t n = strlen(host);
    if (n >= 2 && host[0] == '[' && host[n - 1] == ']') host++, n -= 2;
    if (n && host[n - 1] == '.') n--;
    if (n == 0 || n >= sizeof name) return true;
    memcpy(name, host, n);
    name[n] = 0;
    char *zone = strchr(name, '%');
    if (zone) *zone = 0;
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_aton(name, &v4))
        return v4_is_inside(ntohl(v4.s_addr)); /* takes 127.1 and 0x7f000001 too, as resolvers do */
    if (inet_pton(AF_INET6, name, &v6) == 1) return v6_is_inside(v6.s6_addr);
    static const char localhost[] = "localhost";
    size_t tail = sizeof localhost - 1;
    if (n < tail || strcasecmp(name + n - tail, localhost)) return false;
    return n == tail || name[n - tail - 1] == '.';
}
