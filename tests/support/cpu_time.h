/* cpu_time.h - seconds of work, of this process and of its children that have ended: a bound on these holds on a
 * machine that is busy with other things, as one on the clock does not. */
#ifndef TESTS_SUPPORT_CPU_TIME_H
#define TESTS_SUPPORT_CPU_TIME_H

#include <sys/resource.h>

static inline double cpu_time(void)
{
    static const int whose[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
    double seconds = 0;
    for (int i = 0; i < 2; i++) {
        struct rusage r;
        if (getrusage(whose[i], &r)) return -1;
        seconds +=
            (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
    }
    return seconds;
}

#endif
