#include "zoo/bag.h"

graft_status gf_bag_build(gf_model *m, int words, int width, int places, graft_error *err)
{
    *m = (gf_model){.name = "bag"};
    gf_builder b = {.m = m, .err = err, .status = GRAFT_OK};
    gf_layer input = {.cls = &gf_layer_input, .name = "pieces", .shape = GF_SHAPE(places), .backbone = true};
    gf_layer table = {.cls = &gf_layer_piece_lookup}, mean = {.cls = &gf_layer_piece_pooling};
    input.at.dtype = GF_S32;
    table.at.by = GF_LOOKUP_PIECE;
    table.at.rows = words + 1;
    table.at.units = width;
    table.at.separator = -1;
    b.status = gf_model_add(m, &input, &b.at, err);
    gf_add(&b, table, "embedding");
    gf_add(&b, mean, "pooling");
    m->features = m->output = b.at;
    if (b.status == GRAFT_OK) b.status = gf_model_finish(m, err);
    if (b.status != GRAFT_OK) gf_model_free(m);
    return b.status;
}
