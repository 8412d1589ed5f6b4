/* photo.h - photos made small for plots and pages. */
#ifndef GF_REPORT_PHOTO_H
#define GF_REPORT_PHOTO_H

#include "image/image.h"
#include "report/record.h"

/* The photo scaled, in its proportions, to fit box_w x box_h pixels: enlarged or (antialiased) reduced. *out is the
 * caller's (gf_image_free). A photo without pixels gives an empty image and GRAFT_OK. */
graft_status gf_photo_fit(const gf_pixels *photo, int box_w, int box_h, gf_image *out, graft_error *err);

#endif
