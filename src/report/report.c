#include "report/report.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/sys.h"
#include "report/card.h"
#include "report/events.h"
#include "report/part.h"

static graft_status write_plot(const char *path, const gf_plot *plot, const gf_run_record *r, graft_error *err)
{
    gf_canvas *sheet;
    GF_TRY(plot->draw(&sheet, r, &gf_theme_light, err));
    if (!sheet) gf_sys_unlink(path); /* an older one would be of another run, or of its state then */
    return sheet ? gf_plot_write(sheet, path, err) : GRAFT_OK;
}

static graft_status write_plots(const char *dir, const gf_run_record *r, graft_error *err)
{
    GF_TRY(gf_make_dirs(dir, err));
    const gf_plot *plot;
    for (size_t i = 0; (plot = gf_report_plot_at(i)); i++) {
        GF_TRY(gf_watch_look(r->watch, err));
        char *path = gf_path_join(dir, plot->file);
        graft_status status = path ? write_plot(path, plot, r, err) : gf_fail_memory(err, 0, "a file name");
        gf_free(path);
        GF_TRY(status);
    }
    return GRAFT_OK;
}

static graft_status write_page(const char *path, const gf_run_record *r, graft_error *err)
{
    char *html;
    size_t n;
    GF_TRY(gf_report_page(&html, &n, r, err));
    graft_status status = gf_file_write(path, &(gf_bytes){html, n}, 1, err);
    gf_free(html);
    return status;
}

static graft_status write_history(const char *path, const gf_run_record *r, graft_error *err)
{
    return r->history ? gf_history_write(path, r->history, err) : GRAFT_OK;
}

static graft_status write_events(const char *path, const gf_run_record *r, graft_error *err)
{
    return r->history ? gf_events_write(path, r->history, err) : GRAFT_OK;
}

/* The figures first, in small files: where memory or disk runs out, it is the images that are lost. */
graft_status gf_report_write(const char *dir, const gf_run_record *r, graft_error *err)
{
    static const struct {
        const char *name;
        graft_status (*write)(const char *path, const gf_run_record *r, graft_error *err);
    } files[] = {
        {GF_REPORT_METRICS, gf_record_write_json},
        {GF_REPORT_HISTORY, write_history},
        {GF_EVENTS_NAME, write_events},
        {GF_REPORT_PLOTS, write_plots},
        {GF_REPORT_CARD, gf_card_write},
        {GF_REPORT_PAGE, write_page},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        GF_TRY(gf_watch_look(r->watch, err));
        char *path = gf_path_join(dir, files[i].name);
        graft_status status = path ? files[i].write(path, r, err) : gf_fail_memory(err, 0, "a file name");
        gf_free(path);
        GF_TRY(status);
    }
    return GRAFT_OK;
}
