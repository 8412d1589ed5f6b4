/* PyTorch's state dicts through gf_weights_read: both forms, every layout, and what is refused. Files: make_torch.py.
 */
#include "base/alloc.h"
#include "base/io.h"
#include "formats/torch.h"
#include "formats/torch_view.h"
#include "formats/weights.h"
#include "unit/formats/tiny_want.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *fixture(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, GRAFT_FIXTURES "/formats/%s", name);
    return path;
}

static char scratch[64];

/* The last wanted tensor under another name, found by its alias. */
static graft_status read_tiny(tiny_want *t, const char *path, gf_weights_notes *notes, graft_error *err)
{
    tiny_want_init(t);
    *err = (graft_error){0};
    t->want[5].layer = "features.depthwise";
    t->want[5].alias[1] = "dw";
    return gf_weights_read(path, t->want, TINY_TENSORS, NULL, notes, err);
}

static void every_form_is_read(void **state)
{
    (void)state;
    static const char *const name[] = {
        "good_torch_zip.pth",      "good_torch_legacy.pth",     "good_torch_f16.pth",
        "good_torch_f64.pth",      "good_torch_prefix.pth",     "good_torch_checkpoint.pth",
        "good_torch_strided.pth",  "good_torch_parameters.pth", "good_torch_strided_legacy.pth",
        "good_torch_deflated.pth", "good_torch_unchecked.pth",  "good_torch_protocol4.pth",
        "good_torch_objects.pth",  "good_torch_objects4.pth",   "good_torch_objects_legacy.pth",
        "good_torch_beside.pth",   "good_torch_two_down.pth",   "good_torch_subclass.pth",
        "good_torch_encoder.pth",  "good_torch_dicts.pth",
    };
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        tiny_want t;
        graft_error err;
        gf_weights_notes notes = {0};
        if (read_tiny(&t, fixture(name[i]), &notes, &err) != GRAFT_OK) fail_msg("%s", err.message);
        if (!tiny_want_right(&t)) fail_msg("%s: wrong values", name[i]);
        assert_string_equal(notes.format, "PyTorch");
        assert_int_equal(notes.unchecked, !strcmp(name[i], "good_torch_unchecked.pth"));
        gf_weights_notes_free(&notes);
    }
}

static void bf16_is_read_as_it_was_rounded(void **state)
{
    (void)state;
    tiny_want t;
    graft_error err;
    assert_int_equal(read_tiny(&t, fixture("good_torch_bf16.pth"), NULL, &err), GRAFT_OK);
    for (int i = 0; i < TINY_TENSORS; i++) {
        for (size_t j = 0; j < gf_count(&t.want[i].shape); j++) {
            float exact = (float)i + (float)j / 64;
            assert_true(t.data[i][j] == gf_bf16_to_f32(gf_f32_to_bf16(exact)));
        }
    }
}

static void what_is_not_wanted_is_left_out_and_told(void **state)
{
    (void)state;
    static const char *const left[] = {"bn_Conv1.num_batches_tracked ()", "fc.weight (2, 4)", "fc.bias (2,)"};
    tiny_want t;
    graft_error err;
    gf_weights_notes notes = {0};
    assert_int_equal(read_tiny(&t, fixture("good_torch_zip.pth"), &notes, &err), GRAFT_OK);
    assert_int_equal(notes.left_out.n, 3);
    for (size_t i = 0; i < 3; i++) assert_string_equal(notes.left_out.item[i], left[i]);
    gf_weights_notes_free(&notes);
}

static void safetensors_with_torch_names_are_transposed_too(void **state)
{
    (void)state;
    tiny_want t;
    graft_error err;
    gf_weights_notes notes = {0};
    if (read_tiny(&t, fixture("good_torch.safetensors"), &notes, &err) != GRAFT_OK) fail_msg("%s", err.message);
    assert_true(tiny_want_right(&t));
    assert_string_equal(notes.format, "safetensors");
    gf_weights_notes_free(&notes);
}

static void layouts_that_change_their_kind(void **state)
{
    (void)state;
    enum { N = 8, MOST = 160 };
    static float data[N][MOST];
    gf_weight want[N] = {
        {"linear_as_conv", "kernel", GF_SHAPE(1, 1, 6, 5)},
        {"conv_as_linear", "kernel", GF_SHAPE(6, 5)},
        {"linear", "kernel", GF_SHAPE(6, 5)},
        {"flat", "kernel", GF_SHAPE(24, 5), .flat = GF_SHAPE(2, 3, 4)},
        {"flat_too", "kernel", GF_SHAPE(24, 5), .alias = {"other.name"}, .flat = GF_SHAPE(2, 3, 4)},
        {"twice", "kernel", GF_SHAPE(3, 3, 4, 2)},
        {"grouped", "kernel", GF_SHAPE(3, 3, 2, 8)},
        {"line", "kernel", GF_SHAPE(3, 4, 5)},
    };
    graft_error err = {0};
    for (int i = 0; i < N; i++) want[i].data = data[i];
    if (gf_weights_read(fixture("torch_dense.pth"), want, N, NULL, NULL, &err) != GRAFT_OK) fail_msg("%s", err.message);
    for (int i = 0; i < N; i++) {
        size_t n = gf_count(&want[i].shape);
        assert_true(n <= MOST);
        for (size_t j = 0; j < n; j++) {
            if (data[i][j] != (float)i + (float)j / 64) fail_msg("%s: value %zu is %g", want[i].layer, j, data[i][j]);
        }
    }
}

/* Every order of the dimensions, larger than the pieces in which values are copied: the value is its place. */
static void any_order_of_dimensions_is_copied_right(void **state)
{
    (void)state;
    enum { COUNT = 3 * 37 * 1 * 41 };
    static const int64_t dim[4] = {3, 37, 1, 41};
    static float in[COUNT], out[COUNT];
    static double in64[COUNT];
    for (int i = 0; i < COUNT; i++) in64[i] = in[i] = (float)i;
    for (int code = 0; code < 256; code++) {
        int order[4] = {code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6 & 3};
        if ((1 << order[0] | 1 << order[1] | 1 << order[2] | 1 << order[3]) != 15) continue;
        gf_shape shape = GF_SHAPE(dim[order[0]], dim[order[1]], dim[order[2]], dim[order[3]]);
        gf_view plain = gf_view_plain(&shape), view = {.shape.rank = 4};
        for (int d = 0; d < 4; d++) {
            view.shape.dim[order[d]] = dim[order[d]];
            view.stride[order[d]] = plain.stride[d];
        }
        for (int wide = 0; wide < 2; wide++) {
            memset(out, 0, sizeof out);
            const uint8_t *bytes = wide ? (uint8_t *)in64 : (uint8_t *)in;
            assert_true(gf_view_f32(bytes, wide ? GF_F64 : GF_F32, &view, out));
            for (int i = 0; i < COUNT; i++) {
                int64_t at[4] = {i / (37 * 41), i / 41 % 37, 0, i % 41}, from = 0;
                for (int d = 0; d < 4; d++) from += at[d] * view.stride[d];
                assert_true(out[i] == (float)from);
            }
        }
    }
    assert_false(gf_view_f32((uint8_t *)in, GF_S32, &(gf_view){.shape = GF_SHAPE(1)}, out));
}

/* ---- what is refused ---- */

static void bad_files_are_refused_by_name_and_in_full(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        int number;
        const char *says, *hint;
    } row[] = {
        {"bad_torch_system.pth", GF_E_PICKLE_FORBIDDEN, "wants `os.system`: not weight data", "may run"},
        {"bad_torch_eval.pth", GF_E_PICKLE_FORBIDDEN, "wants `builtins.eval`: not weight data", "may run"},
        {"bad_torch_resolve.pth", GF_E_PICKLE_FORBIDDEN, "wants `pkgutil.resolve_name`", "may run"},
        {"bad_torch_hub.pth", GF_E_PICKLE_FORBIDDEN, "wants `torch.hub.load`: not weight data", ""},
        {"bad_torch_numpy.pth", GF_E_TORCH_LAYOUT, "is an object of `numpy.core.multiarray._reconstruct`", ""},
        {"bad_torch_model.pth", GF_E_TORCH_LAYOUT, "is an object of `torch.nn.modules.module.Module`, a whole model",
         "weights_only=False).state_dict(), 'weights.pth')"},
        {"bad_torch_inner_model.pth", GF_E_TORCH_LAYOUT,
         "an object of `torch.nn.modules.module.Module` under `ema.net`", "['ema']['net'].state_dict()"},
        {"bad_torch_model_legacy.pth", GF_E_TORCH_LAYOUT, "is an object of `torch.nn.modules.module.Module`", ""},
        {"bad_torch_learner.pth", GF_E_TORCH_LAYOUT, "is an object of `fastai.learner.Learner`", "load_learner"},
        {"bad_torch_beside.pth", GF_E_PICKLE_FORBIDDEN, "wants `subprocess.Popen`: not weight data", "may run"},
        {"bad_torch_script.pth", GF_E_TORCH_LAYOUT, "TorchScript", "torch.jit.load"},
        {"bad_torch_byteorder.pth", GF_E_TORCH_LAYOUT, "byte order is not `little`", "little-endian"},
        {"bad_torch_nothing.pth", GF_E_TORCH_LAYOUT, "holds no state dict", "state_dict()"},
        {"bad_torch_no_pickle.pth", GF_E_WEIGHTS_UNKNOWN_FORMAT, "a zip archive, but not of a kind", ".pth"},
        {"bad_torch_no_storage.pth", GF_E_TORCH_STORAGE, "tensor `Conv1.weight`: its storage `data/0` is not in", ""},
        {"bad_torch_short_storage.pth", GF_E_TORCH_STORAGE, "tensor `Conv1.weight`: its storage has 428 bytes, 108",
         ""},
        {"bad_torch_beyond.pth", GF_E_TORCH_STORAGE, "tensor `w.weight` (4,): it reaches beyond the end", ""},
        {"bad_torch_stride.pth", GF_E_TORCH_STORAGE, "tensor `w.weight` (2, 2): it reaches beyond the end", ""},
        {"bad_torch_negative_stride.pth", GF_E_TORCH_STORAGE, "a negative dimension, stride or offset", ""},
        {"bad_torch_negative_offset.pth", GF_E_TORCH_STORAGE, "a negative dimension, stride or offset", ""},
        {"bad_torch_huge.pth", GF_E_TORCH_STORAGE, "its storage has 16 bytes, 1073741824 elements", ""},
        {"bad_torch_overflow.pth", GF_E_TORCH_STORAGE, "it reaches beyond the end of its storage", ""},
        {"bad_torch_count_overflow.pth", GF_E_TORCH_STORAGE, "its storage has no proper key or size", ""},
        {"bad_torch_nan.pth", GF_E_WEIGHTS_NONFINITE,
         "1 values in 1 tensors are NaN or infinite: bn_Conv1/beta (1 of 4)", "--allow-nonfinite"},
        {"bad_torch_misfit.pth", GF_E_WEIGHTS_MISSING,
         "1 missing, 1 of another shape, 1 too many: Conv1.bias is not in the model; Conv1/kernel is (3, 3, 3, 5), "
         "wanted "
         "(3, 3, 3, 4); no features.depthwise/kernel (3, 3, 4, 1). The file has fc.weight (2, 4), fc.bias",
         "architecture"},
        {"bad_torch_int.pth", GF_E_WEIGHTS_DTYPE, "bn_Conv1/gamma is not of floats", ""},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        tiny_want t;
        graft_error err;
        assert_int_equal(read_tiny(&t, fixture(row[i].file), NULL, &err), GRAFT_WEIGHTS);
        if (err.number != row[i].number || !strstr(err.message, row[i].says) || !strstr(err.hint, row[i].hint)) {
            fail_msg("%s: E%d: %s | %s", row[i].file, err.number, err.message, err.hint);
        }
        assert_true(tiny_want_untouched(&t));
    }
}

static void the_tar_form_is_named(void **state)
{
    (void)state;
    uint8_t tar[512] = "storages/0";
    tiny_want t;
    graft_error err;
    memcpy(tar + 257, "ustar", 6);
    assert_int_equal(gf_file_write(scratch, &(gf_bytes){tar, sizeof tar}, 1, NULL), GRAFT_OK);
    assert_int_equal(read_tiny(&t, scratch, NULL, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_WEIGHTS_UNKNOWN_FORMAT);
    assert_non_null(strstr(err.message, "a tar archive (as PyTorch wrote before version 0.2)"));
}

/* ---- damage ---- */

static uint8_t *load(const char *name, size_t *n)
{
    uint8_t *bytes;
    assert_int_equal(gf_file_read(fixture(name), 1 << 20, &bytes, n, NULL), GRAFT_OK);
    return bytes;
}

/* In a block of just that size, so that a read past the end shows. */
static graft_status parse(const uint8_t *bytes, size_t n, graft_error *err)
{
    gf_torch t;
    uint8_t *exact = malloc(n ? n : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, n);
    *err = (graft_error){0};
    graft_status status = gf_torch_parse(&t, exact, n, "f.pth", NULL, err);
    for (size_t i = 0; status == GRAFT_OK && i < t.n; i++) {
        const uint8_t *storage;
        status = gf_torch_storage_of(&t, &t.tensor[i], &storage, err);
    }
    gf_torch_close(&t);
    free(exact);
    return status;
}

static void a_file_cut_at_any_length_is_refused(void **state)
{
    (void)state;
    static const char *const name[] = {"good_torch_zip.pth", "good_torch_legacy.pth", "good_torch_deflated.pth"};
    for (size_t f = 0; f < sizeof name / sizeof *name; f++) {
        size_t n;
        graft_error err;
        uint8_t *bytes = load(name[f], &n);
        assert_int_equal(parse(bytes, n, &err), GRAFT_OK);
        for (size_t cut = 0; cut < n; cut++) {
            assert_int_equal(parse(bytes, cut, &err), GRAFT_WEIGHTS);
            assert_true(err.number >= 2400 && err.number < 2500);
        }
        gf_free(bytes);
    }
}

/* Where the sixth tensor's 144 bytes stand: 5 + j / 64 in PyTorch's order. */
static size_t find_values(const uint8_t *bytes, size_t n)
{
    static const float begins[] = {5, 5 + 4.0f / 64, 5 + 8.0f / 64};
    for (size_t i = 0; i + sizeof begins <= n; i++) {
        if (!memcmp(bytes + i, begins, sizeof begins)) return i;
    }
    fail_msg("no values");
    return 0;
}

static void a_flipped_bit_is_told_by_tensor(void **state)
{
    (void)state;
    size_t n;
    uint8_t *bytes = load("good_torch_zip.pth", &n);
    size_t at = find_values(bytes, n);
    for (size_t bit = 0; bit < 144 * 8; bit += 37) {
        graft_error err;
        bytes[at + bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(parse(bytes, n, &err), GRAFT_WEIGHTS);
        assert_int_equal(err.number, GF_E_ZIP_CHECKSUM);
        assert_non_null(strstr(err.message, "tensor `dw.weight` cannot be read: "));
        bytes[at + bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    gf_free(bytes);
}

static void packed_storages_are_bounded(void **state)
{
    (void)state;
    size_t n;
    gf_torch t;
    graft_error err = {0};
    const uint8_t *storage;
    uint8_t *bytes = load("good_torch_deflated.pth", &n);
    assert_int_equal(gf_torch_parse(&t, bytes, n, "f.pth", &(gf_torch_limits){.max_unpack = 431}, &err), GRAFT_OK);
    assert_int_equal(gf_torch_storage_of(&t, &t.tensor[1], &storage, &err), GRAFT_OK);
    assert_int_equal(gf_torch_storage_of(&t, &t.tensor[0], &storage, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_ZIP_LIMIT);
    assert_non_null(strstr(err.message, "tensor `Conv1.weight` cannot be read: "));
    gf_torch_close(&t);
    gf_free(bytes);
}

static void through_the_cage_too(void **state)
{
    (void)state;
    size_t n;
    tiny_want t;
    graft_error err;
    uint8_t *bytes = load("good_torch_zip.pth", &n);
    bytes[find_values(bytes, n) + 17] ^= 4;
    const gf_bytes part = {bytes, n};
    assert_int_equal(gf_file_write(scratch, &part, 1, NULL), GRAFT_OK);
    assert_int_equal(read_tiny(&t, scratch, NULL, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_ZIP_CHECKSUM);
    assert_non_null(strstr(err.message, "tensor `dw.weight` cannot be read: "));
    assert_true(tiny_want_untouched(&t));
    gf_free(bytes);
}

/* Any byte changed: refused, or a byte without a say (a date, a text that is not read); never a wild read. */
static void changed_bytes_do_no_harm(void **state)
{
    (void)state;
    static const char *const name[] = {"good_torch_zip.pth", "good_torch_legacy.pth", "good_torch_deflated.pth"};
    for (size_t f = 0; f < sizeof name / sizeof *name; f++) {
        size_t n, refused = 0;
        graft_error err;
        uint8_t *bytes = load(name[f], &n);
        for (size_t i = 0; i < n; i++) {
            uint8_t was = bytes[i];
            bytes[i] ^= i % 2 ? 0xff : 0x01;
            graft_status status = parse(bytes, n, &err);
            refused += status != GRAFT_OK;
            if (status != GRAFT_OK && err.number / 100 != 24) fail_msg("%s: byte %zu: %s", name[f], i, err.message);
            bytes[i] = was;
        }
        assert_true(refused > n / 8);
        gf_free(bytes);
    }
}

static int make_scratch(void **state)
{
    (void)state;
    snprintf(scratch, sizeof scratch, "/tmp/graft-test-torch-%d", (int)getpid());
    return 0;
}

static int remove_scratch(void **state)
{
    (void)state;
    unlink(scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_read),
        cmocka_unit_test(bf16_is_read_as_it_was_rounded),
        cmocka_unit_test(what_is_not_wanted_is_left_out_and_told),
        cmocka_unit_test(safetensors_with_torch_names_are_transposed_too),
        cmocka_unit_test(layouts_that_change_their_kind),
        cmocka_unit_test(any_order_of_dimensions_is_copied_right),
        cmocka_unit_test(bad_files_are_refused_by_name_and_in_full),
        cmocka_unit_test(the_tar_form_is_named),
        cmocka_unit_test(a_file_cut_at_any_length_is_refused),
        cmocka_unit_test(a_flipped_bit_is_told_by_tensor),
        cmocka_unit_test(packed_storages_are_bounded),
        cmocka_unit_test(through_the_cage_too),
        cmocka_unit_test(changed_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
