/* any_address.h - an entry for a file that no catalogue knows: any address that a user gives. */
#ifndef GF_FETCH_ANY_ADDRESS_H
#define GF_FETCH_ANY_ADDRESS_H

#include "fetch/catalogue.h"

/* An entry and what it is made of. */
typedef struct gf_any_address {
    gf_weights_entry entry;
    const char *url; /* the caller's, as is sha256 */
    char *file;
    char sha256[65];
} gf_any_address;

bool gf_is_address(const char *text);

/* The file's name in the cache is the address's last, behind eight digits of the address's own digest. sha256: 64
 * hexadecimal digits, or NULL: then what came is remembered. E3002 where one of them is none. gf_any_address_free. */
graft_status gf_any_address_make(gf_any_address *a, const char *url, const char *sha256, graft_error *err);
void gf_any_address_free(gf_any_address *a);

/* The digest of `text`, in lower case; E3002. */
graft_status gf_sha256_read(char out[65], const char *text, graft_error *err);

#endif
