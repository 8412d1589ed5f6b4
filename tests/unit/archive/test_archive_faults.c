/* archive: each allocation and file call failed in turn; a disk that is full. */
#include "archive/archive.h"
#include "base/alloc.h"
#include "support/sys_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { IMAGE = 54 + 8 * 8 * 3 };

/* Opens, lists, reads one. */
static graft_status use(const char *name, graft_error *err)
{
    char path[512];
    static const gf_archive_limits limits = {.spool = "/tmp/graft-archive-spool"};
    gf_archive *a;
    gf_names names;
    gf_archive_entry e;
    uint8_t bytes[IMAGE];
    int failed = 0;
    snprintf(path, sizeof path, GRAFT_FIXTURES "/archives/%s", name);
    GF_TRY(gf_archive_open(&a, path, &limits, err));
    graft_status status = gf_archive_list(a, "pets/train", &names, err);
    if (status == GRAFT_OK) {
        assert_int_equal(names.n, 2);
        gf_names_free(&names);
        assert_true(gf_archive_find(a, "pets/train/dog/2.bmp", &e));
        status = gf_archive_read(a, e.member, bytes, IMAGE, &failed, err);
        if (status == GRAFT_OK && failed) status = gf_fail_errno(err, GF_E_IO_READ, failed, "cannot be read", path);
        if (status == GRAFT_OK) assert_memory_equal(bytes, "BM", 2);
    }
    gf_archive_close(a);
    return status;
}

static int fail_each(const char *name, fault_kind kind, int error_number)
{
    int faults = 0;
    for (long k = 0;; k++) {
        long live = faults_live();
        graft_error err = {0};
        if (error_number) {
            faults_arm_errno(kind, k, error_number, false);
        } else {
            faults_arm(kind, k);
        }
        graft_status status = use(name, &err);
        bool happened = faults_disarm();
        assert_int_equal(faults_live(), live);
        if (status != GRAFT_OK) {
            assert_true(err.number && err.message[0]);
            assert_true(happened);
        }
        if (error_number == ENOSPC && happened && kind == FAULT_WRITE) assert_int_equal(err.number, GF_E_NO_SPACE);
        if (!happened) {
            assert_int_equal(status, GRAFT_OK);
            return faults;
        }
        faults++;
    }
}

static void each_failure_is_survived(void **state)
{
    (void)state;
    static const char *const of[] = {"good.zip", "stored.zip", "good.tar", "good.tgz"};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        assert_true(fail_each(of[i], FAULT_ALLOC, 0) >= 18);
        assert_true(fail_each(of[i], FAULT_OPEN, 0) >= 2);
        assert_true(fail_each(of[i], FAULT_READ, 0) >= 3);
    }
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    assert_true(fail_each("good.tgz", FAULT_WRITE, ENOSPC) >= 10);
    assert_int_equal(fail_each("good.zip", FAULT_WRITE, ENOSPC), 0); /* which is read in place */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_failure_is_survived),
        cmocka_unit_test(a_full_disk_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
