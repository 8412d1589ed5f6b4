/* zip_layout.h - where an archive's entries stand, by its directory and by the headers before them. Bytes only. */
#ifndef GF_FORMATS_ZIP_LAYOUT_H
#define GF_FORMATS_ZIP_LAYOUT_H

#include "formats/zip.h"

/* Fills zip->entry and zip->n (sorted by name) from zip->bytes, believing nothing. On failure they hold what is to be
 * freed by gf_zip_close. */
graft_status gf_zip_layout(gf_zip *zip, const gf_zip_limits *limits, graft_error *err);

#endif
