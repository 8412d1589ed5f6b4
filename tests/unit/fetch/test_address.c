/* Which addresses count as inside. */
#include "fetch/address.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const inside[] = {"127.0.0.1",
                                     "127.255.0.9",
                                     "10.1.2.3",
                                     "172.16.0.1",
                                     "172.31.255.255",
                                     "192.168.1.1",
                                     "169.254.169.254",
                                     "0.0.0.0",
                                     "100.64.1.1",
                                     "224.0.0.1",
                                     "255.255.255.255",
                                     "198.18.0.1",
                                     "::1",
                                     "::",
                                     "fe80::1",
                                     "fd00::1",
                                     "ff02::1",
                                     "::ffff:127.0.0.1",
                                     "::ffff:10.0.0.1",
                                     "64:ff9b::7f00:1",
                                     "2002:7f00:1::",
                                     "::127.0.0.1"};
static const char *const outside[] = {"8.8.8.8",        "172.15.0.1",       "172.32.0.1",     "192.169.0.1",
                                      "100.128.0.1",    "126.255.255.255",  "128.0.0.1",      "2606:4700::1111",
                                      "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::", "223.255.255.255",
                                      "169.253.0.1"};

static bool address_is_inside(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) return gf_address_is_inside((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return gf_address_is_inside((struct sockaddr *)&v6);
}

static void addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        if (!address_is_inside(inside[i]) || !gf_host_is_inside(inside[i])) print_error("%s\n", inside[i]);
        assert_true(address_is_inside(inside[i]));
        assert_true(gf_host_is_inside(inside[i]));
    }
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        if (address_is_inside(outside[i]) || gf_host_is_inside(outside[i])) print_error("%s\n", outside[i]);
        assert_false(address_is_inside(outside[i]));
        assert_false(gf_host_is_inside(outside[i]));
    }
    struct sockaddr other = {.sa_family = AF_UNIX};
    assert_true(gf_address_is_inside(&other));
}

static void hosts_as_they_are_written(void **state)
{
    (void)state;
    static const char *const yes[] = {"localhost",  "LocalHost", "a.localhost", "localhost.",     "[::1]", "127.1",
                                      "2130706433", "0x7f.1",    "0177.0.0.1",  "[fe80::1%eth0]", "",      "."};
    static const char *const no[] = {"example.org", "localhost.example.org", "mylocalhost", "[2606:4700::1111]",
                                     "8.8.8.8."};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (!gf_host_is_inside(yes[i])) print_error("'%s'\n", yes[i]);
        assert_true(gf_host_is_inside(yes[i]));
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        if (gf_host_is_inside(no[i])) print_error("'%s'\n", no[i]);
        assert_false(gf_host_is_inside(no[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(hosts_as_they_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
