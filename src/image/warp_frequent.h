/* warp_frequent.h - which loops of a vector warp are taken. Included once, by a file that has defined warp() for its
 * instructions and names them as TARGET.
 *
 * The frequent case, in floats and in bytes, has loops of its own: their branches on border and interpolation are gone.
 * The copies are for no store through dst to be thought to change what they hold. */
TARGET static void warp_any(const gf_warp *p, const uint8_t *rgb, const gf_quantize_map *map, void *dst)
{
    gf_warp copy = *p;
    gf_quantize_map kept = map ? *map : (gf_quantize_map){.factor = {0}};
    bool frequent = p->border == GF_BORDER_REFLECT && !p->nearest;
    if (frequent) {
        copy.border = GF_BORDER_REFLECT;
        copy.nearest = false;
    }
    if (frequent && !map) {
        warp(&copy, rgb, NULL, dst);
    } else if (frequent) {
        warp(&copy, rgb, &kept, dst);
    } else {
        warp(&copy, rgb, map ? &kept : NULL, dst);
    }
}
