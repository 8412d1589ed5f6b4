/* The pickle machine: what it reads, and the programs that it must not follow. */
#include "base/alloc.h"
#include "formats/torch_pickle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static graft_status run(gf_pickle *p, const void *bytes, size_t n, size_t *used, graft_error *err)
{
    uint8_t *exact = malloc(n ? n : 1); /* so that a read past the end shows */
    assert_non_null(exact);
    memcpy(exact, bytes, n);
    *err = (graft_error){0};
    graft_status status = gf_pickle_run(p, exact, n, "f.pth", used, err);
    free(exact);
    return status;
}

static void values_are_what_python_wrote(void **state)
{
    (void)state;
    /* (None, True, 200, -2, 1 << 40, -1, 1 << 80, 0.5, [1, 2], {"k": 3}, ()) */
    static const char bytes[] = "\x80\x02(N\x88K\xc8J\xfe\xff\xff\xff\x8a\x06\0\0\0\0\0\1\x8a\1\xff"
                                "\x8a\x0b\0\0\0\0\0\0\0\0\0\0\1G?\xe0\0\0\0\0\0\0]q\0(K\1K\2e}X\1\0\0\0kM\3\0s)t.rest";
    static const struct {
        gf_pickle_kind kind;
        int64_t value;
    } want[] = {{GF_PICKLE_NONE, 0},        {GF_PICKLE_BOOL, 1}, {GF_PICKLE_INT, 200}, {GF_PICKLE_INT, -2},
                {GF_PICKLE_INT, 1ll << 40}, {GF_PICKLE_INT, -1}, {GF_PICKLE_BIG, 0},   {GF_PICKLE_FLOAT, 0},
                {GF_PICKLE_LIST, 0},        {GF_PICKLE_DICT, 0}, {GF_PICKLE_TUPLE, 0}};
    enum { N = sizeof want / sizeof *want };
    gf_pickle p;
    graft_error err;
    size_t used;
    if (run(&p, bytes, sizeof bytes - 1, &used, &err) != GRAFT_OK) fail_msg("%s", err.message);
    assert_int_equal(used, sizeof bytes - 1 - 4);
    const gf_pickle_node *root = &p.node[p.root];
    assert_true(root->kind == GF_PICKLE_TUPLE && root->n == N && root->depth == 2);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(gf_pickle_item(&p, root, i)->kind, want[i].kind);
        assert_int_equal(gf_pickle_item(&p, root, i)->value, want[i].value);
    }
    const gf_pickle_node *list = gf_pickle_item(&p, root, 8), *dict = gf_pickle_item(&p, root, 9);
    assert_true(list->n == 2 && gf_pickle_item(&p, list, 1)->value == 2);
    assert_true(dict->n == 2 && gf_pickle_item(&p, dict, 1)->value == 3);
    gf_pickle_free(&p);
}

/* As Python 2 wrote them: OrderedDict([["k", 1], ["l", 2]]) of byte strings. */
static void dicts_of_pairs_are_read(void **state)
{
    (void)state;
    static const char bytes[] = "\x80\2ccollections\nOrderedDict\n](](U\1kK\1e](U\1lK\2ee\x85R.";
    gf_pickle p;
    graft_error err;
    if (run(&p, bytes, sizeof bytes - 1, NULL, &err) != GRAFT_OK) fail_msg("%s", err.message);
    const gf_pickle_node *root = &p.node[p.root];
    assert_true(root->kind == GF_PICKLE_DICT && root->n == 4);
    assert_int_equal(gf_pickle_item(&p, root, 3)->value, 2);
    gf_pickle_free(&p);
}

#define BYTES(s) s, sizeof(s) - 1

/* Published files of 2017 have tensors of four facts: storage, offset, shape, strides. */
static void tensors_of_before_0_4_are_read(void **state)
{
    (void)state;
    gf_pickle p;
    graft_error err;
    if (run(&p,
            BYTES("\x80\2}U\1wctorch._utils\n_rebuild_tensor\n((U\7storagectorch\nFloatStorage\nU\1kU\3cpuK\2NtQ"
                  "K\0K\2\x85K\1\x85tRs."),
            NULL, &err) != GRAFT_OK) {
        fail_msg("%s", err.message);
    }
    const gf_pickle_node *tensor = gf_pickle_item(&p, &p.node[p.root], 1);
    assert_true(tensor->kind == GF_PICKLE_TENSOR && tensor->n == 4);
    assert_int_equal(gf_pickle_item(&p, tensor, 0)->kind, GF_PICKLE_STORAGE);
    gf_pickle_free(&p);
}

typedef struct bad_program {
    const char *bytes;
    size_t n;
    int number;
    const char *says;
} bad_program;

static void refused(const bad_program *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        gf_pickle p;
        graft_error err;
        assert_int_equal(run(&p, row[i].bytes, row[i].n, NULL, &err), GRAFT_WEIGHTS);
        if (err.number != row[i].number || !strstr(err.message, row[i].says)) {
            fail_msg("%zu: wanted `%s`, got E%d: %s", i, row[i].says, err.number, err.message);
        }
        assert_null(p.node);
    }
}

static void programs_without_sense_are_refused(void **state)
{
    (void)state;
    static const bad_program row[] = {
        {BYTES(""), GF_E_PICKLE_DAMAGED, "ends without its last instruction"},
        {BYTES("\x80\2}"), GF_E_PICKLE_DAMAGED, "byte 3: it ends without its last instruction"},
        {BYTES("."), GF_E_PICKLE_DAMAGED, "leaves not one value"},
        {BYTES("NN."), GF_E_PICKLE_DAMAGED, "leaves not one value"},
        {BYTES("(N."), GF_E_PICKLE_DAMAGED, "leaves not one value"},
        {BYTES("NNNs."), GF_E_PICKLE_DAMAGED, "byte 3: a value is put into what cannot hold it"},
        {BYTES("](NNu."), GF_E_PICKLE_DAMAGED, "a value is put into what cannot hold it"},
        {BYTES("}(Nu."), GF_E_PICKLE_DAMAGED, "a key without a value"},
        {BYTES("}Na."), GF_E_PICKLE_DAMAGED, "a value is put into what cannot hold it"},
        {BYTES("Ns."), GF_E_PICKLE_DAMAGED, "too few values"},
        {BYTES("N(\x86."), GF_E_PICKLE_DAMAGED, "too few values"}, /* not below the mark */
        {BYTES("t."), GF_E_PICKLE_DAMAGED, "no mark"},
        {BYTES("N}b."), GF_E_PICKLE_DAMAGED, "attributes of what is no dict"},
        {BYTES("}Nb."), GF_E_PICKLE_DAMAGED, "attributes of what is no dict"},
        {BYTES("Nr\0\0\0\x80."), GF_E_PICKLE_DAMAGED, "a memo number out of turn"},
        {BYTES("q\0."), GF_E_PICKLE_DAMAGED, "nothing on the stack to remember"},
        {BYTES("h\0."), GF_E_PICKLE_DAMAGED, "a memo number that was never given"},
        {BYTES("X\xff\xff\xff\x7f ab"), GF_E_PICKLE_DAMAGED, "it ends early"},
        {BYTES("\x8a\xff"), GF_E_PICKLE_DAMAGED, "it ends early"},
        {BYTES("G123"), GF_E_PICKLE_DAMAGED, "it ends early"},
        {BYTES("cos\nsystem"), GF_E_PICKLE_DAMAGED, "a name without an end"},
        {BYTES("cbuiltins\ngetattr\nNR."), GF_E_PICKLE_DAMAGED, "a call of what is no name"},
        {BYTES("NN\x93."), GF_E_PICKLE_DAMAGED, "a name that is no text"},
        {BYTES("(I1\no."), GF_E_PICKLE_DAMAGED, "a call of what is no name"},
        {BYTES("(o."), GF_E_PICKLE_DAMAGED, "too few values"},
        {BYTES("0."), GF_E_PICKLE_DAMAGED, "too few values"},
        {BYTES("2."), GF_E_PICKLE_DAMAGED, "too few values"},
        {BYTES("(Nd."), GF_E_PICKLE_DAMAGED, "a key without a value"},
        {BYTES("Ix\n."), GF_E_PICKLE_DAMAGED, "a number that is none"},
        {BYTES("Np-1\n."), GF_E_PICKLE_DAMAGED, "a memo number that is none"},
        {BYTES("Np1\n."), GF_E_PICKLE_DAMAGED, "a memo number out of turn"},
        {BYTES("Vab"), GF_E_PICKLE_DAMAGED, "a text without an end"},
        {BYTES("\x80\4\x95\xff\0\0\0\0\0\0\0N."), GF_E_PICKLE_DAMAGED, "it ends early"},
        {BYTES("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
               "a"),
         GF_E_PICKLE_DAMAGED, "it ends early"},
        {BYTES("\x97."), GF_E_PICKLE_FORBIDDEN, "instruction 0x97"},
        {BYTES("\x82\1."), GF_E_PICKLE_FORBIDDEN, "instruction 0x82"},
        {BYTES("\x80\6}."), GF_E_PICKLE_FORBIDDEN, "of protocol 6"},
        {BYTES("N)R."), GF_E_PICKLE_DAMAGED, "a call of what is no name"},
        {BYTES("ctorch\nSize\nNR."), GF_E_PICKLE_DAMAGED, "a call of what is no name, or without arguments"},
        {BYTES("ctorch\nSize\n)R."), GF_E_PICKLE_DAMAGED, "a size of no tuple"},
        {BYTES("ctorch\nFloatStorage\n)R."), GF_E_PICKLE_DAMAGED, "a type is called"},
        {BYTES("ctorch._utils\n_rebuild_tensor_v2\n(NNNNtR."), GF_E_PICKLE_DAMAGED, "a tensor without a storage"},
        {BYTES("ctorch._utils\n_rebuild_tensor_v2\n)R."), GF_E_PICKLE_DAMAGED, "a tensor without a storage"},
        {BYTES("ctorch._utils\n_rebuild_parameter\nN\x85R."), GF_E_PICKLE_DAMAGED, "a parameter without a tensor"},
        {BYTES("ccollections\nOrderedDict\nN\x85R."), GF_E_PICKLE_DAMAGED, "a dict of no list of pairs"},
        {BYTES("ccollections\nOrderedDict\n]Na\x85R."), GF_E_PICKLE_DAMAGED, "a dict of no list of pairs"},
        {BYTES("NQ."), GF_E_PICKLE_DAMAGED, "a storage that is no tuple"},
        {BYTES("X\7\0\0\0storage\x85Q."), GF_E_PICKLE_DAMAGED, "a storage without its facts"},
        {BYTES("X\6\0\0\0module\x85Q."), GF_E_PICKLE_DAMAGED, "a module without a class"},
    };
    refused(row, sizeof row / sizeof *row);
}

static void names_that_attacks_call_are_refused(void **state)
{
    (void)state;
    static const bad_program row[] = {
        {BYTES("cos\nsystem\n)R."), GF_E_PICKLE_FORBIDDEN, "wants `os.system`: not weight data"},
        {BYTES("cos.\x1b[2J\nx\n."), GF_E_PICKLE_FORBIDDEN, "wants `os.\\x1b[2J.x`"},
        {BYTES("(ios\nsystem\n."), GF_E_PICKLE_FORBIDDEN, "wants `os.system`"},
        {BYTES("\x8c\2os\x8c\6system\x93."), GF_E_PICKLE_FORBIDDEN, "wants `os.system`"},
        {BYTES("Vbuiltins\nVeval\n\x93."), GF_E_PICKLE_FORBIDDEN, "wants `builtins.eval`"},
        {BYTES("c__builtin__\neval\n."), GF_E_PICKLE_FORBIDDEN, "wants `__builtin__.eval`"},
        {BYTES("c__builtin__\ngetattr\n(ca\nb\nV__globals__\ntR."), GF_E_PICKLE_FORBIDDEN, "wants `a.b.__globals__`"},
        {BYTES("cbuiltins\ngetattr\n(ca\nb\nVos\ntRp0\ng0\nVsystem\ntR."), GF_E_PICKLE_FORBIDDEN, "wants `a.b.os`"},
        {BYTES("cbuiltins\ngetattr\n(Va\nVb\ntR."), GF_E_PICKLE_FORBIDDEN, "wants `builtins.getattr`"},
        {BYTES("cos.path\njoin\n."), GF_E_PICKLE_FORBIDDEN, "wants `os.path.join`"},
        {BYTES("\x8c\3foo\x8c\x0f"
               "bar.os.system.x\x93."),
         GF_E_PICKLE_FORBIDDEN, "wants `foo.bar.os.system.x`"},
        {BYTES("cfoo\nbar.__globals__\n."), GF_E_PICKLE_FORBIDDEN, "wants `foo.bar.__globals__`"},
        {BYTES("ctypes\nCodeType\n."), GF_E_PICKLE_FORBIDDEN, "wants `types.CodeType`"},
        {BYTES("ctorch.hub\nload\n."), GF_E_PICKLE_FORBIDDEN, "wants `torch.hub.load`"},
        {BYTES("ctorch\nload\n."), GF_E_PICKLE_FORBIDDEN, "wants `torch.load`"},
    };
    refused(row, sizeof row / sizeof *row);
}

/* Nothing is called: an unknown name's call is a node that knows the name, whatever makes the object and fills it. */
static void unknown_objects_are_opaque(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *class;
        int64_t module;
    } row[] = {
        {BYTES("\x80\2cargparse\nNamespace\n)\x81}X\2\0\0\0lrK\1sb."), "argparse.Namespace", 0},
        {BYTES("cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\nC\1xtR."), "numpy.core.multiarray.scalar", 0},
        {BYTES("ccopy_reg\n_reconstructor\n(cproject\nNet\nc__builtin__\nobject\nNtR."), "project.Net", 0},
        {BYTES("(iproject\nNet\n}b."), "project.Net", 0},
        {BYTES("(cproject\nNet\nNo."), "project.Net", 0},
        {BYTES("\x80\4\x8c\7project\x94\x8c\3Net\x94\x93\x94)}\x92."), "project.Net", 0},
        {BYTES("cproject\nmake\n)R)R."), "project.make", 0},
        {BYTES("cproject\nNet\n)\x81}X\x08\0\0\0_modules}sb."), "project.Net", 1},
        {BYTES("c__builtin__\ngetattr\n(cproject\nOuter\nVInner\ntR)\x81."), "project.Outer.Inner", 0},
        {BYTES("cproject\nList\n)\x81(K\1K\2e."), "project.List", 0},
        {BYTES("X\6\0\0\0modulecproject\nNet\n\x86Q)\x81."), "project.Net", 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_pickle p;
        graft_error err;
        if (run(&p, row[i].bytes, row[i].n, NULL, &err) != GRAFT_OK) fail_msg("%zu: %s", i, err.message);
        const gf_pickle_node *root = &p.node[p.root];
        if (root->kind != GF_PICKLE_OBJECT || strcmp(root->text, row[i].class) || root->value != row[i].module) {
            fail_msg("%zu: kind %d, %s", i, (int)root->kind, root->text ? root->text : "-");
        }
        gf_pickle_free(&p);
    }
    gf_pickle p;
    graft_error err;
    assert_int_equal(run(&p, BYTES("caddict\nDict\n)R(C\1kK\7u."), NULL, &err), GRAFT_OK); /* its items stay */
    const gf_pickle_node *root = &p.node[p.root];
    assert_true(root->kind == GF_PICKLE_OBJECT && root->n == 2 && gf_pickle_item(&p, root, 1)->value == 7);
    gf_pickle_free(&p);
    assert_int_equal(run(&p, BYTES("ccollections\ndefaultdict\nc__builtin__\nlist\n\x85R(C\1kK\7u."), NULL, &err),
                     GRAFT_OK);
    assert_true(p.node[p.root].kind == GF_PICKLE_DICT && p.node[p.root].n == 2);
    gf_pickle_free(&p);
}

/* (1, 2, True, 2.5, "a", "b", [3], {"k": 4}, 4, 5, set, "c") as the other protocols write them. */
static void every_protocol_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
    } row[] = {
        {BYTES("(I1\nL2L\nI01\nF2.5\nVa\nS'b'\n(I3\nlp0\n(Vk\nI4\ndp1\nI4\nI5\nc__builtin__\nset\n)RVc\ntp2\n.")},
        {BYTES("\x80\3(K\1K\2\x88G@\4\0\0\0\0\0\0X\1\0\0\0aC\1b](K\3e}X\1\0\0\0kK\4sK\4K\5cbuiltins\nset\n)RC\1ct.")},
        {BYTES("\x80\4\x95\x2b\0\0\0\0\0\0\0(K\1\x8b\1\0\0\0\2\x88G@\4\0\0\0\0\0\0\x8c\1a\x94"
               "B\1\0\0\0b](K\3e}\x8c\1kK\4sK\4"
               "2"
               "0K\5\x8f(K\1\x90\x8d\1\0\0\0\0\0\0\0ct.")},
        {BYTES("\x80\5(K\1K\2\x88G@\4\0\0\0\0\0\0\x8c\1a\x8e\1\0\0\0\0\0\0\0b](K\3e}\x8c\1kK\4sK\4K\5"
               "(K\1\x91(NN1\x96\1\0\0\0\0\0\0\0z"
               "0\x8c\1ct.")},
    };
    static const gf_pickle_kind kind[] = {GF_PICKLE_INT,  GF_PICKLE_INT,  GF_PICKLE_BOOL, GF_PICKLE_FLOAT,
                                          GF_PICKLE_TEXT, GF_PICKLE_TEXT, GF_PICKLE_LIST, GF_PICKLE_DICT,
                                          GF_PICKLE_INT,  GF_PICKLE_INT,  GF_PICKLE_NONE, GF_PICKLE_TEXT};
    enum { N = sizeof kind / sizeof *kind, SET = 10 };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_pickle p;
        graft_error err = {0}; /* its texts stand in the program, which has to stay */
        const uint8_t *bytes = (const uint8_t *)row[i].bytes;
        if (gf_pickle_run(&p, bytes, row[i].n, "f.pth", NULL, &err) != GRAFT_OK) fail_msg("%zu: %s", i, err.message);
        const gf_pickle_node *root = &p.node[p.root];
        assert_true(root->kind == GF_PICKLE_TUPLE && root->n == N);
        for (size_t k = 0; k < N; k++) {
            const gf_pickle_node *item = gf_pickle_item(&p, root, k);
            bool set = item->kind == GF_PICKLE_VALUE || item->kind == GF_PICKLE_OBJECT;
            if (k == SET ? !set : item->kind != kind[k])
                fail_msg("%zu: value %zu is of kind %d", i, k, (int)item->kind);
        }
        assert_true(gf_pickle_is_text(gf_pickle_item(&p, root, 5), "b"));
        assert_int_equal(gf_pickle_item(&p, gf_pickle_item(&p, root, 7), 1)->value, 4);
        assert_int_equal(gf_pickle_item(&p, root, 9)->value, 5);
        gf_pickle_free(&p);
    }
}

/* A program of `n` times the same bytes between a beginning and an end. */
static graft_status run_repeated(const char *begin, const char *middle, size_t n, const char *end, graft_error *err)
{
    gf_text t = {0};
    gf_pickle p;
    gf_text_add(&t, begin);
    for (size_t i = 0; i < n; i++) gf_text_add(&t, middle);
    gf_text_add(&t, end);
    assert_false(t.failed);
    *err = (graft_error){0};
    graft_status status = gf_pickle_run(&p, (const uint8_t *)t.s, t.n, "f.pth", NULL, err);
    gf_pickle_free(&p);
    gf_text_free(&t);
    return status;
}

static void programs_without_measure_are_refused(void **state)
{
    (void)state;
    graft_error err;
    assert_int_equal(run_repeated(")", "\x85", 60, ".", &err), GRAFT_OK);
    assert_int_equal(run_repeated(")", "\x85", 1000000, ".", &err), GRAFT_WEIGHTS); /* ((((...)))) */
    assert_int_equal(err.number, GF_E_PICKLE_LIMIT);
    assert_non_null(strstr(err.message, "nested deeper than 64"));
    assert_int_equal(run_repeated("", "(", 1000000, "", &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_PICKLE_LIMIT);
    assert_int_equal(run_repeated("", "N", 2000000, "", &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_PICKLE_LIMIT);
    /* one list of 1,000 pairs made into a dict again and again */
    gf_text t = {0};
    gf_pickle p;
    gf_text_add(&t, "](");
    for (int i = 0; i < 1000; i++) gf_text_add(&t, "NN\x86");
    gf_text_add_n(&t, BYTES("e\x85q\0"));
    for (int i = 0; i < 100000; i++) gf_text_add_n(&t, BYTES("ccollections\nOrderedDict\nh\0R"));
    assert_false(t.failed);
    assert_int_equal(gf_pickle_run(&p, (const uint8_t *)t.s, t.n, "f.pth", NULL, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_PICKLE_LIMIT);
    gf_text_free(&t);
}

/* A list that is its own item must not be followed for ever, here or when it is freed. */
static void cycles_end(void **state)
{
    (void)state;
    gf_pickle p;
    graft_error err;
    assert_int_equal(run(&p, BYTES("]q\0h\0a."), NULL, &err), GRAFT_OK);
    const gf_pickle_node *root = &p.node[p.root];
    assert_ptr_equal(gf_pickle_item(&p, root, 0), root);
    gf_pickle_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_what_python_wrote),
        cmocka_unit_test(dicts_of_pairs_are_read),
        cmocka_unit_test(programs_without_sense_are_refused),
        cmocka_unit_test(names_that_attacks_call_are_refused),
        cmocka_unit_test(cycles_end),
        cmocka_unit_test(unknown_objects_are_opaque),
        cmocka_unit_test(every_protocol_is_read),
        cmocka_unit_test(tensors_of_before_0_4_are_read),
        cmocka_unit_test(programs_without_measure_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
