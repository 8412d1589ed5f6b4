/* A toy of a layout: the classes of a folder's training part alone are data without parts. */
#include "data/layouts.h"

#include "base/alloc.h"

extern const gf_layout_class gf_layout_classes, gf_layout_toy_layout;

static bool suits(const char *path, const struct stat *st) { return (void)path, S_ISDIR(st->st_mode); }

static graft_status read_it(gf_index *index, const char *path, const gf_data_options *options, graft_error *err)
{
    char *train = gf_path_join(path, "train");
    if (!train) return gf_fail_memory(err, 0, path);
    graft_status status = gf_layout_classes.read(index, train, options, err);
    gf_free(train);
    return status;
}

const gf_layout_class gf_layout_toy_layout = {
    .name = "toy_layout", .help = "a test's", .by_name = true, .suits = suits, .read = read_it};
