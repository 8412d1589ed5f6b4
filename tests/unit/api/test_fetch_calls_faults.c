/* graft_fetch and graft_fetch_list with every allocation and file call failed in turn: an error or the result, no leak.
 */
#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"
#include "support/sys_faults.h"

#include <graft/graft.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = 5000 };
static char root[] = "/tmp/graft-test-XXXXXX";
static char mirror[64], fetched[128];

static void make_mirror(void)
{
    static const char entry[] =
        "{\"weights\":[{\"name\":\"net\",\"set\":\"imagenet\",\"source\":\"test\",\"preprocessing\":"
        "\"tf\",\"licence\":\"MIT\",\"file\":\"net.h5\",\"urls\":[\"https://localhost/net.h5\"],"
        "\"size\":5000,\"sha256\":\"%s\"}]}";
    char path[96], hex[65], text[1024];
    uint8_t data[SIZE];
    for (size_t i = 0; i < SIZE; i++) data[i] = (uint8_t)(i * 31);
    gf_sha256 digest = gf_sha256_of(data, SIZE);
    gf_sha256_hex(&digest, hex);
    assert_non_null(mkdtemp(root));
    snprintf(mirror, sizeof mirror, "%s/mirror", root);
    snprintf(fetched, sizeof fetched, "%s/graft/weights/net.h5", root);
    assert_int_equal(gf_make_dirs(mirror, NULL), GRAFT_OK);
    snprintf(path, sizeof path, "%s/net.h5", mirror);
    assert_int_equal(gf_file_write(path, &(gf_bytes){data, SIZE}, 1, NULL), GRAFT_OK);
    snprintf(path, sizeof path, "%s/catalogue.json", root);
    snprintf(text, sizeof text, entry, hex);
    assert_int_equal(gf_file_write_text(path, text, NULL), GRAFT_OK);
    setenv("GRAFT_CATALOGUE", path, 1);
    setenv("XDG_CACHE_HOME", root, 1);
}

static graft_status both_calls(graft_context *c, graft_error *err)
{
    graft_result *got = NULL, *list = NULL;
    graft_status status = graft_fetch(c, "net", mirror, &got, err);
    assert_true((status == GRAFT_OK) == (got != NULL));
    if (status == GRAFT_OK) assert_string_equal(graft_result_text(got), fetched);
    if (status == GRAFT_OK) status = graft_fetch_list(c, &list, err);
    if (status == GRAFT_OK) assert_non_null(strstr(graft_result_json(list), "\"net\""));
    graft_result_free(got);
    graft_result_free(list);
    return status;
}

static void each_call_fails_cleanly(void **state)
{
    (void)state;
    graft_context *c;
    graft_context_options o;
    graft_error err;
    long faults = 0;
    make_mirror();
    graft_context_defaults(&o);
    o.threads = 1;
    assert_int_equal(graft_context_open(&o, &c, &err), GRAFT_OK);
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        for (long k = 0;; k++) {
            err = (graft_error){0};
            long live = faults_live();
            faults_arm((fault_kind)kind, k);
            graft_status status = both_calls(c, &err);
            bool happened = faults_disarm();
            assert_int_equal(faults_live(), live);
            assert_true(status == GRAFT_OK || (err.status == status && err.number && err.message[0]));
            unlink(fetched);
            if (!happened) break;
            faults++;
        }
    }
    assert_true(faults > 40);
    graft_context_free(c);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", root);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_call_fails_cleanly)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
