/* fail_each.h - something that is done with each of its memory or file calls failing in turn. */
#ifndef TESTS_SUPPORT_FAIL_EACH_H
#define TESTS_SUPPORT_FAIL_EACH_H

#include "support/sys_faults.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* How many of fn's calls of that kind there are: each failed once, which fn told, and nothing leaked; then none did and
 * fn was well. `after`: looks at what is left behind each failure; NULL: nobody does. */
static inline long fail_each(fault_kind kind, graft_status (*fn)(graft_error *err), void (*after)(void))
{
    long live = faults_live();
    for (long k = 0;; k++) {
        graft_error err = {0};
        faults_arm(kind, k);
        graft_status status = fn(&err);
        bool happened = faults_disarm();
        assert_int_equal(faults_live(), live);
        if (!happened) {
            assert_int_equal(status, GRAFT_OK);
            return k;
        }
        assert_int_not_equal(status, GRAFT_OK);
        if (kind == FAULT_ALLOC) assert_int_equal(status, GRAFT_RESOURCE);
        assert_true(err.message[0]);
        if (after) after();
    }
}

#endif
