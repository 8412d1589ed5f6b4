/* log.h - what the library wants said goes to the caller's function; without one it is dropped. */
#ifndef GF_BASE_LOG_H
#define GF_BASE_LOG_H

typedef enum gf_log_level { GF_NOTE, GF_WARNING } gf_log_level;

typedef struct gf_log {
    void (*say)(void *ctx, gf_log_level level, const char *text);
    void *ctx;
    struct gf_decisions *decisions; /* where gf_decide (decide.h) keeps what it says; NULL: nowhere */
} gf_log;

/* `log` may be NULL. Called from the thread that runs the public call, never from a worker. */
void gf_log_say(const gf_log *log, gf_log_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
