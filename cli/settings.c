#include "settings.h"

#include <string.h>

void settings_defaults(settings *s)
{
    memset(s, 0, sizeof *s);
    graft_context_defaults(&s->context);
    graft_model_defaults(&s->model);
    graft_data_defaults(&s->data);
    graft_train_defaults(&s->train);
    graft_bench_defaults(&s->bench);
    s->top = 5;

    /* Where the library says NULL for its default, its name is put here so that --help can show it. */
    if (!s->model.model) s->model.model = "mobilenet_v2";
    if (!s->model.precision) s->model.precision = "auto";
    if (!s->model.head) s->model.head = "linear";
}

void settings_finish(settings *s)
{
    if (s->model.width) { /* else the model's own, once it is open */
        s->data.width = s->model.width;
        s->data.height = s->model.height;
    }
    s->data.seed = s->model.seed;
    s->data.batch = s->train.batch;
    s->train.seed = s->model.seed;
    s->train.force = s->force;
    if (s->keep_top) s->model.head = "keep";
}
