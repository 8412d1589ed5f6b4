/* Any text as --augment's words: what is taken is in range, and can be drawn and done. */
#include "image/augment.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const gf_augment_word *word)
{
    if (!(word->p >= 0 && word->p <= 1)) __builtin_trap();
    for (int i = 0; i < word->change->n_args; i++) {
        const gf_change_arg *row = &word->change->args[i];
        const struct gf_change_value *value = &word->args.value[i];
        if (row->kind == GF_CHANGE_FILL || row->kind == GF_CHANGE_CHOICE || row->kind == GF_CHANGE_FLAG) continue;
        if (!(value->low >= row->min && value->high <= row->max && value->low <= value->high)) __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { H = 5, W = 9, MOST_SCRATCH = 1 << 20 };
    static uint8_t image[H * W * 3], scratch[MOST_SCRATCH];
    static float out[H * W * 3];
    char text[256];
    if (size >= sizeof text) size = sizeof text - 1;
    memcpy(text, data, size);
    text[size] = 0;
    gf_augment_spec spec;
    graft_error err = {0};
    if (gf_augment_parse(text, &spec, &err) != GRAFT_OK) return 0;
    for (int i = 0; i < spec.n; i++) check(&spec.word[i]);
    if (gf_augment_scratch_bytes(&spec, H, W, H, W) > MOST_SCRATCH) return 0;
    gf_augment_drawn drawn;
    gf_augment_draw(&spec, 1, 0, (uint32_t)size, H, W, H, W, &drawn);
    gf_augment_apply(&drawn, image, out, scratch);
    for (int i = 0; i < H * W * 3; i++) {
        if (!(out[i] >= -0.001f && out[i] <= 255.001f)) __builtin_trap();
    }
    return 0;
}
