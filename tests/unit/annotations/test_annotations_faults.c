/* Labels where memory runs out or a file cannot be read or written: nothing leaks, the error says so. */
#include "set.h"
#include "support/sys_faults.h"

static char source[64], target[128];
static const gf_annotation_format *format;

/* Each format's folder is read; then written in the same one. */
static graft_status convert(graft_error *err)
{
    static const gf_annotation_options none = {.rename = "x=y", .background = true};
    gf_annotations a;
    gf_json *document;
    char *text;
    graft_status status = gf_annotations_read(&a, source, &none, NULL, err);
    if (status != GRAFT_OK) return status;
    status = gf_annotations_refuse(&a, err);
    if (status == GRAFT_OK) status = gf_annotations_report(&a, &document, &text, err);
    if (status == GRAFT_OK) {
        char *json = gf_json_text(document, 0);
        if (!json) status = gf_fail_memory(err, 1, "json");
        gf_free(json);
        gf_json_free(document);
        gf_free(text);
    }
    a.found = true; /* scores are written, too */
    if (status == GRAFT_OK) status = gf_annotations_write(&a, format, target, false, err);
    gf_annotations_free(&a);
    return status;
}

static long fail_each(int kind)
{
    long faults = 0, live = faults_live();
    for (long k = 0;; k++, faults++) {
        graft_error err = {0};
        if (gf_is_dir(target)) assert_int_equal(nftw(target, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
        faults_arm(kind, k);
        graft_status status = convert(&err);
        bool happened = faults_disarm();
        assert_int_equal(faults_live(), live);
        if (!happened) {
            assert_int_equal(status, GRAFT_OK);
            return faults;
        }
        if (status == GRAFT_OK) fail_msg("%s: fault %ld of kind %d went unseen", format->name, k, kind);
        assert_true(err.number != 0);
    }
}

static void make(const char *name, tree *t)
{
    *t = tree_make();
    set_image(t, "images/a.jpg", 40, 30, 0);
    set_image(t, "images/b.jpg", 40, 30, 0);
    if (!strcmp(name, "voc")) set_voc(t, "annotations/a.xml", 40, 30, set_object("x", "1", "1", "9", "9"));
    if (!strcmp(name, "coco"))
        tree_text(t, "a.json",
                  "{\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"}],\"categories\":[{\"id\":1,\"name\":\"x\"}],"
                  "\"annotations\":[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,1,8,8]}]}");
    if (!strcmp(name, "createml"))
        tree_text(t, "a.json",
                  "[{\"image\":\"a.jpg\",\"annotations\":[{\"label\":\"x\",\"coordinates\":{\"x\":5,\"y\":5,"
                  "\"width\":8,\"height\":8}}]}]");
    if (!strcmp(name, "csv")) tree_text(t, "a.csv", "filename,class,xmin,ymin,xmax,ymax\na.jpg,x,1,1,9,9\n");
    if (!strcmp(name, "yolo")) {
        tree_text(t, "data.yaml", "names: {0: x}\ntrain: images\n");
        tree_text(t, "labels/a.txt", "0 0.5 0.5 0.2 0.2\n");
    }
}

static void every_fault_is_survived(void **state)
{
    (void)state;
    tree out = tree_make();
    snprintf(target, sizeof target, "%s/to", out.dir);
    for (size_t i = 0; (format = gf_annotation_format_at(i)); i++) {
        tree t;
        make(format->name, &t);
        snprintf(source, sizeof source, "%s", t.dir);
        assert_true(fail_each(FAULT_ALLOC) > 50);
        assert_true(fail_each(FAULT_WRITE) > 0);
        assert_true(fail_each(FAULT_READ) > 0);
        tree_remove(&t);
    }
    tree_remove(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_fault_is_survived)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
