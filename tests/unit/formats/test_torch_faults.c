/* Every allocation and every file call of the zip and PyTorch readers, failed in turn: an error, nothing leaked, no
 * tensor of the caller's touched. The reader in the cage is also run here, where its leaks would show. */
#include "base/alloc.h"
#include "base/io.h"
#include "formats/cage_reply.h"
#include "formats/torch_child.h"
#include "formats/weights.h"
#include "support/sys_faults.h"
#include "unit/formats/tiny_want.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const file[] = {
    GRAFT_FIXTURES "/formats/good_torch_zip.pth",
    GRAFT_FIXTURES "/formats/good_torch_legacy.pth",
    GRAFT_FIXTURES "/formats/good_torch_deflated.pth",
    GRAFT_FIXTURES "/formats/good_torch.safetensors",
};

static graft_status read_one(const char *path, tiny_want *t)
{
    gf_weights_notes notes = {0};
    tiny_want_init(t);
    graft_status status = gf_weights_read(path, t->want, TINY_TENSORS, NULL, &notes, NULL);
    gf_weights_notes_free(&notes);
    return status;
}

/* A fault that strikes in the caged child happens in its memory, not here: then the status tells. */
static void whole_files(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof file / sizeof *file; f++) {
        static const fault_kind kinds[] = {FAULT_ALLOC, FAULT_OPEN, FAULT_READ};
        for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
            for (long k = 0;; k++) {
                tiny_want t;
                long live = faults_live();
                faults_arm(kinds[kind], k);
                graft_status status = read_one(file[f], &t);
                bool happened = faults_disarm();
                assert_int_equal(faults_live(), live);
                assert_true(status == GRAFT_OK ? tiny_want_right(&t) : tiny_want_untouched(&t));
                assert_true(status == GRAFT_OK || status == GRAFT_RESOURCE || status == GRAFT_WEIGHTS);
                assert_true(k < 10000);
                if (!happened && status == GRAFT_OK) break;
            }
        }
    }
}

static void the_caged_reader(void **state)
{
    (void)state;
    for (size_t f = 0; f < 3; f++) {
        size_t n;
        uint8_t *bytes;
        long faults = 0;
        assert_int_equal(gf_file_read(file[f], 1 << 20, &bytes, &n, NULL), GRAFT_OK);
        for (long k = 0;; k++) {
            tiny_want t;
            gf_sink sink = {.fd = -1};
            const gf_caged_file caged = {.bytes = bytes, .size = n, .path = "f.pth"};
            tiny_want_init(&t);
            long live = faults_live();
            faults_arm(FAULT_ALLOC, k);
            gf_torch_reply(&caged, t.want, TINY_TENSORS, &sink);
            bool happened = faults_disarm();
            char last = sink.bytes.n ? sink.bytes.s[0] : 'E';
            assert_true(sink.failed || last == 'E' || last == 'T');
            gf_text_free(&sink.bytes);
            assert_int_equal(faults_live(), live);
            if (!happened) break;
            faults++;
        }
        assert_true(faults > 100);
        gf_free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whole_files), cmocka_unit_test(the_caged_reader)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
