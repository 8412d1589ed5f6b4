/* Told to LeakSanitizer where it runs: fontconfig, behind Cairo, keeps a font's pattern for the life of the process and
 * points to it by offsets, which look like no pointer and so like a leak (1 KB, however much is drawn). */
#define SEEN_BY_THE_SANITIZER __attribute__((visibility("default")))

const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);

SEEN_BY_THE_SANITIZER const char *__lsan_default_suppressions(void) { return "leak:libfontconfig\n"; }
SEEN_BY_THE_SANITIZER const char *__lsan_default_options(void) { return "print_suppressions=0"; }
