/* Replays files through a fuzz target without libFuzzer: every argument is a file or a folder of files. A corpus that
 * is not there or empty is a failure: a replay of nothing proves nothing. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) return 0;
    struct stat st;
    if (fstat(fileno(f), &st) || !S_ISREG(st.st_mode)) {
        fclose(f);
        return 0;
    }
    size_t n = (size_t)st.st_size;
    uint8_t *data = malloc(n ? n : 1); /* exactly n, so that AddressSanitizer sees a read past the end */
    size_t got = data ? fread(data, 1, n, f) : 0;
    fclose(f);
    if (got == n) LLVMFuzzerTestOneInput(data, n);
    free(data);
    return got == n;
}

static size_t replay(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir) return replay_file(path);
    size_t count = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        count += replay(name);
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++) count += replay(argv[i]);
    printf("%zu inputs replayed\n", count);
    return count ? 0 : 1;
}
