/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_plot.c - see load_plot.h. Two panels, one above the other, with the same scale of durations: a logarithmic one,
 * since a median and a 99th percentile are often a hundred times apart.
 */
#include "load/load_plot.h"

#include <math.h>

#define WIDTH 960.0
#define HEIGHT 720.0
#define LEFT 80.0
#define PLOT_WIDTH 840.0
#define PLOT_HEIGHT 250.0
#define TIME_TOP 70.0
#define BARS_TOP 400.0
#define SLOWEST_MS 10000.0
#define FASTEST_MS 0.1
#define STEPS 60u /* of time */

struct line {
    const char *name, *colour;
    double target_ms;
    double (*of)(const struct load_summary *summary);
};

static double p50_of(const struct load_summary *summary) { return summary->p50; }
static double p95_of(const struct load_summary *summary) { return summary->p95; }
static double p99_of(const struct load_summary *summary) { return summary->p99; }

/* Colours that remain different for those who see few. */
static const struct line lines[] = {
    { "p50", "#0072b2", LOAD_TARGET_P50_S * 1000, p50_of },
    { "p95", "#e69f00", LOAD_TARGET_P95_S * 1000, p95_of },
    { "p99", "#d55e00", LOAD_TARGET_P99_S * 1000, p99_of },
};
#define LINES (sizeof lines / sizeof *lines)

static double height_of(double milliseconds) {
    double bounded = fmin(fmax(milliseconds, FASTEST_MS), SLOWEST_MS);
    return PLOT_HEIGHT * log10(bounded / FASTEST_MS) / log10(SLOWEST_MS / FASTEST_MS);
}

/* ---- what both panels have ---- */

static void draw_scale(FILE *file, double top) {
    double bottom = top + PLOT_HEIGHT;
    const int decades = (int)lround(log10(SLOWEST_MS / FASTEST_MS));
    for (int i = 0; i <= decades; i++) {
        double ms = FASTEST_MS * pow(10, i);
        double y = bottom - height_of(ms);
        fprintf(file, "<line x1='%.0f' y1='%.1f' x2='%.0f' y2='%.1f' stroke='#ddd'/>\n", LEFT, y, LEFT + PLOT_WIDTH, y);
        fprintf(file, "<text x='%.0f' y='%.1f' text-anchor='end'>%g ms</text>\n", LEFT - 6, y + 4, ms);
    }
    for (size_t i = 0; i < LINES; i++) {
        double y = bottom - height_of(lines[i].target_ms);
        fprintf(file, "<line x1='%.0f' y1='%.1f' x2='%.0f' y2='%.1f' stroke='%s' stroke-dasharray='6 4'/>\n", LEFT, y,
                LEFT + PLOT_WIDTH, y, lines[i].colour);
    }
}

static void draw_title(FILE *file, double top, const char *title) {
    fprintf(file, "<text x='%.0f' y='%.0f' font-weight='bold'>%s</text>\n", LEFT, top - 12, title);
}

static void draw_legend(FILE *file) {
    for (size_t i = 0; i < LINES; i++) {
        double x = LEFT + 560 + 100 * (double)i;
        fprintf(file, "<rect x='%.0f' y='20' width='14' height='10' fill='%s'/>", x, lines[i].colour);
        fprintf(file, "<text x='%.0f' y='30'>%s</text>\n", x + 20, lines[i].name);
    }
    fprintf(file, "<text x='%.0f' y='30' fill='#666'>dashed: the target of each</text>\n", LEFT + 370);
}

/* ---- over time ---- */

static size_t end_of_step(const struct load_samples *samples, size_t begin, double until_s) {
    while (begin < samples->count && (double)samples->items[begin].began_s < until_s)
        begin++;
    return begin;
}

static void draw_line(FILE *file, const struct load_outcome *outcome, const struct line *line, double step_s) {
    fprintf(file, "<polyline fill='none' stroke='%s' stroke-width='1.8' points='", line->colour);
    size_t begin = 0;
    for (unsigned i = 0; i < STEPS; i++) {
        size_t end =
            i + 1 == STEPS ? outcome->samples.count : end_of_step(&outcome->samples, begin, step_s * (double)(i + 1));
        struct load_summary summary;
        if (end > begin && load_summarise_part(outcome->samples.items + begin, end - begin, LOAD_ENDPOINTS, &summary))
            fprintf(file, "%.1f,%.1f ", LEFT + PLOT_WIDTH * ((double)i + 0.5) / STEPS,
                    TIME_TOP + PLOT_HEIGHT - height_of(line->of(&summary) * 1000));
        begin = end;
    }
    fprintf(file, "'/>\n");
}

static void draw_times(FILE *file, const struct load_outcome *outcome) {
    draw_title(file, TIME_TOP, "All requests, by when they began");
    draw_scale(file, TIME_TOP);
    for (size_t i = 0; i < LINES; i++)
        draw_line(file, outcome, &lines[i], outcome->seconds / STEPS);
    for (unsigned i = 0; i <= 6; i++)
        fprintf(file, "<text x='%.0f' y='%.0f' text-anchor='middle'>%.3g s</text>\n", LEFT + PLOT_WIDTH * i / 6,
                TIME_TOP + PLOT_HEIGHT + 18, outcome->seconds * i / 6);
}

/* ---- for each endpoint ---- */

static void draw_bar(FILE *file, const struct line *line, const struct load_summary *summary, double x) {
    double ms = line->of(summary) * 1000, height = height_of(ms), y = BARS_TOP + PLOT_HEIGHT - height;
    fprintf(file, "<rect x='%.1f' y='%.1f' width='40' height='%.1f' fill='%s'/>", x, y, height, line->colour);
    fprintf(file, "<text x='%.1f' y='%.1f' text-anchor='middle' font-size='10'>%.3g</text>\n", x + 20, y - 4, ms);
}

static void draw_endpoints(FILE *file, const struct load_outcome *outcome) {
    draw_title(file, BARS_TOP, "By endpoint");
    draw_scale(file, BARS_TOP);
    for (size_t i = 0; i < LOAD_ENDPOINTS; i++) {
        double x = LEFT + PLOT_WIDTH * (double)i / LOAD_ENDPOINTS, middle = x + PLOT_WIDTH / LOAD_ENDPOINTS / 2;
        struct load_summary summary;
        fprintf(file, "<text x='%.1f' y='%.1f' text-anchor='middle'>%s</text>\n", middle, BARS_TOP + PLOT_HEIGHT + 18,
                load_endpoint_names[i]);
        if (!load_summarise(&outcome->samples, (enum load_endpoint)i, &summary))
            continue;
        fprintf(file, "<text x='%.1f' y='%.1f' text-anchor='middle' fill='#666'>%zu requests, %zu errors</text>\n",
                middle, BARS_TOP + PLOT_HEIGHT + 34, summary.requests, summary.errors);
        for (size_t line = 0; summary.requests > 0 && line < LINES; line++)
            draw_bar(file, &lines[line], &summary, middle - 66 + 46 * (double)line);
    }
}

bool load_plot_write(const struct load_outcome *outcome, const char *path) {
    FILE *file = fopen(path, "w");
    if (!file)
        return false;
    fprintf(file,
            "<svg xmlns='http://www.w3.org/2000/svg' width='%.0f' height='%.0f' viewBox='0 0 %.0f %.0f' "
            "font-family='sans-serif' font-size='12'>\n<rect width='100%%' height='100%%' fill='white'/>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT);
    fprintf(file, "<text x='%.0f' y='30' font-size='16' font-weight='bold'>%zu requests in %.1f s</text>\n", LEFT,
            outcome->samples.count, outcome->seconds);
    draw_legend(file);
    draw_times(file, outcome);
    draw_endpoints(file, outcome);
    fprintf(file, "</svg>\n");
    return fclose(file) == 0;
}
