/* tasks.c - the table of tasks. */
#include "tasks/task.h"

const gf_task_class *gf_task_class_at(size_t i)
{
    static const gf_task_class *const table[] = {
#define GF_TASK(x) &gf_task_##x,
#include "tasks/tasks.def"
#undef GF_TASK
    };
    return i < sizeof table / sizeof *table ? table[i] : NULL;
}
