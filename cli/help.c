#include "help.h"
#include "errors.h"
#include "output.h"
#include "text.h"
#include "values.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 100, HELP_COLUMN = 30 };

static const char about[] = "graft fine-tunes a pretrained network on your own images: it reads a folder with one "
                            "folder of images per class, "
                            "trains a new head on the frozen backbone, then fine-tunes the backbone's last layers, and "
                            "writes a run folder with "
                            "the model, the history, plots and a report.";

static const char run_examples[] = "graft train pets --weights imagenet --fine-tune-at 100 --out runs/pets\n"
                                   "graft predict runs/pets photo.jpg holiday/\n"
                                   "graft resume runs/pets";

/* Everything is put together in memory first: one write, one place for errors. */
typedef struct page {
    FILE *f;
    char *text;
    size_t n;
} page;

static graft_status page_open(page *p, graft_error *err)
{
    p->text = NULL;
    p->f = open_memstream(&p->text, &p->n);
    return p->f ? GRAFT_OK : fail(err, E_NO_MEMORY, NULL, "out of memory");
}

static graft_status page_close(page *p, bool document, graft_error *err)
{
    graft_status status =
        fclose(p->f) ? fail(err, E_NO_MEMORY, NULL, "out of memory") : output_text(p->text, p->n, document, err);
    free(p->text);
    return status;
}

/* How much of a word of n letters is written at once: all of it where a line has room for it, else up to a comma. */
static int piece_of(const char *word, int n, int room)
{
    if (n <= room) return n;
    for (int i = room; i > 0; i--)
        if (word[i - 1] == ',') return i;
    return n;
}

/* Words of text, lines broken at COLUMNS, all but the first indented. `column`: where the first begins. */
static void write_wrapped(FILE *f, const char *text, int column, int indent)
{
    bool first = true;
    while (*text) {
        int n = (int)strcspn(text, " \n");
        for (int part; (part = piece_of(text, n, COLUMNS - (first ? column : indent))) < n; column = indent) {
            fprintf(f, "%s%.*s\n%*s", first ? "" : " ", part, text, indent, "");
            text += part, n -= part;
            first = true;
        }
        if (!first && column + 1 + n > COLUMNS) {
            fprintf(f, "\n%*s", indent, "");
            column = indent;
        } else if (!first) {
            fputc(' ', f);
            column++;
        }
        fprintf(f, "%.*s", n, text);
        column += n;
        text += n;
        bool paragraph = *text == '\n';
        text += *text != '\0';
        first = paragraph;
        if (paragraph) {
            fprintf(f, "\n%*s", indent, "");
            column = indent;
        }
    }
    fputc('\n', f);
}

static void write_indented_lines(FILE *f, const char *lines, int indent)
{
    while (*lines) {
        int n = (int)strcspn(lines, "\n");
        fprintf(f, "%*s%.*s\n", indent, "", n, lines);
        lines += n;
        lines += *lines != '\0';
    }
}

/* The help of an option with its choices and default. The caller frees nothing: into buf. */
static const char *full_help(const option *o, const settings *defaults, char *buf, size_t size)
{
    char fallback[96], choices[96] = "";
    options_default(o, defaults, fallback, sizeof fallback);
    if (o->choices) snprintf(choices, sizeof choices, ": %s", o->choices);
    snprintf(buf, size, "%s%s%s%s%s", o->help, choices, *fallback ? " (default: " : "", fallback, *fallback ? ")" : "");
    return buf;
}

static void write_option(FILE *f, const option *o, const settings *defaults)
{
    char buf[512];
    if (o->kind == OPTION_HEADING) {
        fprintf(f, "\n%s:\n", o->help);
        return;
    }
    int column = fprintf(f, "  --%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
    if (column + 2 > HELP_COLUMN) {
        fputc('\n', f);
        column = 0;
    }
    fprintf(f, "%*s", HELP_COLUMN - column, "");
    write_wrapped(f, full_help(o, defaults, buf, sizeof buf), HELP_COLUMN, HELP_COLUMN);
}

/* ---- what the texts of options may be made of, where the library has a list */

/* NULL: it has none, or no memory; free it. */
static char *words_of(const option *o)
{
    const char *row = o->words ? o->words : o->setting;
    size_t n = row ? graft_option_words(row, NULL, 0) : 0;
    char *text = n ? malloc(n + 1) : NULL;
    if (text) graft_option_words(row, text, n + 1);
    return text;
}

static bool same_words(const option *a, const option *b)
{
    char *x = words_of(a), *y = words_of(b);
    bool same = x && y && !strcmp(x, y);
    free(x);
    free(y);
    return same;
}

/* A title that names option i and those after it that take the same; NULL where one before it did. Into buf. */
static const char *words_title(const verb *v, size_t i, char *buf, size_t size)
{
    for (size_t k = 0; k < i; k++) {
        if (same_words(&v->options[k], &v->options[i])) return NULL;
    }
    size_t n = (size_t)snprintf(buf, size, "Values of --%s", v->options[i].name);
    for (size_t k = i + 1; k < v->n_options && n < size; k++) {
        if (!same_words(&v->options[k], &v->options[i])) continue;
        n += (size_t)snprintf(buf + n, size - n, ", --%s", v->options[k].name);
    }
    return buf;
}

static void write_words(FILE *f, const verb *v)
{
    for (size_t i = 0; i < v->n_options; i++) {
        char buf[256], *words = words_of(&v->options[i]);
        const char *title = words ? words_title(v, i, buf, sizeof buf) : NULL;
        if (title) fprintf(f, "\n%s:\n", title);
        for (char *line = words; title && *line; line += strlen(line) + 1) {
            line[strcspn(line, "\n")] = '\0';
            fputs("  ", f);
            write_wrapped(f, line, 2, 4);
        }
        free(words);
    }
}

static void write_verb(FILE *f, const verb *v)
{
    settings defaults;
    settings_defaults(&defaults);
    fprintf(f, "usage: graft %s [options]%s%s\n\n", v->name, *v->arguments ? " " : "", v->arguments);
    write_wrapped(f, v->about, 0, 0);
    for (size_t i = 0; i < v->n_options; i++) {
        const option o = options_row(v, i);
        write_option(f, &o, &defaults);
    }
    write_words(f, v);
    fputs("\nExamples:\n", f);
    write_indented_lines(f, v->examples, 2);
}

static void write_verb_json(FILE *f, const verb *v)
{
    settings defaults;
    settings_defaults(&defaults);
    const char *separator = "";
    fputs("{\"verb\":", f);
    text_write_json(f, v->name);
    fputs(",\"arguments\":", f);
    text_write_json(f, v->arguments);
    fputs(",\"summary\":", f);
    text_write_json(f, v->summary);
    fputs(",\"options\":[", f);
    for (size_t i = 0; i < v->n_options; i++) {
        const option row = options_row(v, i), *o = &row;
        if (o->kind == OPTION_HEADING) continue;
        char fallback[96];
        options_default(o, &defaults, fallback, sizeof fallback);
        fprintf(f, "%s{\"name\":", separator);
        text_write_json(f, o->name);
        fputs(",\"value\":", f);
        text_write_json(f, o->value);
        fputs(",\"default\":", f);
        text_write_json(f, *fallback ? fallback : NULL);
        fputs(",\"choices\":", f);
        text_write_json(f, o->choices);
        fputs(",\"help\":", f);
        text_write_json(f, o->help);
        char *words = words_of(o);
        if (words) fputs(",\"words\":", f);
        if (words) text_write_json(f, words);
        free(words);
        fputc('}', f);
        separator = ",";
    }
    fputs("]}", f);
}

static void write_statuses(FILE *f, const char *format)
{
#define STATUS_ROW(name, code, text) fprintf(f, format, code, text);
    GRAFT_STATUS_MAP(STATUS_ROW)
#undef STATUS_ROW
}

graft_status help_command(graft_error *err)
{
    page p;
    graft_status status = page_open(&p, err);
    if (status) return status;
    fputs("usage: graft VERB [options] [arguments]\n\n", p.f);
    write_wrapped(p.f, about, 0, 0);
    fputs("\nVerbs:\n", p.f);
    for (size_t i = 0; verbs_at(i); i++) fprintf(p.f, "  %-10s%s\n", verbs_at(i)->name, verbs_at(i)->summary);
    fputs("\n`graft VERB --help` tells the options of a verb, `graft --version` the version.\n\nExamples:\n", p.f);
    write_indented_lines(p.f, run_examples, 2);
    fputs("\nExit codes:\n", p.f);
    write_statuses(p.f, "  %-5d%s\n");
    return page_close(&p, false, err);
}

graft_status help_version(bool json, graft_error *err)
{
    graft_context_options options;
    graft_context *context = NULL;
    graft_result *machine = NULL;
    graft_context_defaults(&options);
    graft_status status = graft_context_open(&options, &context, err);
    if (!status) status = graft_machine(context, &machine, err);
    const char *text = json ? graft_result_json(machine) : graft_result_text(machine);
    if (!status) status = output_text(text, strlen(text), json, err);
    graft_result_free(machine);
    graft_context_free(context);
    return status;
}

graft_status help_verb(const verb *v, bool json, graft_error *err)
{
    page p;
    graft_status status = page_open(&p, err);
    if (status) return status;
    json ? write_verb_json(p.f, v) : write_verb(p.f, v);
    return page_close(&p, json, err);
}

/* roff: a backslash, a dash and a line that begins with a dot or quote mean something else there. */
static void write_roff(FILE *f, const char *text)
{
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\'')) fputs("\\&", f);
        if (*text == '\\')
            fputs("\\e", f);
        else if (*text == '-')
            fputs("\\-", f);
        else
            fputc(*text, f);
        line_start = *text == '\n';
    }
    fputc('\n', f);
}

static void write_man_examples(FILE *f, const char *examples)
{
    fputs(".SH EXAMPLES\n.nf\n", f);
    write_roff(f, examples);
    fputs(".fi\n", f);
}

static void write_man_words(FILE *f, const verb *v)
{
    for (size_t i = 0; i < v->n_options; i++) {
        char buf[256], *words = words_of(&v->options[i]);
        const char *title = words ? words_title(v, i, buf, sizeof buf) : NULL;
        if (title) {
            fputs(".SS ", f);
            write_roff(f, title);
            fputs(".nf\n", f);
            write_roff(f, words);
            fputs(".fi\n", f);
        }
        free(words);
    }
}

static void write_man_verb(FILE *f, const verb *v)
{
    settings defaults;
    settings_defaults(&defaults);
    fprintf(f, ".TH \"GRAFT\\-%s\" \"1\" \"\" \"graft " GRAFT_VERSION "\" \"graft\"\n.SH NAME\ngraft\\-%s \\- ",
            v->name, v->name);
    write_roff(f, v->summary);
    fprintf(f, ".SH SYNOPSIS\n.B graft %s\n[options] ", v->name);
    write_roff(f, v->arguments);
    fputs(".SH DESCRIPTION\n", f);
    write_roff(f, v->about);
    fputs(".SH OPTIONS\n", f);
    for (size_t i = 0; i < v->n_options; i++) {
        const option row = options_row(v, i), *o = &row;
        char buf[512], name[96];
        if (o->kind == OPTION_HEADING) {
            fputs(".SS ", f);
            write_roff(f, o->help);
            continue;
        }
        snprintf(name, sizeof name, "\\fB--%s\\fR%s\\fI%s\\fR", o->name, o->value ? " " : "", o->value ? o->value : "");
        fputs(".TP\n", f);
        for (const char *c = name; *c; c++) *c == '-' ? (void)fputs("\\-", f) : (void)fputc(*c, f);
        fputc('\n', f);
        write_roff(f, full_help(o, &defaults, buf, sizeof buf));
    }
    write_man_words(f, v);
    write_man_examples(f, v->examples);
    fputs(".SH SEE ALSO\n.BR graft (1)\n", f);
}

static void write_man_command(FILE *f)
{
    fputs(".TH \"GRAFT\" \"1\" \"\" \"graft " GRAFT_VERSION "\" \"graft\"\n.SH NAME\n"
          "graft \\- transfer learning on your own images\n.SH SYNOPSIS\n.B graft\nVERB [options] [arguments]\n"
          ".SH DESCRIPTION\n",
          f);
    write_roff(f, about);
    fputs(".SH VERBS\n", f);
    for (size_t i = 0; verbs_at(i); i++) {
        fprintf(f, ".TP\n.BR graft\\-%s (1)\n", verbs_at(i)->name);
        write_roff(f, verbs_at(i)->summary);
    }
    write_man_examples(f, run_examples);
    fputs(".SH EXIT STATUS\n", f);
    write_statuses(f, ".TP\n.B %d\n%s\n");
    fputs(".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nThe progress bar has no colours.\n.TP\n.B XDG_CACHE_HOME\n"
          "Where caches of decoded images and fetched weights are kept.\n.TP\n.B GRAFT_OFFLINE\n"
          "Set to 1: no network is used.\n.TP\n.B GRAFT_CATALOGUE\nAnother catalogue of weights.\n",
          f);
}

/* One case a verb: after an option with choices or a path those are offered, else options and files. */
static void write_completion_verb(FILE *f, const verb *v)
{
    fprintf(f, "    %s)\n        case \"$prev\" in\n", v->name);
    for (size_t i = 0; i < v->n_options; i++) {
        const option row = options_row(v, i), *o = &row;
        if (o->kind == OPTION_HEADING || !o->value) continue;
        fprintf(f, "        --%s) ", o->name);
        if (o->choices) {
            fputs("COMPREPLY=($(compgen -W '", f);
            for (const char *c = o->choices; *c; c++) fputc(*c == '|' ? ' ' : *c, f);
            fputs("' -- \"$cur\"))", f);
        } else if (o->kind == OPTION_FOLDER) {
            fputs("COMPREPLY=($(compgen -d -- \"$cur\"))", f);
        } else if (o->kind == OPTION_FILE) {
            fputs("COMPREPLY=($(compgen -f -- \"$cur\"))", f);
        } else {
            fputs("COMPREPLY=()", f);
        }
        fputs("; return ;;\n", f);
    }
    fputs("        esac\n        options='", f);
    for (size_t i = 0; i < v->n_options; i++)
        if (v->options[i].name) fprintf(f, "--%s ", v->options[i].name);
    fputs("' ;;\n", f);
}

static void write_completion(FILE *f)
{
    fputs("# bash completion of graft; made by `graft help --completion`\n"
          "_graft()\n{\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} options=\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W '",
          f);
    for (size_t i = 0; verbs_at(i); i++) fprintf(f, "%s ", verbs_at(i)->name);
    fputs("help --help --version' -- \"$cur\"))\n        return\n    fi\n    case \"${COMP_WORDS[1]}\" in\n", f);
    for (size_t i = 0; verbs_at(i); i++) write_completion_verb(f, verbs_at(i));
    fputs("    esac\n"
          "    case \"$cur\" in\n"
          "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")) ;;\n"
          "    *) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
          "    esac\n"
          "}\n"
          "complete -o filenames -F _graft graft\n",
          f);
}

graft_status help_main(int argc, char **argv, bool json, graft_error *err)
{
    if (argc > 0 && !strcmp(argv[argc - 1], "--json")) argc--;
    const char *what = argc > 0 ? argv[0] : "", *name = argc > 0 ? argv[argc - 1] : "";
    bool man = !strcmp(what, "--man"), completion = !strcmp(what, "--completion");
    bool names_verb = argc == 2 ? man : argc == 1 && !man && !completion;
    const verb *v = names_verb ? verbs_find(name) : NULL;
    if (argc == 0 || !strcmp(what, "--help")) return help_command(err);
    if (argc > 2 || (names_verb && !v) || (argc == 2 && !man))
        return fail(err, E_USAGE, "graft help [VERB], graft help --man [VERB], graft help --completion",
                    "graft help: '%s' is not a verb", ESCAPED(name));
    if (v && !man) return help_verb(v, json, err);
    page p;
    graft_status status = page_open(&p, err);
    if (status) return status;
    if (completion)
        write_completion(p.f);
    else if (v)
        write_man_verb(p.f, v);
    else
        write_man_command(p.f);
    return page_close(&p, true, err);
}
