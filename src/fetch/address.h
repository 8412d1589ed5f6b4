/* address.h - which addresses are inside: of this machine, its links, or a private network. A redirect from elsewhere
 * may not lead there, lest a server on the internet makes graft speak to what only this machine can reach. */
#ifndef GF_FETCH_ADDRESS_H
#define GF_FETCH_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* Loopback, unspecified, private, link-local, shared (RFC 6598), multicast and reserved; families other than IPv4 and
 * IPv6 too. IPv4 addresses inside IPv6 ones count as themselves. */
bool gf_address_is_inside(const struct sockaddr *address);

/* The same for a host as it stands in an address: a number, with or without brackets, or localhost. False for other
 * names: what they stand for is looked at when they are connected to. */
bool gf_host_is_inside(const char *host);

#endif
