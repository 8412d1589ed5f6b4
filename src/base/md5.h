/* md5.h - MD5 (nettle), only to check files against digests that their publishers give in this form. */
#ifndef GF_BASE_MD5_H
#define GF_BASE_MD5_H

#include <stddef.h>

typedef struct gf_md5_state gf_md5_state;
gf_md5_state *gf_md5_begin(void); /* NULL: no memory */
void gf_md5_add(gf_md5_state *s, const void *data, size_t n);
void gf_md5_end(gf_md5_state *s, char hex[33]); /* frees s */

#endif
