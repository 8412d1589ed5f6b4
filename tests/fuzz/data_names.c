/* Any bytes as a file name, as a path, and as the texts that memory limits are read from. */
#include "data/likeness.h"
#include "data/memory.h"
#include "data/names.h"
#include "data/parts.h"
#include "data/paths.h"
#include "image/image.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *name = malloc(size + 1), *key = malloc(GF_NAME_KEY_GROWTH * size + 1), small[8];
    uint64_t value;
    if (name && key) {
        memcpy(name, data, size);
        name[size] = 0;
        gf_name_key(name, key);
        gf_name_is_litter(name);
        gf_name_is_image(name);
        if (strlen(gf_name_extension(name, small, sizeof small)) >= sizeof small) abort();
        gf_is_apple_double(data, size);
        if (gf_part_of_name(name) > GF_PART_UNLABELLED) abort();
        char how[40] = "";
        const char *halves[] = {name + size / 2, "Cat "};
        gf_likest_name(name, halves, 2, how, sizeof how);
        gf_image_begins(data, size);
        gf_meminfo_value(name, "MemAvailable", &value);
        gf_cgroup_number(name, &value);
        gf_cgroup_path(name, NULL, small, sizeof small);
        gf_cgroup_path(name, "memory", small, sizeof small);
        if (gf_path_normalize(name) && (strstr(name, "/../") || !strncmp(name, "../", 3) || name[0] == '/')) abort();
    }
    free(name);
    free(key);
    return 0;
}
