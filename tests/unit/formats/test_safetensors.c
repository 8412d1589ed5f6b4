/* safetensors: what is written is read back and byte-stable; every kind of bad file is refused by name and place. */
#include "base/alloc.h"
#include "base/io.h"
#include "formats/safetensors.h"
#define ONE_FILE "f.safetensors"
#include "support/one_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct bytes {
    uint8_t *p;
    size_t n;
} bytes;

/* A file of this header (its length put before it) and `data` bytes 0, 1, 2 ... */
static bytes file_of(const char *header, size_t data)
{
    uint64_t length = strlen(header);
    bytes b = {malloc(8 + length + data), 8 + length + data};
    assert_non_null(b.p);
    memcpy(b.p, &length, 8);
    memcpy(b.p + 8, header, length);
    for (size_t i = 0; i < data; i++) b.p[8 + length + i] = (uint8_t)i;
    return b;
}

static graft_status parse(bytes b, graft_error *err)
{
    gf_safetensors st;
    graft_status status = gf_safetensors_parse(&st, b.p, b.n, "f.safetensors", NULL, err);
    if (status != GRAFT_OK) assert_null(st.tensor);
    gf_safetensors_close(&st);
    return status;
}

typedef struct row {
    const char *header;
    size_t data;
    int number;       /* 0: a good file */
    const char *says; /* part of the message */
} row;

#define T(type, shape, begin, end) "{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"

static const row rows[] = {
    {"{}", 0, 0, ""},
    {"{\"a\":" T("F32", "[2]", 0, 8) "}", 8, 0, ""},
    {"{\"a\":" T("F32", "[2]", 0, 8) ",\"__metadata__\":{\"k\":\"v\"}}   ", 8, 0, ""},
    {"{\"b\":" T("F32", "[1]", 4, 8) ",\"a\":" T("F32", "[]", 0, 4) ",\"z\":" T("U8", "[0]", 4, 4) "}", 8, 0, ""},
    /* not JSON, or not of this shape */
    {"[1]", 0, GF_E_SAFETENSORS_HEADER, "does not begin with `{`"},
    {" {}", 0, GF_E_SAFETENSORS_HEADER, "byte 8"},
    {"{\"a\":", 0, GF_E_SAFETENSORS_HEADER, ":1:"},
    {"{\"\xff\":1}", 0, GF_E_SAFETENSORS_HEADER, ":1:2: not valid JSON: unable to decode"},
    {"{\"a\":" T("F32", "[2]", 0, 8) ",\"a\":" T("F32", "[2]", 0, 8) "}", 8, GF_E_SAFETENSORS_HEADER, "duplicate"},
    {"{\"a\":{\"dtype\":[[1]]}}", 0, GF_E_SAFETENSORS_HEADER, "byte 23: the header is nested deeper than 3"},
    {"{\"a\":1}", 0, GF_E_SAFETENSORS_TENSOR, "a: not an object"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 0, GF_E_SAFETENSORS_TENSOR, "a: not an object of"},
    {"{\"__metadata__\":[]}", 0, GF_E_SAFETENSORS_HEADER, "not an object"},
    {"{\"__metadata__\":{\"k\":7}}", 0, GF_E_SAFETENSORS_HEADER, "`k` in `__metadata__` is not text"},
    /* numbers that are none */
    {"{\"a\":" T("F32", "[1e999]", 0, 8) "}", 8, GF_E_SAFETENSORS_HEADER, "overflow"},
    {"{\"a\":" T("F32", "[2.5]", 0, 8) "}", 8, GF_E_SAFETENSORS_TENSOR, "dimension 0"},
    {"{\"a\":" T("F32", "[-1]", 0, 8) "}", 8, GF_E_SAFETENSORS_TENSOR, "dimension 0"},
    {"{\"a\":" T("F32", "[18446744073709551616]", 0, 8) "}", 8, GF_E_SAFETENSORS_HEADER, "big"},
    {"{\"a\":" T("F32", "[2]", 0, 18446744073709551616) "}", 8, GF_E_SAFETENSORS_HEADER, "big"},
    {"{\"a\":" T("F32", "[2]", 0, 9223372036854775807) "}", 8, GF_E_SAFETENSORS_DATA, "9223372036854775807"},
    {"{\"a\":" T("F32", "\"2\"", 0, 8) "}", 8, GF_E_SAFETENSORS_TENSOR, "`shape` is not a list"},
    {"{\"a\":" T("F32", "[1,1,1,1,1,1,2]", 0, 8) "}", 8, GF_E_SAFETENSORS_TENSOR, "at most 6"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", 8, GF_E_SAFETENSORS_TENSOR, "data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":{\"0\":0}}}", 8, GF_E_SAFETENSORS_TENSOR,
     "data_offsets"},
    /* the data are not filled exactly */
    {"{\"a\":" T("F32", "[2]", 8, 0) "}", 8, GF_E_SAFETENSORS_TENSOR, "begin <= end"},
    {"{\"a\":" T("F32", "[2]", -8, 0) "}", 8, GF_E_SAFETENSORS_TENSOR, "0 <= begin"},
    {"{\"a\":" T("F32", "[2]", 0, 8) ",\"b\":" T("F32", "[2]", 4, 12) "}", 12, GF_E_SAFETENSORS_DATA, "overlap"},
    {"{\"a\":" T("F32", "[1]", 0, 4) ",\"b\":" T("F32", "[1]", 8, 12) "}", 12, GF_E_SAFETENSORS_DATA, "hole"},
    {"{\"a\":" T("F32", "[1]", 4, 8) "}", 8, GF_E_SAFETENSORS_DATA, "hole"},
    {"{\"a\":" T("F32", "[2]", 0, 8) "}", 9, GF_E_SAFETENSORS_DATA, "the file has 9 bytes"},
    {"{\"a\":" T("F32", "[2]", 0, 8) "}", 7, GF_E_SAFETENSORS_DATA, "end at byte 8"},
    {"{\"a\":" T("F32", "[2]", 0, 8) ",\"z\":" T("F32", "[0]", 3, 3) "}", 8, GF_E_SAFETENSORS_DATA,
     "z: its data begin"},
    /* shapes and types that do not fit their bytes */
    {"{\"a\":" T("F32", "[4194305,4194305,211106198978564]", 0, 16) "}", 16, GF_E_SAFETENSORS_TENSOR, "any memory"},
    {"{\"a\":" T("F64", "[1152921504606846976]", 0, 0) "}", 0, GF_E_SAFETENSORS_TENSOR, "any memory"},
    {"{\"a\":" T("F32", "[3]", 0, 8) "}", 8, GF_E_SAFETENSORS_TENSOR, "(3,) of F32 takes 12 bytes"},
    {"{\"a\":" T("F16", "[2]", 0, 8) "}", 8, GF_E_SAFETENSORS_TENSOR, "F16 takes 4 bytes"},
    {"{\"a\":" T("Q4", "[2]", 0, 8) "}", 8, GF_E_WEIGHTS_DTYPE, "`Q4` is not known"},
    {"{\"a\x1b[2J\":" T("F32", "[3]", 0, 8) "}", 8, GF_E_SAFETENSORS_HEADER, "control"},
};

static void bad_headers_are_refused_by_name_and_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        graft_error err = {0};
        bytes b = file_of(rows[i].header, rows[i].data);
        graft_status status = parse(b, &err);
        free(b.p);
        if (!rows[i].number) {
            if (status != GRAFT_OK) fail_msg("%s: %s", rows[i].header, err.message);
            continue;
        }
        if (status != GRAFT_WEIGHTS || err.number != rows[i].number || !strstr(err.message, rows[i].says) ||
            strncmp(err.message, "f.safetensors", 13)) {
            fail_msg("%s: status %d, E%d: %s", rows[i].header, status, err.number, err.message);
        }
        assert_null(strchr(err.message, 0x1b));
    }
}

static void header_length_is_bounded(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {0, 1, 100, 16u << 20, (16u << 20) + 1, 1ull << 63, ~0ull};
    uint8_t small[16] = {0};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        graft_error err = {0};
        memcpy(small, &lengths[i], 8);
        assert_int_equal(parse((bytes){small, sizeof small}, &err), GRAFT_WEIGHTS);
        assert_int_equal(err.number, GF_E_SAFETENSORS_HEADER);
    }
    size_t n = (17u << 20) + 8; /* really there, but past the limit */
    uint64_t length = 17u << 20;
    uint8_t *big = malloc(n);
    assert_non_null(big);
    memset(big, ' ', n);
    memcpy(big, &length, 8);
    big[8] = '{';
    big[n - 1] = '}';
    graft_error err = {0};
    assert_int_equal(parse((bytes){big, n}, &err), GRAFT_WEIGHTS);
    assert_non_null(strstr(err.message, "16777216"));
    free(big);
}

static void ten_million_keys_are_refused_at_once(void **state)
{
    (void)state;
    size_t length = 15u << 20;
    bytes b = {malloc(8 + length), 8 + length};
    assert_non_null(b.p);
    memcpy(b.p, &(uint64_t){length}, 8);
    b.p[8] = '{';
    for (size_t i = 1; i + 5 < length; i += 5) memcpy(b.p + 8 + i, "\"\":1,", 5);
    graft_error err = {0};
    clock_t begin = clock();
    assert_int_equal(parse(b, &err), GRAFT_WEIGHTS);
    assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 1);
    assert_int_equal(err.number, GF_E_SAFETENSORS_HEADER);
    assert_non_null(strstr(err.message, "more entries than 100000"));
    free(b.p);
}

/* ---- what is written ---- */

typedef struct sample {
    float a[6];
    uint8_t b[3];
    int64_t c;
    double d[2];
    uint16_t e[2], f[3];
    int32_t g;
} sample;

static const sample numbers = {
    {1, -2, 3.5f, 0, 1e-38f, 1e38f}, {1, 2, 255}, -(1ll << 40), {0.1, -1e300}, {0x3f80, 0xc000},
    {0x3c00, 0x0001, 0x7bff},        -7};

static void make(gf_tensor t[7], const sample *s)
{
    t[0] = (gf_tensor){"b/u8", GF_U8, GF_SHAPE(3), (void *)s->b};
    t[1] = (gf_tensor){"a/kernel", GF_F32, GF_SHAPE(2, 3), (void *)s->a};
    t[2] = (gf_tensor){"c", GF_S64, {0, {0}}, (void *)&s->c};
    t[3] = (gf_tensor){"d", GF_F64, GF_SHAPE(2), (void *)s->d};
    t[4] = (gf_tensor){"e", GF_BF16, GF_SHAPE(2), (void *)s->e};
    t[5] = (gf_tensor){"f", GF_F16, GF_SHAPE(1, 3), (void *)s->f};
    t[6] = (gf_tensor){"\xc3\xa9", GF_S32, GF_SHAPE(1), (void *)&s->g};
}

static const gf_meta meta[] = {{"model", "{\"layers\": [1, \"\\u00e9\"]}"}, {"graft.version", "1"}};

static bytes slurp(void)
{
    bytes b;
    assert_int_equal(gf_file_read(path, 1 << 20, &b.p, &b.n, NULL), GRAFT_OK);
    return b;
}

static void written_files_read_back(void **state)
{
    (void)state;
    gf_tensor t[7];
    make(t, &numbers);
    assert_int_equal(gf_safetensors_write(path, t, 7, meta, 2, NULL), GRAFT_OK);
    gf_safetensors st;
    graft_error err = {0};
    assert_int_equal(gf_safetensors_open(&st, path, NULL, &err), GRAFT_OK);
    assert_int_equal(st.n, 7);
    assert_int_equal((st.data - st.file) % 64, 0);
    assert_string_equal(gf_safetensors_meta(&st, "model"), meta[0].value);
    assert_string_equal(gf_safetensors_meta(&st, "graft.version"), "1");
    assert_int_equal(strlen(gf_safetensors_meta(&st, "graft.sha256")), 64);
    assert_null(gf_safetensors_meta(&st, "none"));
    assert_null(gf_safetensors_find(&st, "none"));
    for (int i = 0; i < 7; i++) {
        const gf_safetensors_tensor *x = gf_safetensors_find(&st, t[i].name);
        assert_non_null(x);
        assert_int_equal(x->dtype, t[i].dtype);
        assert_true(gf_shape_equal(&x->shape, &t[i].shape));
        assert_int_equal(x->offset % gf_dtype_size(x->dtype), 0);
        assert_int_equal(x->bytes, gf_count(&t[i].shape) * gf_dtype_size(t[i].dtype));
        assert_memory_equal(gf_safetensors_bytes(&st, x), t[i].data, x->bytes);
    }
    float out[6];
    const gf_safetensors_tensor *f16 = gf_safetensors_find(&st, "f");
    assert_int_equal(gf_safetensors_f32(&st, f16, NULL, out, NULL), GRAFT_OK);
    assert_true(out[0] == 1 && out[1] == 0x1p-24f && out[2] == 65504);
    assert_int_equal(gf_safetensors_f32(&st, gf_safetensors_find(&st, "d"), NULL, out, NULL), GRAFT_OK);
    assert_true(out[0] == 0.1f && out[1] < -3.4e38f);
    assert_int_equal(gf_safetensors_f32(&st, gf_safetensors_find(&st, "e"), NULL, out, NULL), GRAFT_OK);
    assert_true(out[0] == 1 && out[1] == -2);
    assert_int_equal(gf_safetensors_f32(&st, f16, &GF_SHAPE(3, 1), out, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_WEIGHTS_SHAPE);
    assert_non_null(strstr(err.message, "f: shape (1, 3), (3, 1) is wanted"));
    assert_int_equal(gf_safetensors_f32(&st, gf_safetensors_find(&st, "c"), NULL, out, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_WEIGHTS_DTYPE);
    gf_safetensors_close(&st);
}

static void equal_contents_give_equal_bytes_in_any_order(void **state)
{
    (void)state;
    gf_tensor t[7], transposed[7];
    make(t, &numbers);
    for (int i = 0; i < 7; i++) transposed[i] = t[6 - i];
    assert_int_equal(gf_safetensors_write(path, t, 7, meta, 2, NULL), GRAFT_OK);
    bytes first = slurp();
    const gf_meta other[] = {meta[1], meta[0]};
    assert_int_equal(gf_safetensors_write(path, transposed, 7, other, 2, NULL), GRAFT_OK);
    bytes second = slurp();
    assert_int_equal(first.n, second.n);
    assert_memory_equal(first.p, second.p, first.n);
    gf_free(first.p);
    gf_free(second.p);
}

/* Every shorter length and every single changed bit: never accepted. Two exceptions: padding, which means nothing, and
 * the letters of the digest's own key: with those changed the file is one without a digest. */
static void a_damaged_file_is_never_accepted(void **state)
{
    (void)state;
    gf_tensor t[7];
    make(t, &numbers);
    assert_int_equal(gf_safetensors_write(path, t, 7, meta, 2, NULL), GRAFT_OK);
    bytes b = slurp();
    for (size_t n = 0; n < b.n; n++) {
        uint8_t *cut = malloc(n ? n : 1);
        assert_non_null(cut);
        memcpy(cut, b.p, n);
        assert_int_equal(parse((bytes){cut, n}, NULL), GRAFT_WEIGHTS);
        free(cut);
    }
    const uint8_t *key = memmem(b.p, b.n, "graft.sha256", strlen("graft.sha256"));
    assert_non_null(key);
    for (size_t bit = 0; bit < 8 * b.n; bit++) {
        uint8_t was = b.p[bit / 8];
        if (was == ' ' || (b.p + bit / 8 >= key && b.p + bit / 8 < key + strlen("graft.sha256"))) continue;
        b.p[bit / 8] = (uint8_t)(was ^ 1u << bit % 8);
        graft_error err = {0};
        if (parse(b, &err) != GRAFT_WEIGHTS) fail_msg("bit %zu: accepted (byte was `%c`)", bit, was);
        if (bit / 8 == b.n - 1) assert_int_equal(err.number, GF_E_WEIGHTS_CHECKSUM);
        b.p[bit / 8] = was;
    }
    assert_int_equal(parse(b, NULL), GRAFT_OK);
    gf_free(b.p);
}

static void bad_calls_of_the_writer(void **state)
{
    (void)state;
    float x[2] = {0};
    gf_tensor twice[2] = {{"a", GF_F32, GF_SHAPE(1), x}, {"a", GF_F32, GF_SHAPE(1), x}};
    gf_tensor reserved = {"__metadata__", GF_F32, GF_SHAPE(1), x};
    gf_tensor huge = {"a", GF_F32, GF_SHAPE(INT64_MAX, 3), x};
    const gf_meta same[] = {{"k", "1"}, {"k", "2"}}, digest = {"graft.sha256", "0"};
    unlink(path);
    assert_int_equal(gf_safetensors_write(path, twice, 2, NULL, 0, NULL), GRAFT_USAGE);
    assert_int_equal(gf_safetensors_write(path, &reserved, 1, NULL, 0, NULL), GRAFT_USAGE);
    assert_int_equal(gf_safetensors_write(path, &huge, 1, NULL, 0, NULL), GRAFT_USAGE);
    assert_int_equal(gf_safetensors_write(path, twice, 1, same, 2, NULL), GRAFT_USAGE);
    assert_int_equal(gf_safetensors_write(path, twice, 1, &digest, 1, NULL), GRAFT_USAGE);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(gf_safetensors_write(path, NULL, 0, NULL, 0, NULL), GRAFT_OK);
    gf_safetensors st;
    assert_int_equal(gf_safetensors_open(&st, path, NULL, NULL), GRAFT_OK);
    assert_int_equal(st.n, 0);
    gf_safetensors_close(&st);
}

/* A file that the safetensors package itself wrote (and that graft's tests need anyway). */
static void a_file_of_the_python_package(void **state)
{
    (void)state;
    gf_safetensors st;
    graft_error err = {0};
    graft_status status = gf_safetensors_open(&st, GRAFT_FIXTURES "/formats/package.safetensors", NULL, &err);
    if (status != GRAFT_OK) fail_msg("%s", err.message);
    assert_int_equal(st.n, 3);
    assert_string_equal(gf_safetensors_meta(&st, "made_by"), "safetensors");
    float out[6];
    const gf_safetensors_tensor *t = gf_safetensors_find(&st, "layer/kernel");
    assert_int_equal(gf_safetensors_f32(&st, t, &GF_SHAPE(2, 3), out, NULL), GRAFT_OK);
    for (int i = 0; i < 6; i++) assert_true(out[i] == (float)i / 4 - 1);
    t = gf_safetensors_find(&st, "half");
    assert_int_equal(gf_safetensors_f32(&st, t, &GF_SHAPE(4), out, NULL), GRAFT_OK);
    assert_true(out[0] == -0.5f && out[1] == 0x1p-24f && out[2] == 65504 && out[3] > 3e38f);
    assert_int_equal(gf_safetensors_find(&st, "flag")->dtype, GF_DTYPES);
    gf_safetensors_close(&st);
}

/* The file is read, not mapped: what becomes of it afterwards is no fault of this process. */
static void a_file_cut_short_while_open_does_no_harm(void **state)
{
    (void)state;
    gf_tensor t[7];
    gf_safetensors st;
    make(t, &numbers);
    assert_int_equal(gf_safetensors_write(path, t, 7, meta, 2, NULL), GRAFT_OK);
    assert_int_equal(gf_safetensors_open(&st, path, NULL, NULL), GRAFT_OK);
    assert_int_equal(truncate(path, 0), 0);
    float out[6];
    assert_int_equal(gf_safetensors_f32(&st, gf_safetensors_find(&st, "a/kernel"), NULL, out, NULL), GRAFT_OK);
    assert_memory_equal(out, numbers.a, sizeof out);
    gf_safetensors_close(&st);
    graft_error err = {0};
    assert_int_equal(gf_safetensors_open(&st, path, NULL, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_SAFETENSORS_HEADER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_headers_are_refused_by_name_and_place),
        cmocka_unit_test(header_length_is_bounded),
        cmocka_unit_test(ten_million_keys_are_refused_at_once),
        cmocka_unit_test(written_files_read_back),
        cmocka_unit_test(equal_contents_give_equal_bytes_in_any_order),
        cmocka_unit_test(a_damaged_file_is_never_accepted),
        cmocka_unit_test(a_file_cut_short_while_open_does_no_harm),
        cmocka_unit_test(bad_calls_of_the_writer),
        cmocka_unit_test(a_file_of_the_python_package),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
