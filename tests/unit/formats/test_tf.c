/* formats: TensorFlow checkpoints as TensorFlow wrote them give its values bit for bit; damaged ones are refused,
 * whatever the damage. */
#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"
#include "formats/safetensors.h"
#include "formats/tf_checkpoint.h"
#include "formats/tf_table.h"
#include "formats/weights.h"
#include "support/fixture.h"
#include "support/ok.h"
#include "support/own_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TF GRAFT_FIXTURES "/formats/tf/"

static uint8_t *read_file(const char *path, size_t *n)
{
    uint8_t *bytes;
    OK(gf_file_read(path, 1 << 20, &bytes, n, &error));
    return bytes;
}

static gf_tf_bundle open_bundle(const char *path)
{
    size_t n;
    uint8_t *index = read_file(path, &n);
    gf_tf_bundle b;
    OK(gf_tf_bundle_parse(&b, index, n, path, &error));
    OK(gf_tf_bundle_name(&b, &error));
    gf_free(index);
    return b;
}

/* ---- what TensorFlow wrote */

static void bytes_are_tensorflows(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t tensors, texts;
        uint32_t shards;
    } row[] = {{"types", 59, 2, 1}, {"three", 6, 0, 3}, {"saver", 4, 0, 1}, {"object", 6, 1, 1}, {"network", 6, 0, 1}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char path[512];
        snprintf(path, sizeof path, TF "%s.index", row[i].name);
        gf_tf_bundle b = open_bundle(path);
        snprintf(path, sizeof path, TF "%s.safetensors", row[i].name);
        fixture *f = fixture_open(path);
        assert_non_null(f);
        size_t texts = 0;
        assert_int_equal(b.n, row[i].tensors);
        assert_int_equal(b.shards, row[i].shards);
        for (size_t k = 0; k < b.n; k++) {
            const gf_tf_tensor *t = &b.item[k];
            uint8_t *got;
            size_t n = 0;
            OK(gf_tf_bundle_read(&b, t, &got, &error)); /* texts have their own checksum */
            texts += t->type == 7;
            const uint8_t *want = fixture_u8(f, t->key, &n);
            if (t->type != 7 && (!want || n != t->bytes || memcmp(got, want, n)))
                fail_msg("%s: %s", row[i].name, t->key);
            gf_free(got);
        }
        assert_int_equal(texts, row[i].texts);
        fixture_close(f);
        gf_tf_bundle_close(&b);
    }
}

static const gf_tf_tensor *tensor_of(const gf_tf_bundle *b, const char *key)
{
    for (size_t i = 0; i < b->n; i++) {
        if (!strcmp(b->item[i].key, key)) return &b->item[i];
    }
    fail_msg("there is no %s", key);
    return NULL;
}

static void shapes_types_and_names(void **state)
{
    (void)state;
    gf_tf_bundle b = open_bundle(TF "types.index");
    assert_string_equal(GF_SHAPE_TEXT(&tensor_of(&b, "types/float32")->shape), "(3, 5)");
    assert_int_equal(tensor_of(&b, "scalar")->shape.rank, 0);
    assert_string_equal(GF_SHAPE_TEXT(&tensor_of(&b, "empty")->shape), "(0, 3)");
    assert_int_equal(tensor_of(&b, "types/float32")->dtype, GF_F32);
    assert_int_equal(tensor_of(&b, "types/bfloat16")->dtype, GF_BF16);
    assert_int_equal(tensor_of(&b, "types/float16")->dtype, GF_F16);
    assert_int_equal(tensor_of(&b, "types/float64")->dtype, GF_F64);
    assert_int_equal(tensor_of(&b, "types/int32")->dtype, GF_S32);
    assert_int_equal(tensor_of(&b, "types/int64")->dtype, GF_S64);
    assert_int_equal(tensor_of(&b, "types/bool")->dtype, GF_DTYPES);
    gf_tf_bundle_close(&b);
    b = open_bundle(TF "object.index");
    fixture *f = fixture_open(TF "object.safetensors");
    size_t slots = 0, named = 0;
    for (size_t i = 0; i < b.n; i++) {
        const gf_tf_tensor *t = &b.item[i];
        char key[256];
        size_t n;
        slots += t->slot;
        snprintf(key, sizeof key, "name/%s", t->key);
        const uint8_t *want = fixture_u8(f, key, &n);
        if (!want) continue;
        assert_int_equal(strlen(t->name), n);
        assert_memory_equal(t->name, want, n);
        named++;
    }
    assert_int_equal(named, 3);
    assert_int_equal(slots, 3); /* the graph, save_counter, the optimizer's */
    fixture_close(f);
    gf_tf_bundle_close(&b);
}

/* ---- damage */

static bool same(const gf_tf_bundle *a, const gf_tf_bundle *b)
{
    if (a->n != b->n || a->shards != b->shards) return false;
    for (size_t i = 0; i < a->n; i++) {
        const gf_tf_tensor *x = &a->item[i], *y = &b->item[i];
        if (strcmp(x->key, y->key) || x->type != y->type || x->crc != y->crc || x->offset != y->offset ||
            x->bytes != y->bytes || !gf_shape_equal(&x->shape, &y->shape))
            return false;
    }
    return true;
}

static void each_byte_of_an_index_counts(void **state)
{
    (void)state;
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    static const char *const names[] = {TF "types.index", TF "object.index", TF "three.index"};
    for (size_t f = 0; f < 3; f++) {
        size_t n, same_count = 0;
        uint8_t *index = read_file(names[f], &n);
        gf_tf_bundle whole, b;
        OK(gf_tf_bundle_parse(&whole, index, n, "f", &error));
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < sizeof flips; k++) {
                index[i] ^= flips[k];
                if (gf_tf_bundle_parse(&b, index, n, "f", &error) == GRAFT_OK) {
                    assert_true(same(&whole, &b));
                    same_count++;
                } else {
                    assert_true(error.number >= GF_E_TF_INDEX && error.number <= GF_E_TF_UNSUPPORTED);
                }
                gf_tf_bundle_close(&b);
                index[i] ^= flips[k];
            }
        }
        assert_true(same_count <= 1); /* of the footer, whose handles may be written in more than one way */
        for (size_t length = 0; length < n; length++) {
            assert_int_equal(gf_tf_bundle_parse(&b, index, length, "f", &error), GRAFT_WEIGHTS);
            gf_tf_bundle_close(&b);
        }
        gf_tf_bundle_close(&whole);
        gf_free(index);
    }
}

/* An index of one block with the entries of `key`, `value` pairs, NULL key at the end; `kind` is the block's. */
typedef struct entry {
    const char *key;
    size_t n_key;
    const char *value;
    size_t n_value;
} entry;

static void put_block(gf_text *t, const gf_text *entries, uint8_t kind)
{
    gf_text b = {0};
    gf_text_add_n(&b, entries->s ? entries->s : "", entries->n);
    gf_text_add_n(&b, "\0\0\0\0\1\0\0\0", 8); /* a restart at 0 */
    gf_text_add_n(&b, &kind, 1);
    uint32_t crc = gf_tf_masked_crc(b.s, b.n);
    gf_text_add_n(&b, &crc, 4);
    gf_text_add_n(t, b.s, b.n);
    gf_text_free(&b);
}

static void put_entry(gf_text *t, const entry *e)
{
    const uint8_t head[3] = {0, (uint8_t)e->n_key, (uint8_t)e->n_value};
    gf_text_add_n(t, head, 3);
    gf_text_add_n(t, e->key, e->n_key);
    gf_text_add_n(t, e->value, e->n_value);
}

static void make_index(gf_text *t, const entry *e, size_t n, uint8_t kind)
{
    gf_text entries = {0}, none = {0}, list = {0};
    for (size_t i = 0; i < n; i++) put_entry(&entries, &e[i]);
    put_block(t, &entries, kind);
    size_t data = t->n - 5;
    put_block(t, &none, 0);
    const uint8_t handle[3] = {0, (uint8_t)(data | 0x80), (uint8_t)(data >> 7)};
    put_entry(&list, &(entry){"zz", 2, (const char *)handle, 3});
    size_t meta_at = data + 5, index_at = t->n;
    put_block(t, &list, 0);
    size_t index_size = t->n - index_at - 5;
    uint8_t footer[48] = {(uint8_t)(meta_at | 0x80),  (uint8_t)(meta_at >> 7),  8,
                          (uint8_t)(index_at | 0x80), (uint8_t)(index_at >> 7), (uint8_t)index_size};
    memcpy(footer + 40, "\x57\xfb\x80\x8b\x24\x75\x47\xdb", 8);
    gf_text_add_n(t, footer, sizeof footer);
    gf_text_free(&entries);
    gf_text_free(&list);
}

#define HEADER                               \
    {                                        \
        "", 0, "\x08\x01\x1a\x02\x08\x01", 6 \
    }
#define E(key, value)                                  \
    {                                                  \
        key, sizeof(key) - 1, value, sizeof(value) - 1 \
    }

static const struct {
    entry e[3];
    size_t n;
    uint8_t kind;
    int number; /* 0: fine */
    const char *message;
} index_row[] = {
    {{HEADER, E("a", "\x08\x01\x28\x04")}, 2, 0, 0, NULL},
    {{HEADER, E("a", "\x08\x01\x12\x04\x12\x02\x08\x02\x28\x08"), E("b", "\x08\x01\x20\x08\x28\x04")}, 3, 0, 0, NULL},
    {{HEADER, E("a", "\x08\x01\x28\x04")}, 2, 1, GF_E_TF_UNSUPPORTED, "f: the block at byte 0 is packed (kind 1)"},
    {{E("a", "\x08\x01\x28\x04")}, 1, 0, GF_E_TF_INDEX, "f: the header: it is not there"},
    {{{"", 0, "\x08\x01\x10\x01", 4}}, 1, 0, GF_E_TF_UNSUPPORTED, "f: the header: the file is big-endian"},
    {{{"", 0, "\x08\x01\x1a\x02\x10\x02", 6}},
     1,
     0,
     GF_E_TF_UNSUPPORTED,
     "f: the header: the file is of a later version of the format"},
    {{{"", 0, "\x08\x00", 2}}, 1, 0, GF_E_TF_INDEX, "f: the header: there must be 1 to 1000 files of data"},
    {{{"", 0, "\x08\xe9\x07", 3}}, 1, 0, GF_E_TF_INDEX, "f: the header: there must be 1 to 1000 files of data"},
    {{{"", 0, "\x08", 1}}, 1, 0, GF_E_TF_INDEX, "f: the header: it does not parse"},
    {{HEADER, E("b", "\x08\x01\x28\x04"), E("a", "\x08\x01\x28\x04")},
     3,
     0,
     GF_E_TF_INDEX,
     "f: the block at byte 0: its keys do not ascend"},
    {{HEADER, E("a", "\x08\x01\x28\x04"), E("a", "\x08\x01\x28\x04")},
     3,
     0,
     GF_E_TF_INDEX,
     "f: the block at byte 0: its keys do not ascend"},
    {{HEADER, E("a", "\x08\x01\x28\x05")}, 2, 0, GF_E_TF_INDEX, "f: a: the shape does not match the number of bytes"},
    {{HEADER, E("a", "\x08\x01\x18\x01\x28\x04")},
     2,
     0,
     GF_E_TF_INDEX,
     "f: a: the shape, the file of data or the place in it makes no sense"},
    {{HEADER, E("a", "\x08\x14\x28\x04")}, 2, 0, GF_E_TF_UNSUPPORTED, "f: a: the tensor is of a type that is not read"},
    {{HEADER, E("a", "\x08\x01\x28\x04\x3a\x00")}, 2, 0, GF_E_TF_UNSUPPORTED, "f: a: the variable is partitioned"},
    {{HEADER, E("a", "\x08\x01\x12\x02\x18\x01\x28\x04")}, 2, 0, GF_E_TF_INDEX, "f: a: the entry does not parse"},
    {{HEADER, E("a", "\x08\x01\x12\x0d\x12\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x28\x04")},
     2,
     0,
     GF_E_TF_INDEX,
     "f: a: the entry does not parse"},
    {{HEADER, E("a", "\x08\x01\x12\x18\x12\x0a\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x12\x0a\x08\xff\xff\xff\xff"
                     "\xff\xff\xff\xff\x7f\x28\x04")},
     2,
     0,
     GF_E_TF_INDEX,
     "f: a: the shape, the file of data or the place in it makes no sense"},
    {{HEADER, E("a", "\x08\x01\x12\x1c\x12\x02\x08\x01\x12\x02\x08\x01\x12\x02\x08\x01\x12\x02\x08\x01\x12\x02\x08"
                     "\x01\x12\x02\x08\x01\x12\x02\x08\x01\x28\x04")},
     2,
     0,
     GF_E_TF_UNSUPPORTED,
     "f: a: the tensor has more than 6 dimensions"},
    {{HEADER, E("a", "\x08\x01\x12\x04\x12\x02\x08\x02\x28\x08"), E("b", "\x08\x01\x20\x07\x28\x04")},
     3,
     0,
     GF_E_TF_INDEX,
     "f: b: the tensor lies in another one"},
    {{HEADER, E("a\0b", "\x08\x01\x28\x04")}, 2, 0, GF_E_TF_INDEX, "f: a: the key holds a NUL"},
};

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof index_row / sizeof *index_row; i++) {
        gf_text index = {0};
        gf_tf_bundle b;
        make_index(&index, index_row[i].e, index_row[i].n, index_row[i].kind);
        graft_error err = {0};
        graft_status status = gf_tf_bundle_parse(&b, (const uint8_t *)index.s, index.n, "f", &err);
        if (err.number != index_row[i].number || (index_row[i].message && strcmp(err.message, index_row[i].message)))
            fail_msg("row %zu: E%d %s", i, err.number, err.message);
        assert_int_equal(status == GRAFT_OK, !index_row[i].number);
        gf_tf_bundle_close(&b);
        gf_text_free(&index);
    }
}

static void graphs_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *graph;
        size_t n;
        int number;
    } row[] = {
        {"", 0, 0},
        {"\x0a\x00", 2, 0},
        {"\x0a\x06\x0a\x04\x08\x00\x12\x00", 8, 0},     /* its own child: a circle */
        {"\x0a\x04\x0a\x02\x08\x01", 6, GF_E_TF_GRAPH}, /* a child that is not there */
        {"\x0a\x04\x1a\x02\x18\x05", 6, GF_E_TF_GRAPH}, /* a slot that is not there */
        {"\x0a\x05\x0a", 3, GF_E_TF_GRAPH},             /* cut off */
        {"\x0a\x02\x12\x05", 4, GF_E_TF_GRAPH},         /* an attribute that is cut off */
        {"\x0a\x06\x12\x04\x1a\x02zz", 8, 0},           /* a key that is not in the index */
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_tf_bundle b = open_bundle(TF "three.index");
        graft_error err = {0};
        gf_tf_object_graph(&b, (const uint8_t *)row[i].graph, row[i].n, &err);
        if (err.number != row[i].number) fail_msg("row %zu: E%d %s", i, err.number, err.message);
        gf_tf_bundle_close(&b);
    }
}

/* ---- files */

static const char *in_dir(const char *name)
{
    static char path[4][256];
    static int turn;
    char *to = path[turn++ % 4];
    snprintf(to, 256, "%s/%s", dir, name);
    return to;
}

static void copy(const char *name, const char *as)
{
    char from[512];
    size_t n;
    snprintf(from, sizeof from, TF "%s", name);
    uint8_t *bytes = read_file(from, &n);
    const gf_bytes part = {bytes, n};
    OK(gf_file_write(in_dir(as), &part, 1, &error));
    gf_free(bytes);
}

static void damaged_data_are_refused(void **state)
{
    (void)state;
    copy("three.index", "m.index");
    for (int i = 0; i < 3; i++) {
        char name[64], as[64];
        snprintf(name, sizeof name, "three.data-0000%d-of-00003", i);
        snprintf(as, sizeof as, "m.data-0000%d-of-00003", i);
        copy(name, as);
    }
    gf_tf_bundle b = open_bundle(in_dir("m.index"));
    const gf_tf_tensor *t = tensor_of(&b, "layer1/kernel");
    const char *path = in_dir("m.data-00001-of-00003");
    uint8_t *bytes, *got;
    size_t n;
    bytes = read_file(path, &n);
    for (size_t i = 0; i < t->bytes; i++) {
        bytes[t->offset + i] ^= 0x10;
        OK(gf_file_write(path, &(gf_bytes){bytes, n}, 1, &error));
        assert_int_equal(gf_tf_bundle_read(&b, t, &got, &error), GRAFT_WEIGHTS);
        assert_int_equal(error.number, GF_E_TF_CHECKSUM);
        assert_non_null(strstr(error.message, "layer1/kernel does not match its checksum"));
        bytes[t->offset + i] ^= 0x10;
    }
    OK(gf_file_write(path, &(gf_bytes){bytes, t->offset + t->bytes - 1}, 1, &error));
    assert_int_equal(gf_tf_bundle_read(&b, t, &got, &error), GRAFT_WEIGHTS);
    assert_int_equal(error.number, GF_E_TF_SHARD);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(gf_tf_bundle_read(&b, t, &got, &error), GRAFT_WEIGHTS);
    assert_int_equal(error.number, GF_E_TF_SHARD);
    assert_non_null(strstr(error.message, "m.data-00001-of-00003: there is no such file"));
    gf_free(bytes);
    gf_tf_bundle_close(&b);
    /* texts have checksums of their own */
    copy("types.index", "t.index");
    copy("types.data-00000-of-00001", "t.data-00000-of-00001");
    b = open_bundle(in_dir("t.index"));
    t = tensor_of(&b, "texts");
    bytes = read_file(in_dir("t.data-00000-of-00001"), &n);
    for (size_t i = 0; i < t->bytes; i++) {
        bytes[t->offset + i] ^= 0x01;
        OK(gf_file_write(in_dir("t.data-00000-of-00001"), &(gf_bytes){bytes, n}, 1, &error));
        assert_int_equal(gf_tf_bundle_read(&b, t, &got, &error), GRAFT_WEIGHTS);
        assert_int_equal(error.number, GF_E_TF_CHECKSUM);
        bytes[t->offset + i] ^= 0x01;
    }
    gf_free(bytes);
    gf_tf_bundle_close(&b);
}

/* ---- as weights */

static void check_network(const char *path)
{
    float kernel[108], bias[4], dense[8], dense_bias[2];
    gf_weight want[] = {
        {.layer = "Conv1", .var = "kernel", .shape = GF_SHAPE(3, 3, 3, 4), .data = kernel},
        {.layer = "Conv1", .var = "bias", .shape = GF_SHAPE(4), .data = bias},
        {.layer = "Dense", .var = "kernel", .shape = GF_SHAPE(4, 2), .data = dense},
        {.layer = "Dense", .var = "bias", .shape = GF_SHAPE(2), .data = dense_bias},
    };
    gf_weights_notes notes = {0};
    OK(gf_weights_read(path, want, 4, NULL, &notes, &error));
    assert_string_equal(notes.format, "TensorFlow checkpoint");
    assert_int_equal(notes.left_out.n, 2);
    gf_weights_notes_free(&notes);
    fixture *f = fixture_open(TF "network.safetensors");
    assert_memory_equal(kernel, fixture_u8(f, "net/Conv1/kernel", NULL), sizeof kernel);
    uint16_t dense16[8];
    double bias64[2];
    memcpy(dense16, fixture_u8(f, "net/Dense/kernel", NULL), sizeof dense16);
    memcpy(bias64, fixture_u8(f, "net/Dense/bias", NULL), sizeof bias64);
    for (int i = 0; i < 8; i++) assert_true(dense[i] == gf_bf16_to_f32(dense16[i]));
    for (int i = 0; i < 2; i++) assert_true(dense_bias[i] == (float)bias64[i]);
    fixture_close(f);
}

static void weights_by_whatever_name(void **state)
{
    (void)state;
    check_network(TF "network");
    check_network(TF "network.index");
    copy("network.index", "model.index");
    copy("network.data-00000-of-00001", "model.data-00000-of-00001");
    check_network(dir); /* the only one in the folder */
    copy("three.index", "other.index");
    gf_weight none = {.layer = "x", .var = "kernel", .shape = GF_SHAPE(1), .data = &(float){0}};
    assert_int_equal(gf_weights_read(dir, &none, 1, NULL, NULL, &error), GRAFT_WEIGHTS);
    assert_int_equal(error.number, GF_E_TF_INDEX);
    OK(gf_file_write_text(in_dir("checkpoint"),
                          "model_checkpoint_path: \"model\"\nall_model_checkpoint_paths: \"other\"\n", &error));
    check_network(dir);
    check_network(in_dir("checkpoint"));
    OK(gf_file_write_text(in_dir("checkpoint"), "model_checkpoint_path: \"gone\"\n", &error));
    assert_int_equal(gf_weights_read(dir, &none, 1, NULL, NULL, &error), GRAFT_WEIGHTS);
    assert_int_equal(error.number, GF_E_TF_INDEX);
    OK(gf_make_dirs(in_dir("variables"), &error));
    copy("network.index", "variables/variables.index");
    copy("network.data-00000-of-00001", "variables/variables.data-00000-of-00001");
    check_network(dir); /* a SavedModel's folder */
    assert_int_equal(gf_weights_read(TF "network.index", &none, 1, NULL, NULL, &error), GRAFT_WEIGHTS);
    assert_int_equal(error.number, GF_E_WEIGHTS_MISSING);
}

static void as_safetensors(void **state)
{
    (void)state;
    static const struct {
        const char *name, *tensor;
        size_t kept, left_out;
    } row[] = {{"types", "types/float32", 49, 10}, {"object", "dense_1/kernel", 3, 3}, {"three", "layer2/bias", 6, 0}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char path[512];
        gf_names left_out = {0};
        size_t kept;
        gf_safetensors st;
        snprintf(path, sizeof path, TF "%s", row[i].name);
        assert_true(gf_tf_is(path));
        OK(gf_tf_to_safetensors(path, in_dir("w.safetensors"), &left_out, &kept, &error));
        assert_int_equal(kept, row[i].kept);
        assert_int_equal(left_out.n, row[i].left_out);
        OK(gf_safetensors_open(&st, in_dir("w.safetensors"), NULL, &error));
        assert_int_equal(st.n, kept);
        const gf_safetensors_tensor *t = gf_safetensors_find(&st, row[i].tensor);
        assert_non_null(t);
        gf_safetensors_close(&st);
        gf_names_free(&left_out);
    }
    assert_false(gf_tf_is(in_dir("w.safetensors")));
    assert_false(gf_tf_is(in_dir("nothing")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_tensorflows),
        cmocka_unit_test(shapes_types_and_names),
        cmocka_unit_test(each_byte_of_an_index_counts),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(graphs_that_make_no_sense_are_refused),
        cmocka_unit_test_setup_teardown(damaged_data_are_refused, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(weights_by_whatever_name, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(as_safetensors, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
