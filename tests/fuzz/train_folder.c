/* Any text as a run's files.sha256: an entry is a file that a run promises, with a digest. */
#include "base/alloc.h"
#include "train/folder.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = gf_strndup((const char *)data, size);
    if (!text) return 0;
    const char *at = text, *before = text;
    gf_folder_entry e;
    while (gf_folder_next(&at, &e)) {
        if (at <= before || at > text + strlen(text)) abort();
        if (strlen(e.digest) != sizeof e.digest - 1 || !*e.name || strstr(e.name, "..")) abort();
        if (!gf_folder_writes(e.name)) abort();
        before = at;
    }
    gf_free(text);
    return 0;
}
