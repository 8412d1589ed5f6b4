#include "api/serve_metrics.h"

#include "api/serve.h"
#include "base/number.h"
#include "base/sys.h"

static const double bounds[GF_BUCKETS] = {0.001, 0.0025, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};
/* Those that are answered with; 0: the client had gone, the last: any other. */
static const int statuses[] = {0,   200, 204, 400, 401, 404, 405, 408, 409, 413, 414,
                               415, 417, 421, 422, 431, 500, 501, 503, 505, 599};
enum { STATUSES = sizeof statuses / sizeof *statuses, DIGITS = 9 };

void gf_histogram_add(gf_histogram *h, double seconds)
{
    int i = 0;
    while (i < GF_BUCKETS && seconds > bounds[i]) i++;
    h->bucket[i]++;
    h->sum += seconds;
}

void gf_serve_count(gf_serve_metrics *m, int route, int status)
{
    int i = 0;
    while (i < STATUSES - 1 && statuses[i] != status) i++;
    if (route >= 0 && route < GF_SERVE_ROUTES) m->requests[route][i]++;
}

/* ---- as text */

static void head(gf_text *t, const char *name, const char *type, const char *help)
{
    gf_text_printf(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_histogram(gf_text *t, const char *name, const char *help, const gf_histogram *h)
{
    uint64_t n = 0;
    head(t, name, "histogram", help);
    for (int i = 0; i < GF_BUCKETS; i++) {
        n += h->bucket[i];
        gf_text_printf(t, "%s_bucket{le=\"%s\"} %llu\n", name, GF_GENERAL(bounds[i], DIGITS), (unsigned long long)n);
    }
    n += h->bucket[GF_BUCKETS];
    gf_text_printf(t, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %s\n%s_count %llu\n", name, (unsigned long long)n, name,
                   GF_GENERAL(h->sum, DIGITS), name, (unsigned long long)n);
}

/* Of Prometheus's labels: a backslash, a quote and a line's end are escaped. */
static void put_label(gf_text *t, const char *value)
{
    for (const char *c = value; *c; c++) {
        if (*c == '\\' || *c == '"') gf_text_add(t, "\\");
        if (*c == '\n') {
            gf_text_add(t, "\\n");
        } else {
            gf_text_add_n(t, c, 1);
        }
    }
}

static void put_count(gf_text *t, const char *name, const char *label, const char *value, uint64_t n)
{
    gf_text_printf(t, "%s{%s=\"%s\"} %llu\n", name, label, value, (unsigned long long)n);
}

static void put_requests(gf_text *t, const gf_serve_metrics *m)
{
    static const char name[] = "graft_http_requests_total";
    head(t, name, "counter", "requests by route and status; 0: the client closed before its answer");
    for (size_t r = 0; r <= gf_routes_n; r++) {
        for (int i = 0; i < STATUSES; i++) {
            if (!m->requests[r][i]) continue;
            gf_text_printf(t, "%s{route=\"%s\",code=\"%d\"} %llu\n", name, r < gf_routes_n ? gf_routes[r].path : "",
                           statuses[i], (unsigned long long)m->requests[r][i]);
        }
    }
}

void gf_serve_metrics_text(const graft_serve *s, gf_text *t)
{
    const gf_serve_metrics *m = &s->metrics;
    put_requests(t, m);
    put_histogram(t, "graft_request_seconds", "from a request's first byte to its answer", &m->request);
    put_histogram(t, "graft_queue_seconds", "an image's wait for a thread", &m->queue);
    put_histogram(t, "graft_decode_seconds", "decoding and resizing an image", &m->decode);
    put_histogram(t, "graft_inference_seconds", "the network's time for an image", &m->run);
    head(t, "graft_images_total", "counter", "images by what became of them");
    put_count(t, "graft_images_total", "result", "ok", m->images_good);
    put_count(t, "graft_images_total", "result", "failed", m->images_bad);
    put_count(t, "graft_images_total", "result", "cancelled", m->cancelled);
    head(t, "graft_rejected_total", "counter", "images that there was no time for");
    put_count(t, "graft_rejected_total", "reason", "busy", m->rejected_busy);
    put_count(t, "graft_rejected_total", "reason", "deadline", m->rejected_deadline);
    head(t, "graft_images_in_flight", "gauge", "images that wait or are computed");
    gf_text_printf(t, "graft_images_in_flight %zu\n", s->in_flight);
    head(t, "graft_connections", "gauge", "open connections");
    gf_text_printf(t, "graft_connections %zu\n", gf_http_server_connections(s->server));
    head(t, "graft_model_info", "gauge", "the models that are served");
    for (size_t i = 0; i < s->n_models; i++) {
        gf_text_add(t, "graft_model_info{name=\"");
        put_label(t, s->model[i]->name);
        gf_text_printf(t, "\",version=\"%s\",graft=\"%s\"} 1\n", s->model[i]->version, GRAFT_VERSION);
    }
    head(t, "graft_uptime_seconds", "gauge", "since the server began");
    gf_text_printf(t, "graft_uptime_seconds %s\n", GF_GENERAL(gf_sys_seconds() - m->began, DIGITS));
    head(t, "process_cpu_seconds_total", "counter", "of all threads");
    gf_text_printf(t, "process_cpu_seconds_total %s\n", GF_GENERAL(gf_sys_process_seconds(), DIGITS));
}
