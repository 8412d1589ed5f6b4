/* detector_plain.c - one level, on the backbone's last map: right for one large object, or few that lie apart. */
#include "tasks/detector.h"

static graft_status add_head(gf_model *m, int last, int classes, float dropout, graft_error *err)
{
    int places = 0;
    (void)dropout;
    m->features = last;
    GF_TRY(gf_detector_level(m, last, classes, &places, err));
    return gf_detector_end(m, &places, 1, err);
}

const gf_detector_class gf_detector_plain = {
    .name = "plain",
    .help = "a convolution of 1 x 1 on the last map alone: large objects that lie apart",
    .add_head = add_head,
};
