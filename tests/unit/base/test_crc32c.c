/* CRC-32C: the fast way for long pieces gives what the definition gives. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* By the definition: the polynomial 0x1EDC6F41, bits reversed. */
static uint32_t crc_by_definition(const unsigned char *p, size_t n)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            uint32_t low = (crc ^ (uint32_t)p[i] >> bit) & 1;
            crc = crc >> 1 ^ (low ? 0x82f63b78u : 0);
        }
    }
    return ~crc;
}

static void long_and_short_pieces_agree_with_the_definition(void **state)
{
    (void)state;
    static unsigned char data[9000];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i * 37 + (i >> 5) * 11);
    for (size_t n = 0; n < 20; n++) assert_int_equal(gf_crc32c(data, n), crc_by_definition(data, n));
    for (size_t n = 4080; n < 4120; n++) assert_int_equal(gf_crc32c(data + 1, n), crc_by_definition(data + 1, n));
    assert_int_equal(gf_crc32c(data, sizeof data), crc_by_definition(data, sizeof data));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(long_and_short_pieces_agree_with_the_definition)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
