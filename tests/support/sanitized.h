/* sanitized.h - AddressSanitizer books terabytes of addresses and slows all down: bounds on both are let be. */
#ifndef TESTS_SUPPORT_SANITIZED_H
#define TESTS_SUPPORT_SANITIZED_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TESTS_HAS_ASAN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define TESTS_HAS_ASAN
#endif

#ifdef TESTS_HAS_ASAN
enum { SANITIZED = 1, SLOWER = 5 };
#else
enum { SANITIZED = 0, SLOWER = 1 };
#endif

#endif
