/* Keras's HDF5 files: every layout is read right, every bad file is refused by name, at once and without harm. */
#include "base/alloc.h"
#include "base/io.h"
#include "base/rng.h"
#include "formats/cage_reply.h"
#include "formats/keras_h5.h"
#include "formats/weights.h"
#include "support/cpu_time.h"
#include "support/needs.h"
#include "support/sanitized.h"
#include "unit/formats/mobilenet_want.h"
#include "unit/formats/tiny_want.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *fixture(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/formats/%s.h5", GRAFT_FIXTURES, name);
    return path;
}

#define as_h5(bytes, n) ((gf_caged_file){bytes, n, "f.h5", gf_keras_h5_reply, 0})

static const struct {
    const char *name;
    size_t left_out;
    const char *one; /* of those left out */
} good[] = {
    {"good_legacy", 0, NULL},
    {"good_latest", 0, NULL},
    {"good_whole", 2, "model_weights/head/head/kernel:0 (4, 2)"},
    {"good_nested", 1, "model_weights/head/head/kernel (4, 2)"},
    {"good_keras3", 0, NULL},
    {"good_keras30_flat", 2, "layers/conv2d_1/vars/0 (1, 1, 4, 2)"},
    {"good_keras30_nested", 2, "optimizer/vars/0 ()"},
    {"good_windows", 0, NULL},
    {"good_f64", 0, NULL},
    {"good_f16", 0, NULL},
    {"good_big_endian", 0, NULL},
    {"good_chunked", 0, NULL},
    {"good_latest_chunk", 0, NULL},
    {"good_order", 1, "head/head_W:0 (4, 2)"},
    {"good_order_parts", 1, "model_weights/head/head_W:0 (4, 2)"},
};

static void every_layout_of_keras_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        tiny_want t;
        gf_weights_notes notes = {0};
        graft_error err = {0};
        tiny_want_init(&t);
        if (gf_weights_read(fixture(good[i].name), t.want, TINY_TENSORS, NULL, &notes, &err) != GRAFT_OK) {
            fail_msg("%s: E%d %s", good[i].name, err.number, err.message);
        }
        if (!tiny_want_right(&t)) fail_msg("%s: wrong values", good[i].name);
        assert_string_equal(notes.format, "Keras HDF5");
        assert_false(notes.uncaged);
        assert_int_equal(notes.nonfinite, 0);
        assert_int_equal(notes.left_out.n, good[i].left_out);
        bool listed = !good[i].one;
        for (size_t k = 0; k < notes.left_out.n; k++)
            listed |= good[i].one && !strcmp(notes.left_out.item[k], good[i].one);
        if (!listed) fail_msg("%s: %s is not listed as left out", good[i].name, good[i].one);
        gf_weights_notes_free(&notes);
    }
}

static void names_of_layers_may_have_slashes(void **state)
{
    (void)state;
    float kernel[108], gamma[4], head[8];
    gf_weight want[] = {{"conv1/conv", "kernel", GF_SHAPE(3, 3, 3, 4), kernel, false},
                        {"conv1/bn", "gamma", GF_SHAPE(4), gamma, false},
                        {"top/fc", "kernel", GF_SHAPE(4, 2), head, false}};
    graft_error err = {0};
    if (gf_weights_read(fixture("slashes"), want, 3, NULL, NULL, &err) != GRAFT_OK) fail_msg("%s", err.message);
    assert_true(kernel[107] == 107.0f / 64 && gamma[3] == 1 + 3.0f / 64 && head[7] == 1);
}

static const struct {
    const char *name;
    int number;
    const char *says;
} bad[] = {
    {"bad_soft_link", GF_E_HDF5_LINK, "Conv1/Conv1/kernel:0 is a soft link"},
    {"bad_external_link", GF_E_HDF5_LINK, "Conv1/Conv1/kernel:0 is an external link"},
    {"bad_link_beside", GF_E_HDF5_LINK, "beside/nothing is an external link"},
    {"bad_user_link", GF_E_HDF5_LINK, "mine is a user-defined link"},
    {"bad_linked_twice", GF_E_HDF5_LINK, "again is linked from a second place"},
    {"bad_cycle", GF_E_HDF5_LINK, "Conv1/Conv1/up is linked from a second place"},
    {"bad_virtual", GF_E_HDF5_STORAGE, "kernel:0 is stored as a virtual data set"},
    {"bad_external_storage", GF_E_HDF5_STORAGE, "kernel:0 is stored in an external file"},
    {"bad_gzip_bomb", GF_E_HDF5_STORAGE, "kernel:0 is stored through a filter"},
    {"bad_filter", GF_E_HDF5_STORAGE, "kernel:0 is stored through a filter"},
    {"bad_int", GF_E_WEIGHTS_DTYPE, "Conv1/kernel is not of floats"},
    {"bad_vlen", GF_E_WEIGHTS_DTYPE, "bn_Conv1/gamma is not of floats"},
    {"bad_compound", GF_E_WEIGHTS_DTYPE, "bn_Conv1/gamma is not of floats"},
    {"bad_text", GF_E_WEIGHTS_DTYPE, "bn_Conv1/gamma is not of floats"},
    {"bad_shape_bomb", GF_E_WEIGHTS_SHAPE, "Conv1/kernel is (50000000, 50000000), wanted (3, 3, 3, 4)"},
    {"bad_no_data", GF_E_HDF5_DAMAGED, "kernel:0 (3, 3, 3, 4) has no or too few data"},
    {"bad_half_data", GF_E_HDF5_DAMAGED, "kernel:0 (3, 3, 3, 4) has no or too few data"},
    {"bad_latest_attributes", GF_E_HDF5_LAYOUT, "Conv1 keeps its attributes in a heap"},
    {"bad_latest_links", GF_E_HDF5_LAYOUT, "/ keeps its links in a heap"},
    {"bad_latest_chunks", GF_E_HDF5_STORAGE, "kernel:0 is stored in chunks, with an index of the newer kind"},
    {"bad_seven_dims", GF_E_HDF5_LAYOUT, "deep has 7 dimensions, from 0 to 6"},
    {"bad_named_type", GF_E_HDF5_LAYOUT, "type is neither a group nor a data set"},
    {"bad_deep", GF_E_HDF5_LIMIT, "nested deeper than 12"},
    {"bad_missing", GF_E_WEIGHTS_MISSING, "2 missing: no bn_Conv1/beta (4,); no dw/kernel (3, 3, 4, 1)"},
    {"bad_misshaped", GF_E_WEIGHTS_SHAPE, "Conv1/kernel is (4, 3, 3, 3), wanted (3, 3, 3, 4)"},
    {"bad_unexpected", GF_E_WEIGHTS_UNEXPECTED, "Conv1/Conv1/bias:0 is not in the model"},
    {"bad_twice", GF_E_WEIGHTS_AMBIGUOUS, "6 there twice"},
    {"bad_order_swapped", GF_E_WEIGHTS_MISSING, "6 missing: no Conv1/kernel"},
    {"bad_order_absent", GF_E_WEIGHTS_MISSING, "6 missing: no Conv1/kernel"},
    {"bad_order_numbers", GF_E_WEIGHTS_MISSING, "6 missing: no Conv1/kernel"},
    {"bad_theano", GF_E_HDF5_LAYOUT, "Theano"},
    {"bad_nan", GF_E_WEIGHTS_NONFINITE,
     "4 values in 2 tensors are NaN or infinite: Conv1/kernel (3 of 108), bn_Conv1/"},
    {"bad_f64_too_large", GF_E_WEIGHTS_NONFINITE, "bn_Conv1/gamma (1 of 4)"},
    {"bad_not_keras", GF_E_WEIGHTS_MISSING, "of 6 tensors of the model 6 missing"},
};

static void bad_files_are_refused_in_full(void **state)
{
    (void)state;
    static const int whose[] = {RUSAGE_CHILDREN, RUSAGE_SELF}; /* the caged readers, and what reads their answers */
    struct rusage before[2], after[2];
    for (int i = 0; i < 2; i++) getrusage(whose[i], &before[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tiny_want t;
        graft_error err = {0};
        gf_weights_notes notes = {0};
        tiny_want_init(&t);
        const char *path = fixture(bad[i].name);
        double begin = cpu_time();
        graft_status status = gf_weights_read(path, t.want, TINY_TENSORS, NULL, &notes, &err);
        if (!(cpu_time() - begin < 1 * SLOWER)) fail_msg("%s: took too long", bad[i].name);
        if (status != GRAFT_WEIGHTS || err.number != bad[i].number || !strstr(err.message, bad[i].says) ||
            strncmp(err.message, path, strlen(path))) {
            fail_msg("%s: status %d, E%d: %s", bad[i].name, status, err.number, err.message);
        }
        if (!tiny_want_untouched(&t)) fail_msg("%s: wrote into the caller's tensors", bad[i].name);
        gf_weights_notes_free(&notes);
    }
    for (int i = 0; i < 2; i++) { /* KiB: the shape bomb among them */
        getrusage(whose[i], &after[i]);
        assert_true(SANITIZED || after[i].ru_maxrss - before[i].ru_maxrss < 32 << 10);
    }
}

/* A file that a fuzzer found: HDF5 1.10.8 reads far outside of a global heap on it. */
static void a_file_that_crashes_the_library_does_not_reach_it(void **state)
{
    (void)state;
    tiny_want t;
    graft_error err = {0};
    tiny_want_init(&t);
    assert_int_equal(gf_weights_read(fixture("crash_global_heap"), t.want, TINY_TENSORS, NULL, NULL, &err),
                     GRAFT_WEIGHTS);
    if (err.number != GF_E_HDF5_DAMAGED) fail_msg("E%d %s", err.number, err.message);
    assert_true(tiny_want_untouched(&t));
}

static void nan_passes_where_it_is_allowed(void **state)
{
    (void)state;
    tiny_want t;
    gf_weights_notes notes = {0};
    tiny_want_init(&t);
    const gf_weights_options options = {.allow_nonfinite = true};
    assert_int_equal(gf_weights_read(fixture("bad_nan"), t.want, TINY_TENSORS, &options, &notes, NULL), GRAFT_OK);
    assert_int_equal(notes.nonfinite, 4);
    assert_true(t.data[0][0] != t.data[0][0]);
    assert_true(t.data[0][3] == 3.0f / 64);
    gf_weights_notes_free(&notes);
}

/* ---- many threads ---- */

static atomic_bool churning;

static void *churn(void *ctx)
{
    (void)ctx;
    while (churning) {
        void *p = malloc(100), *q = malloc(1 << 18);
        free(p);
        free(q);
    }
    return NULL;
}

typedef struct often {
    size_t right;
    graft_error err; /* of the last one that was not */
} often;

static void *read_often(void *ctx)
{
    often *o = ctx;
    for (int i = 0; i < 20; i++) {
        char path[512];
        tiny_want t;
        tiny_want_init(&t);
        snprintf(path, sizeof path, "%s/formats/good_nested.h5", GRAFT_FIXTURES);
        o->right += gf_weights_read(path, t.want, TINY_TENSORS, NULL, NULL, &o->err) == GRAFT_OK && tiny_want_right(&t);
    }
    return NULL;
}

/* A fork copies locks that other threads hold: the child must do without them. glibc's malloc sees to its own;
 * AddressSanitizer's, of gcc 12 and clang 14, does not, and a child in ten thousand waits for it forever. */
static void files_can_be_read_by_many_threads_at_once(void **state)
{
    (void)state;
    NEEDS("unsanitized");
    enum { READERS = 4, CHURNERS = 2 };
    pthread_t thread[READERS + CHURNERS];
    often reader[READERS] = {0};
    churning = true;
    for (int i = 0; i < CHURNERS; i++) assert_int_equal(pthread_create(&thread[READERS + i], NULL, churn, NULL), 0);
    for (int i = 0; i < READERS; i++) assert_int_equal(pthread_create(&thread[i], NULL, read_often, &reader[i]), 0);
    for (int i = 0; i < READERS; i++) pthread_join(thread[i], NULL);
    churning = false;
    for (int i = 0; i < CHURNERS; i++) pthread_join(thread[READERS + i], NULL);
    for (int i = 0; i < READERS; i++) {
        if (reader[i].right != 20) fail_msg("%zu of 20 right: %s", reader[i].right, reader[i].err.message);
    }
}

/* ---- damage ---- */

/* The child's function in this process: 0 fine, else the number of the error. */
static int read_here(const uint8_t *bytes, size_t n)
{
    tiny_want t;
    graft_error err = {0};
    gf_sink sink = {.fd = -1};
    gf_found found = {0};
    const uint8_t *values[TINY_TENSORS];
    tiny_want_init(&t);
    gf_keras_h5_reply(&(gf_caged_file){.bytes = bytes, .size = n, .path = "f.h5"}, t.want, TINY_TENSORS, &sink);
    assert_false(sink.failed);
    graft_status status =
        gf_reply_parse((uint8_t *)sink.bytes.s, sink.bytes.n, "f.h5", t.want, TINY_TENSORS, &found, values, &err);
    if (status == GRAFT_OK) status = gf_found_judge("f.h5", &found, t.want, TINY_TENSORS, NULL, &err);
    gf_found_free(&found);
    gf_text_free(&sink.bytes);
    assert_true(status == GRAFT_OK ? values[TINY_TENSORS - 1] != NULL : err.number != GF_E_CAGE_REPLY);
    return status == GRAFT_OK ? 0 : err.number;
}

static void a_file_cut_at_any_length_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"good_legacy", "good_keras3", "good_latest"};
    for (int i = 0; i < 3; i++) {
        uint8_t *file;
        size_t n;
        assert_int_equal(gf_file_read(fixture(names[i]), 1 << 20, &file, &n, NULL), GRAFT_OK);
        assert_int_equal(read_here(file, n), 0);
        for (size_t cut = 0; cut < n; cut++) {
            int number = read_here(file, cut);
            if (number != GF_E_HDF5_DAMAGED) fail_msg("%s cut to %zu of %zu bytes: E%d", names[i], cut, n, number);
        }
        gf_free(file);
    }
}

static graft_status read_caged(const uint8_t *bytes, size_t n, graft_error *err)
{
    tiny_want t;
    gf_found found = {0};
    gf_caged_answer answer;
    const uint8_t *values[TINY_TENSORS];
    tiny_want_init(&t);
    graft_status status = gf_caged_weights(&as_h5(bytes, n), t.want, TINY_TENSORS, NULL, &found, values, &answer, err);
    gf_found_free(&found);
    gf_free(answer.reply);
    return status;
}

/* Bytes changed at random (a fixed seed) where the library's structures are: accepted or refused, never more. */
static void changed_bytes_do_no_harm(void **state)
{
    (void)state;
    static const char *const names[] = {"good_legacy", "good_latest", "good_chunked", "good_keras3"};
    static const uint8_t interesting[] = {0, 1, 2, 0x7f, 0x80, 0xff};
    gf_rng rng = gf_rng_make(1, GF_PURPOSE_SYNTHETIC, 0, 0);
    for (int i = 0; i < 4; i++) {
        uint8_t *file, *changed;
        size_t n;
        assert_int_equal(gf_file_read(fixture(names[i]), 1 << 20, &file, &n, NULL), GRAFT_OK);
        changed = malloc(n);
        assert_non_null(changed);
        for (int k = 0; k < 100; k++) {
            memcpy(changed, file, n);
            for (uint32_t left = 1 + gf_rng_below(&rng, 8); left; left--) {
                changed[gf_rng_below(&rng, (uint32_t)n)] = interesting[gf_rng_below(&rng, sizeof interesting)];
            }
            graft_error err = {0};
            double begin = cpu_time();
            graft_status status = read_caged(changed, n, &err);
            if (status != GRAFT_OK && status != GRAFT_WEIGHTS)
                fail_msg("%s, %d: E%d %s", names[i], k, err.number, err.message);
            if (!(cpu_time() - begin < 2 * SLOWER)) fail_msg("%s, %d: took too long", names[i], k);
        }
        free(changed);
        gf_free(file);
    }
}

/* Every step-th byte changed in turn; tells how many such files were refused, and where it is. */
typedef struct sweep {
    size_t at, refused;
} sweep;

static void sweep_file(uint8_t *file, size_t n, size_t step, volatile sweep *told)
{
    static const uint8_t change[] = {0x01, 0x04, 0x80, 0xff};
    for (size_t i = 0; i < n; i += step) {
        uint8_t was = file[i];
        file[i] ^= change[i / step % sizeof change];
        told->at = i;
        told->refused += read_here(file, n) != 0;
        file[i] = was;
    }
}

/* The library without a cage, in a child only because it loses memory on damaged files: what h5_check.h lets through
 * does not crash it. */
static void no_changed_byte_crashes_the_library(void **state)
{
    (void)state;
    static const char *const names[] = {"good_legacy", "good_latest", "good_chunked", "good_keras3",
                                        "good_order_parts"};
    sweep *told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(told != MAP_FAILED);
    for (size_t f = 0; f < sizeof names / sizeof *names; f++) {
        uint8_t *file;
        size_t n, step = SANITIZED ? 11 : 2;
        int how;
        assert_int_equal(gf_file_read(fixture(names[f]), 1 << 20, &file, &n, NULL), GRAFT_OK);
        *told = (sweep){0};
        pid_t pid = fork();
        if (!pid) {
            sweep_file(file, n, step, told);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &how, 0), pid);
        if (!WIFEXITED(how) || WEXITSTATUS(how)) fail_msg("%s: byte %zu: ended with %#x", names[f], told->at, how);
        assert_true(told->at + step >= n && told->refused > n / step / 20);
        gf_free(file);
    }
    munmap(told, sizeof *told);
}

/* The k-th place where `signature` stands; NULL: there are not so many. */
static uint8_t *find(uint8_t *file, size_t n, const char *signature, size_t length, int k)
{
    uint8_t *at = memmem(file, n, signature, length);
    for (; at && k; k--) at = memmem(at + 1, n - (size_t)(at + 1 - file), signature, length);
    return at;
}

#define ITSELF (UINT64_MAX - 1)
#define TEXT(s) s, sizeof(s) - 1

/* Structures of old-style files by the HDF5 file format specification: TREE (type at 4, level at 5, entries used at 6,
 * right sibling at 16, then a key and a child for each: a group's key has 8 bytes; that of a chunk of four dimensions
 * 48: size at 24, filters at 28, place at 32, and the child at 72), HEAP (its data segment's size at 8, first free
 * block at 16, the data's address at 24), SNOD (entries at 6, the first one's name at 8, object at 16), GCOL (size at
 * 8, the first object's size at 24). Attributes by their names and the class of their type: "layer_names" of three
 * fixed texts (the number of them behind 32 bytes), "name" of a variable one (length, heap and number behind 32). */
static const struct {
    const char *what, *signature;
    size_t length, offset;
    uint64_t value;
    size_t bytes;
    const char *file;
} damage[] = {
    {"a tree that is its own child", TEXT("TREE"), 32, ITSELF, 8, "good_legacy"},
    {"a tree that is its own sibling", TEXT("TREE"), 16, ITSELF, 8, "good_legacy"},
    {"a tree of 65535 entries", TEXT("TREE"), 6, 0xffff, 2, "good_legacy"},
    {"a tree of a level too many", TEXT("TREE"), 5, 1, 1, "good_legacy"},
    {"a tree of another type", TEXT("TREE"), 4, 1, 1, "good_legacy"},
    {"a tree's child past the end", TEXT("TREE"), 32, 1ull << 40, 8, "good_legacy"},
    {"a tree's key outside of the heap", TEXT("TREE"), 24, 1ull << 33, 8, "good_legacy"},
    {"a heap of 2^62 bytes", TEXT("HEAP"), 8, 1ull << 62, 8, "good_legacy"},
    {"a heap past the end", TEXT("HEAP"), 24, 1ull << 40, 8, "good_legacy"},
    {"a free block outside of its heap", TEXT("HEAP"), 16, 1ull << 33, 8, "good_legacy"},
    {"a free block amid the names", TEXT("HEAP"), 16, 8, 8, "good_legacy"},
    {"a name outside of its heap", TEXT("SNOD"), 8, 1ull << 33, 8, "good_legacy"},
    {"an object past the end", TEXT("SNOD"), 16, 1ull << 40, 8, "good_legacy"},
    {"an object that is the file's beginning", TEXT("SNOD"), 16, 0, 8, "good_legacy"},
    {"an object that is a tree's leaf", TEXT("SNOD"), 16, ITSELF, 8, "good_legacy"},
    {"a group of 65535 entries", TEXT("SNOD"), 6, 0xffff, 2, "good_legacy"},
    {"an attribute of 4 GiB", TEXT("layer_names"), 32, 1ull << 29, 8, "good_legacy"},
    {"an attribute of 2^64 bytes", TEXT("layer_names"), 32, 1ull << 61, 8, "good_legacy"},
    {"a heap of texts past the end", TEXT("GCOL"), 8, 1ull << 50, 8, "good_keras3"},
    {"a heap of texts without room", TEXT("GCOL"), 8, 16, 8, "good_keras3"},
    {"a text larger than its heap", TEXT("GCOL"), 24, 1ull << 40, 8, "good_keras3"},
    {"a text of 2^64 - 1 bytes", TEXT("GCOL"), 24, UINT64_MAX, 8, "good_keras3"},
    {"a text of 4 GiB", TEXT("name\0\0\0\0\x19"), 32, UINT32_MAX, 4, "good_keras3"},
    {"a text that is nowhere", TEXT("name\0\0\0\0\x19"), 36, 1ull << 40, 8, "good_keras3"},
    {"a text in what is no heap", TEXT("name\0\0\0\0\x19"), 36, 96, 8, "good_keras3"},
    {"a text of another number", TEXT("name\0\0\0\0\x19"), 44, 77, 4, "good_keras3"},
    {"a chunk of another size", TEXT("TREE\1"), 24, 7, 4, "good_chunked"},
    {"a chunk through a filter", TEXT("TREE\1"), 28, 1, 4, "good_chunked"},
    {"a chunk amid another", TEXT("TREE\1"), 32, 1, 8, "good_chunked"},
    {"a chunk past the end", TEXT("TREE\1"), 72, 1ull << 40, 8, "good_chunked"},
    {"two chunks at one place", TEXT("TREE\1"), 96, 0, 8, "good_chunked"},
    {"chunks of a level too many", TEXT("TREE\1"), 5, 1, 1, "good_chunked"},
    {"65535 chunks", TEXT("TREE\1"), 6, 0xffff, 2, "good_chunked"},
};

/* Not one of them gets as far as to crash the library, or to keep it busy. */
static void tree_cycles_and_wrong_offsets_are_refused_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        uint8_t *file, was[8], *at;
        size_t n;
        int k = 0;
        assert_int_equal(gf_file_read(fixture(damage[i].file), 1 << 20, &file, &n, NULL), GRAFT_OK);
        for (; k < 3 && (at = find(file, n, damage[i].signature, damage[i].length, k)); k++) {
            uint64_t value = damage[i].value == ITSELF ? (uint64_t)(at - file) : damage[i].value;
            at += damage[i].offset;
            assert_true((size_t)(at - file) + damage[i].bytes <= n);
            memcpy(was, at, sizeof was);
            memcpy(at, &value, damage[i].bytes);
            graft_error err = {0};
            double begin = cpu_time();
            graft_status status = read_caged(file, n, &err);
            if (!(cpu_time() - begin < 1 * SLOWER)) fail_msg("%s, place %d: slow", damage[i].what, k);
            bool unused = damage[i].offset == 16 && !strcmp(damage[i].signature, "TREE"); /* nobody goes sideways */
            bool refused = status == GRAFT_WEIGHTS && (err.number == GF_E_HDF5_DAMAGED || err.number == GF_E_HDF5_LINK);
            if (!refused && !(unused && status == GRAFT_OK)) {
                fail_msg("%s, place %d: status %d, E%d %s", damage[i].what, k, status, err.number, err.message);
            }
            memcpy(at, was, damage[i].bytes);
        }
        if (!k) fail_msg("%s: no place for it", damage[i].what);
        gf_free(file);
    }
}

/* ---- real files ---- */

static uint8_t *unpacked(const char *name, size_t *n)
{
    char command[700];
    snprintf(command, sizeof command, "gunzip -c '%s/%s.gz'", GRAFT_FIXTURES, name);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    uint8_t *bytes = malloc(8 << 20);
    assert_non_null(bytes);
    *n = fread(bytes, 1, 8 << 20, pipe);
    assert_int_equal(pclose(pipe), 0);
    return bytes;
}

/* Makes of a file by a new Keras 3 one as Keras 3.0 wrote it: the attribute that says a layer's name gets another name.
 */
static void forget_layer_names(uint8_t *file, size_t n)
{
    int count = 0;
    for (uint8_t *at = file; (at = memmem(at, n - (size_t)(at - file), "name\0\0\0", 8)); count++) at[1] = 'o';
    assert_true(count > 100);
}

static void read_mobilenet(const char *path, const char *name, bool nameless, mobilenet_want *m, size_t left_out)
{
    size_t n;
    uint8_t *file = unpacked(name, &n);
    gf_weights_notes notes = {0};
    graft_error err = {0};
    if (nameless) forget_layer_names(file, n);
    assert_int_equal(gf_file_write(path, &(gf_bytes){file, n}, 1, NULL), GRAFT_OK);
    if (gf_weights_read(path, m->want, m->n, NULL, &notes, &err) != GRAFT_OK) fail_msg("%s: %s", name, err.message);
    assert_int_equal(notes.left_out.n, left_out);
    gf_weights_notes_free(&notes);
    free(file);
}

/* The same weights saved by Keras 3 in four ways, two of them also without the layers' names: all give the same
 * numbers. */
static void all_files_of_keras_hold_the_same_mobilenet(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool nameless;
        size_t left_out;
    } row[] = {
        {"mobilenet_v2_a035_96_no_top.h5", false, 0},  {"mobilenet_v2_a035_96.weights.h5", false, 0},
        {"mobilenet_v2_a035_96_nested.h5", false, 60}, {"mobilenet_v2_a035_96_nested.weights.h5", false, 60},
        {"mobilenet_v2_a035_96.weights.h5", true, 0},  {"mobilenet_v2_a035_96_nested.weights.h5", true, 60},
    };
    char path[] = "/tmp/graft-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    mobilenet_want *first = mobilenet_want_new(0.35);
    assert_int_equal(first->n, MOBILENET_TENSORS);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        mobilenet_want *m = i ? mobilenet_want_new(0.35) : first;
        read_mobilenet(path, row[i].name, row[i].nameless, m, row[i].left_out);
        for (size_t k = 0; k < m->n; k++) {
            const gf_weight *w = &m->want[k];
            size_t bytes = gf_count(&w->shape) * sizeof(float);
            if (memcmp(w->data, first->want[k].data, bytes)) fail_msg("%s: %s/%s", row[i].name, w->layer, w->var);
        }
        if (i) mobilenet_want_free(m);
    }
    mobilenet_want *wider = mobilenet_want_new(0.5);
    graft_error err = {0};
    assert_int_equal(gf_weights_read(path, wider->want, wider->n, NULL, NULL, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_WEIGHTS_SHAPE);
    assert_non_null(strstr(err.message, "of 260 tensors of the model 187 of another shape"));
    assert_non_null(strstr(err.message, "; and so on"));
    mobilenet_want_free(wider);
    mobilenet_want_free(first);
    unlink(path);
}

/* As published years ago: layers of other names, in the same order. */
static void a_mobilenet_of_old_names_is_read_in_its_order(void **state)
{
    (void)state;
    char path[] = "/tmp/graft-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    mobilenet_want *m = mobilenet_want_new(0.35);
    read_mobilenet(path, "mobilenet_v2_a035_96_old_names_no_top.h5", false, m, 0);
    for (size_t k = 0; k < m->n; k++) {
        for (size_t j = 0; j < gf_count(&m->want[k].shape); j++) assert_true(m->want[k].data[j] == (float)k);
    }
    mobilenet_want_free(m);
    unlink(path);
}

static void a_real_file_cut_at_300_lengths_is_refused(void **state)
{
    (void)state;
    size_t n;
    uint8_t *file = unpacked("mobilenet_v2_a035_96_no_top.h5", &n);
    mobilenet_want *m = mobilenet_want_new(0.35);
    for (size_t k = 0; k < 300; k++) {
        gf_found found = {0};
        gf_caged_answer answer;
        const uint8_t *values[MOBILENET_TENSORS];
        graft_error err = {0};
        size_t cut = n / 300 * k + k % 7;
        assert_int_equal(gf_caged_weights(&as_h5(file, cut), m->want, m->n, NULL, &found, values, &answer, &err),
                         GRAFT_WEIGHTS);
        assert_int_equal(err.number, GF_E_HDF5_DAMAGED);
        gf_found_free(&found);
    }
    mobilenet_want_free(m);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_of_keras_is_read),
        cmocka_unit_test(names_of_layers_may_have_slashes),
        cmocka_unit_test(bad_files_are_refused_in_full),
        cmocka_unit_test(a_file_that_crashes_the_library_does_not_reach_it),
        cmocka_unit_test(nan_passes_where_it_is_allowed),
        cmocka_unit_test(files_can_be_read_by_many_threads_at_once),
        cmocka_unit_test(a_file_cut_at_any_length_is_refused),
        cmocka_unit_test(changed_bytes_do_no_harm),
        cmocka_unit_test(no_changed_byte_crashes_the_library),
        cmocka_unit_test(tree_cycles_and_wrong_offsets_are_refused_at_once),
        cmocka_unit_test(all_files_of_keras_hold_the_same_mobilenet),
        cmocka_unit_test(a_mobilenet_of_old_names_is_read_in_its_order),
        cmocka_unit_test(a_real_file_cut_at_300_lengths_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
