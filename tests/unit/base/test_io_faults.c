/* Every failing call of a file's write and read, one by one: the old file stays, nothing leaks, nothing is left behind.
 */
#include "base/alloc.h"
#include "base/io.h"
#include "support/sys_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void write_keeps_the_old_file(void **state)
{
    (void)state;
    char dir[] = "/tmp/graft-test-XXXXXX", path[64], tmp[80];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/file", dir);
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    assert_int_equal(gf_file_write_text(path, "old", NULL), GRAFT_OK);
    long faults = 0;
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        for (long k = 0;; k++) {
            long live = faults_live();
            faults_arm((fault_kind)kind, k);
            graft_status status = gf_file_write_text(path, "new", NULL);
            bool happened = faults_disarm();
            assert_int_equal(faults_live(), live);
            assert_int_equal(access(tmp, F_OK), -1);
            if (!happened) break;
            faults++;
            assert_int_equal(status, GRAFT_RESOURCE);
            uint8_t *data;
            size_t n;
            assert_int_equal(gf_file_read(path, 100, &data, &n, NULL), GRAFT_OK);
            assert_true(!strcmp((char *)data, "old") || !strcmp((char *)data, "new"));
            gf_free(data);
            assert_int_equal(gf_file_write_text(path, "old", NULL), GRAFT_OK);
        }
    }
    assert_true(faults >= 7);
}

static void read_fails_cleanly(void **state)
{
    (void)state;
    for (int kind = 0; kind <= FAULT_READ; kind++) {
        for (long k = 0;; k++) {
            long live = faults_live();
            uint8_t *data;
            size_t n;
            faults_arm((fault_kind)kind, k);
            graft_status status = gf_file_read("/proc/self/exe", 1 << 28, &data, &n, NULL);
            bool happened = faults_disarm();
            gf_free(data);
            assert_int_equal(faults_live(), live);
            if (!happened) break;
            assert_int_equal(status, GRAFT_RESOURCE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_keeps_the_old_file),
        cmocka_unit_test(read_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
