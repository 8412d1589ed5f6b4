/* ok.h - a call that must work, in tests: what it says otherwise stands in `error`. */
#ifndef TESTS_SUPPORT_OK_H
#define TESTS_SUPPORT_OK_H

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static graft_error error;
#define OK(call)                                                                         \
    do {                                                                                 \
        graft_status ok_ = (call);                                                       \
        if (ok_ != GRAFT_OK) fail_msg("%s: E%d %s", #call, error.number, error.message); \
    } while (0)

#endif
