/* data: images shared out as Keras does it, file by file (tools/make_split_fixtures.py); by content and in groups; by a
 * list; each allocation and file call failed in turn. */
#include "data/split_rules.h"
#include "support/sys_faults.h"
#include "tree.h"

#include <math.h>

enum { GROUPS = 30 };

static gf_settings *settings_of(const char *const (*rows)[2])
{
    gf_settings *s = gf_settings_new();
    graft_error err;
    for (; (*rows)[0]; rows++) {
        if (gf_settings_set(s, (*rows)[0], (*rows)[1], &err)) fail_msg("%s", err.message);
    }
    return s;
}

static gf_index *built(const char *path, const gf_data_options *o)
{
    gf_index *index;
    graft_error err = {0};
    if (gf_index_build(&index, path, o, &err)) fail_msg("%s", err.message);
    return index;
}

/* The options with these rows; the settings are the caller's. */
static gf_data_options options_with(gf_settings *s)
{
    gf_data_options o = tree_options();
    gf_data_take_settings(&o, s);
    return o;
}

static gf_split part_of(const gf_index *index, const char *path)
{
    for (uint32_t i = 0; i < index->n; i++) {
        if (!strcmp(gf_index_path(index, i), path)) return (gf_split)index->sample[i].split;
    }
    fail_msg("no %s", path);
    return GF_SPLITS;
}

/* ---- Keras */

static void check_case(const tree *t, const char *share, const char *seed, char validation[64][64], int n)
{
    const char *const rows[][2] = {
        {"data.validation_split", share}, {*seed == '-' ? NULL : "data.split_seed", seed}, {NULL, NULL}};
    gf_settings *s = settings_of(rows);
    gf_data_options o = options_with(s);
    gf_index *index = built(t->dir, &o);
    assert_int_equal(index->first[GF_TEST] - index->first[GF_VALIDATION], n);
    assert_int_equal(index->first[GF_SPLITS], index->first[GF_TEST]);
    assert_true(index->shared_out);
    for (int i = 0; i < n; i++) {
        if (part_of(index, validation[i]) != GF_VALIDATION) fail_msg("%s %s: %s", share, seed, validation[i]);
    }
    gf_index_free(index);
    gf_settings_free(s);
}

static void files_are_those_of_keras(void **state)
{
    (void)state;
    tree t = tree_make();
    FILE *f = fopen(GRAFT_FIXTURES "/keras_split.txt", "r");
    char line[128], share[16] = "", seed[16] = "", validation[64][64];
    int n = 0, cases = 0;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (!strncmp(line, "file ", 5)) tree_text(&t, line + 5, "");
        if (!strncmp(line, "validation ", 11)) snprintf(validation[n++], sizeof validation[0], "%.60s", line + 11);
        if (strncmp(line, "case ", 5)) continue;
        if (cases++) check_case(&t, share, seed, validation, n);
        n = 0;
        assert_int_equal(sscanf(line, "case %15s %15s", share, seed), 2);
    }
    check_case(&t, share, seed, validation, n);
    assert_int_equal(cases, 6);
    fclose(f);
    tree_remove(&t);
}

static void what_keras_does_not_read_is_told(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"data.validation_split", "0.3"}, {"data.split_seed", "1"}, {NULL, NULL}};
    static const char *const few[][2] = {{"data.validation_split", "0.01"}, {NULL, NULL}};
    tree t = tree_make();
    int seed = 0;
    heard h = {0};
    gf_log log = {heard_say, &h};
    tree_class(&t, "a", 10, &seed);
    tree_text(&t, "b/x.webp", "");
    gf_settings *s = settings_of(rows), *none = settings_of(few);
    gf_data_options o = options_with(s);
    o.log = &log;
    gf_index *index = built(t.dir, &o), *no;
    assert_int_equal(part_of(index, "b/x.webp"), GF_TRAIN);
    assert_int_equal(index->first[GF_TEST] - index->first[GF_VALIDATION], 3);
    assert_has(h.text, "1 images have names that Keras does not read");
    o = options_with(none);
    assert_int_equal(gf_index_build(&no, t.dir, &o, NULL), GRAFT_USAGE);
    gf_index_free(index);
    gf_settings_free(s);
    gf_settings_free(none);
    tree_remove(&t);
}

/* ---- content */

static const char *const by_content[][2] = {{"data.split_by", "content"}, {NULL, NULL}};

static void names_do_not_matter(void **state)
{
    (void)state;
    tree t = tree_make(), renamed = tree_make();
    gf_settings *s = settings_of(by_content);
    gf_data_options o = options_with(s);
    memcpy(o.split, (double[]){0.6, 0.3, 0.1}, sizeof o.split);
    for (int i = 0; i < 120; i++) {
        char name[64], other[64];
        snprintf(name, sizeof name, "%c/p%03d.jpg", 'a' + i % 3, i);
        snprintf(other, sizeof other, "%c/z%03d.jpg", 'a' + i % 3, 500 - i);
        tree_image(&t, name, i);
        tree_image(&renamed, other, i);
    }
    gf_index *x = built(t.dir, &o), *y = built(renamed.dir, &o);
    for (uint32_t c = 0; c < 3; c++) {
        assert_int_equal(gf_index_count(x, GF_TRAIN, c), 24);
        assert_int_equal(gf_index_count(x, GF_VALIDATION, c), 12);
        assert_int_equal(gf_index_count(x, GF_TEST, c), 4);
    }
    for (int i = 0; i < 120; i++) {
        char name[64], other[64];
        snprintf(name, sizeof name, "%c/p%03d.jpg", 'a' + i % 3, i);
        snprintf(other, sizeof other, "%c/z%03d.jpg", 'a' + i % 3, 500 - i);
        assert_int_equal(part_of(x, name), part_of(y, other));
    }
    o.seed = 1;
    gf_index *z = built(t.dir, &o);
    int moved = 0;
    for (uint32_t i = 0; i < z->n; i++) moved += part_of(x, gf_index_path(z, i)) != (gf_split)z->sample[i].split;
    assert_true(moved > 10);
    gf_index_free(x);
    gf_index_free(y);
    gf_index_free(z);
    gf_settings_free(s);
    tree_remove(&t);
    tree_remove(&renamed);
}

/* Ten images of each class twice: a copy is where its original is. */
static void copies_stay_together(void **state)
{
    (void)state;
    tree t = tree_make();
    gf_settings *s = settings_of(by_content);
    gf_data_options o = options_with(s);
    for (int i = 0; i < 40; i++) {
        char name[64];
        snprintf(name, sizeof name, "%c/p%03d.jpg", 'a' + i % 2, i);
        tree_image(&t, name, i / 4 * 2 + i % 2);
    }
    gf_index *x = built(t.dir, &o);
    for (int i = 0; i < 40; i++) {
        char name[64], other[64];
        snprintf(name, sizeof name, "%c/p%03d.jpg", 'a' + i % 2, i);
        snprintf(other, sizeof other, "%c/p%03d.jpg", 'a' + i % 2, i ^ 2);
        assert_int_equal(part_of(x, name), part_of(x, other));
    }
    assert_int_equal(gf_index_count(x, GF_VALIDATION, 0), 4);
    gf_index_free(x);
    gf_settings_free(s);
    tree_remove(&t);
}

static void a_rare_class_is_in_every_part(void **state)
{
    (void)state;
    tree t = tree_make();
    int seed = 0;
    gf_settings *s = settings_of(by_content);
    gf_data_options o = options_with(s);
    memcpy(o.split, (double[]){0.9, 0.05, 0.05}, sizeof o.split);
    tree_class(&t, "a", 40, &seed);
    tree_class(&t, "b", 4, &seed);
    tree_class(&t, "c", 1, &seed);
    gf_index *x = built(t.dir, &o);
    for (int p = 0; p < GF_SPLITS; p++) assert_true(gf_index_count(x, (gf_split)p, 1) >= 1);
    assert_int_equal(gf_index_count(x, GF_TRAIN, 2), 1);
    gf_index_free(x);
    gf_settings_free(s);
    tree_remove(&t);
}

/* ---- groups */

static tree patients(void)
{
    tree t = tree_make();
    for (int i = 0; i < 150; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s/P%d_%d.jpg", i % 3 ? "well" : "ill", i * 7 % GROUPS, i);
        tree_image(&t, name, i);
    }
    return t;
}

static void groups_stay_together(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"data.group_by", "/P([0-9]+)_"}, {NULL, NULL}};
    tree t = patients();
    gf_settings *s = settings_of(rows);
    gf_data_options o = options_with(s);
    heard h = {0};
    gf_log log = {heard_say, &h};
    o.log = &log;
    memcpy(o.split, (double[]){0.5, 0.25, 0.25}, sizeof o.split);
    gf_index *x = built(t.dir, &o);
    int part[GROUPS];
    memset(part, -1, sizeof part);
    assert_int_equal(x->groups.n, GROUPS);
    for (uint32_t i = 0; i < x->n; i++) {
        int group = atoi(strchr(gf_index_path(x, i), '/') + 2);
        assert_true(part[group] < 0 || part[group] == x->sample[i].split);
        part[group] = x->sample[i].split;
    }
    for (int p = 1; p < GF_SPLITS; p++) {
        for (uint32_t c = 0; c < 2; c++) {
            double share = (double)gf_index_count(x, (gf_split)p, c) / (c ? 100 : 50);
            assert_true(fabs(share - 0.25) <= 0.1);
        }
    }
    assert_int_equal(h.warnings, 0);
    gf_index_free(x);
    gf_settings_free(s);
    tree_remove(&t);
}

/* Parts of the data's own are left as they are, and a patient in two of them is told; as are images of no group. */
static void shared_groups_are_told(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"data.group_by", "P[0-9]+"}, {NULL, NULL}};
    static const char *const bad[][2] = {{"data.group_by", "(P"}, {NULL, NULL}};
    tree t = tree_make();
    static const char *const names[] = {"train/a/P1_1.jpg", "train/b/P2_1.jpg", "validation/a/P1_2.jpg",
                                        "validation/b/Q.jpg"};
    for (int i = 0; i < 4; i++) tree_image(&t, names[i], i);
    gf_settings *s = settings_of(rows), *none = settings_of(bad);
    gf_data_options o = options_with(s);
    heard h = {0};
    gf_log log = {heard_say, &h};
    o.log = &log;
    gf_index *x = built(t.dir, &o), *no;
    assert_int_equal(part_of(x, "validation/a/P1_2.jpg"), GF_VALIDATION);
    assert_false(x->shared_out);
    assert_has(h.text, "1 group is in several parts of the data (P1)");
    assert_has(h.text, "1 of 4 images are of no group");
    o = options_with(none);
    graft_error err;
    assert_int_equal(gf_index_build(&no, t.dir, &o, &err), GRAFT_USAGE);
    assert_has(err.message, "(P is no regular expression");
    gf_index_free(x);
    gf_settings_free(s);
    gf_settings_free(none);
    tree_remove(&t);
}

static void a_column_tells_groups(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"data.group_column", "patient"}, {NULL, NULL}};
    tree t = tree_make();
    char text[4096] = "path,label,patient\n";
    for (int i = 0; i < 60; i++) {
        char name[32];
        snprintf(name, sizeof name, "i%d.jpg", i);
        tree_image(&t, name, i);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s,%s,%s%d\n", name, i % 2 ? "x" : "y",
                 i % 5 ? "p" : "", i / 5);
    }
    tree_text(&t, "all.csv", text);
    gf_settings *s = settings_of(rows);
    gf_data_options o = options_with(s);
    gf_index *x = built(tree_path(&t, "all.csv"), &o);
    assert_int_equal(x->groups.n, 24);
    int part[12];
    memset(part, -1, sizeof part);
    for (uint32_t i = 0; i < x->n; i++) {
        int number = atoi(gf_index_path(x, i) + 1);
        if (number % 5 == 0) continue;
        assert_true(part[number / 5] < 0 || part[number / 5] == x->sample[i].split);
        part[number / 5] = x->sample[i].split;
    }
    assert_true(x->first[GF_TEST] - x->first[GF_VALIDATION] >= 8);
    gf_index_free(x);
    gf_settings_free(s);
    tree_remove(&t);
}

/* ---- a list */

/* Written, and read again with more images there: what was listed stays, by content wherever it lies now. */
static void a_list_keeps_everybody(void **state)
{
    (void)state;
    tree t = tree_make();
    int seed = 0;
    tree_class(&t, "a", 30, &seed);
    tree_class(&t, "b", 30, &seed);
    gf_settings *s = settings_of(by_content);
    gf_data_options o = options_with(s);
    gf_index *x = built(t.dir, &o);
    x->content = gf_new_n(x->n, gf_sha256);
    for (uint32_t i = 0; i < x->n; i++) {
        size_t n;
        uint8_t *bytes;
        assert_int_equal(gf_file_read(tree_path(&t, gf_index_path(x, i)), 1 << 20, &bytes, &n, NULL), GRAFT_OK);
        x->content[i] = gf_sha256_of(bytes, n);
        gf_free(bytes);
    }
    char *text;
    assert_int_equal(gf_split_text(x, &text, NULL), GRAFT_OK);
    assert_true(!strncmp(text, "path,label,group,sha256,split\n", 30));
    tree grown = tree_make();
    int again = 0;
    tree_class(&grown, "a/deep", 30, &again); /* elsewhere */
    tree_class(&grown, "b", 90, &again);
    tree_text(&t, "split.csv", text);
    char list[4096];
    snprintf(list, sizeof list, "%s", tree_path(&t, "split.csv"));
    const char *const rows[][2] = {{"data.split_file", list}, {NULL, NULL}};
    gf_settings *with = settings_of(rows);
    gf_data_options p = options_with(with);
    gf_index *y = built(grown.dir, &p);
    for (uint32_t i = 0; i < x->n; i++) {
        char name[128];
        const char *path = gf_index_path(x, i);
        snprintf(name, sizeof name, "%s%s", *path == 'a' ? "a/deep" : "b", path + 1);
        assert_int_equal(part_of(y, name), x->sample[i].split);
    }
    assert_int_equal(gf_index_count(y, GF_VALIDATION, 1), 18);
    gf_index_free(x);
    gf_index_free(y);
    gf_free(text);
    gf_settings_free(s);
    gf_settings_free(with);
    tree_remove(&t);
    tree_remove(&grown);
}

static void a_bad_list_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"path,label\na,b\n", "path,split\na/x.jpg,elsewhere\n",
                                        "sha256,split\n12,train\n", "path,split\n\"a"};
    tree t = tree_make();
    gf_split_file f;
    graft_error err;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        tree_text(&t, "split.csv", texts[i]);
        if (gf_split_file_read(&f, tree_path(&t, "split.csv"), &err) != GRAFT_DATA) fail_msg("%s", texts[i]);
        assert_has(err.message, "split.csv");
    }
    assert_int_not_equal(gf_split_file_read(&f, tree_path(&t, "none.csv"), &err), GRAFT_OK);
    tree_text(&t, "split.csv", "path,split\na/x.jpg,test\n");
    assert_int_equal(gf_split_file_read(&f, tree_path(&t, "split.csv"), &err), GRAFT_OK);
    gf_split part = GF_TRAIN;
    const gf_sha256 zeros = {{1}};
    assert_true(gf_split_file_find(&f, &zeros, "a/x.jpg", &part));
    assert_int_equal(part, GF_TEST);
    assert_false(gf_split_file_find(&f, &zeros, "a/y.jpg", &part));
    gf_split_file_free(&f);
    tree_remove(&t);
}

static void each_call_fails_cleanly(void **state)
{
    (void)state;
    tree t = tree_make();
    int seed = 0;
    tree_class(&t, "a/P1", 3, &seed);
    tree_class(&t, "b/P2", 3, &seed);
    tree_class(&t, "b/P3", 2, &seed);
    tree list = tree_make();
    tree_text(&list, "split.csv", "path,split\na/P1/p001.jpg,test\n");
    char path[4096];
    snprintf(path, sizeof path, "%s", tree_path(&list, "split.csv"));
    const char *const rows[][2] = {{"data.split_file", path}, {"data.group_by", "P[0-9]"}, {NULL, NULL}};
    gf_settings *s = settings_of(rows);
    gf_data_options o = options_with(s);
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        for (long k = 0;; k++) {
            graft_error err = {0};
            gf_index *x = NULL;
            char *text = NULL;
            long live = faults_live();
            faults_arm((fault_kind)kind, k);
            graft_status status = gf_index_build(&x, t.dir, &o, &err);
            if (status == GRAFT_OK) status = gf_split_text(x, &text, &err);
            bool happened = faults_disarm();
            if (status) assert_true(err.status == status && err.message[0]);
            gf_free(text);
            gf_index_free(x);
            assert_int_equal(faults_live(), live);
            if (happened) continue;
            assert_int_equal(status, GRAFT_OK);
            break;
        }
    }
    gf_settings_free(s);
    tree_remove(&t);
    tree_remove(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_those_of_keras),      cmocka_unit_test(what_keras_does_not_read_is_told),
        cmocka_unit_test(names_do_not_matter),           cmocka_unit_test(copies_stay_together),
        cmocka_unit_test(a_rare_class_is_in_every_part), cmocka_unit_test(groups_stay_together),
        cmocka_unit_test(shared_groups_are_told),        cmocka_unit_test(a_column_tells_groups),
        cmocka_unit_test(a_list_keeps_everybody),        cmocka_unit_test(a_bad_list_is_refused),
        cmocka_unit_test(each_call_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
