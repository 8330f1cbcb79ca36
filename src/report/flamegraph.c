/* A flame graph as one SVG file, the outermost frames on top, which needs nothing but a viewer: a
 * frame is as wide as its share of the samples (of time, where they stand for different times),
 * positions are percents, so that it is as wide as its window, and what a frame is and how much
 * stands in its title. A short script, of which nothing depends, zooms and searches; no foreign
 * text gets near it. */
#include "report/format.h"

#include "report/numbers.h"
#include "report/rows.h"
#include "report/stacks.h"
#include "report/xml.h"

#include <stdlib.h>
#include <string.h>

enum { ROW_PX = 17, HEADING_PX = 56 };

/* What is narrower than this part of the whole is not drawn: half a pixel of a thousand. */
static const double NARROWEST = 0.0005;
/* What is narrower has no text until it is zoomed to. */
static const double NARROWEST_TEXT = 0.0025;
/* Deeper frames are not drawn: some viewers draw nothing where a picture is higher than this. */
enum { DEPTH_MAX = 1500 };

struct flamegraph {
    struct hop_stacks stacks;
    uint64_t *totals; /* by node, and where it begins */
    uint64_t *starts;
    uint32_t *depths;   /* by node: from 1 on, 0: the root */
    const char **files; /* by instruction: as short as may be */
    uint32_t deepest;
    bool leaves_out; /* frames that are too narrow or too deep */
    FILE *stream;
};

static const char style[] =
    "<style>\n"
    "svg { font: 12px ui-monospace, Menlo, Consolas, monospace; }\n"
    ".page { background: #fff; }\n"
    "text { fill: #111; pointer-events: none; white-space: pre; }\n"
    ".page > text { fill: #333; }\n"
    ".page > .button { fill: #06c; cursor: pointer; pointer-events: all; }\n"
    "rect { stroke: #fff; stroke-width: .6; }\n"
    ".box:hover > rect { stroke: #000; stroke-width: 2; }\n"
    ".box { cursor: pointer; }\n"
    ".found > rect { fill: #c4f; }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "  .page { background: #1b1b1f; }\n"
    "  .page > text { fill: #ccc; }\n"
    "  .page > .button { fill: #6bf; }\n"
    "  rect { stroke: #1b1b1f; }\n"
    "  .box:hover > rect { stroke: #fff; }\n"
    "}\n"
    "</style>\n";

/* Zooming moves and widens the inner picture, of which all positions are parts. Frames that begin
 * left of the window show their text from its edge on; narrow ones get their text when they are
 * wide enough. A search marks what holds the text and adds up what is not inside of another one. */
static const char script[] =
    "<script><![CDATA[\n"
    "'use strict';\n"
    "(function () {\n"
    "  var inner = document.getElementById('frames');\n"
    "  var boxes = Array.prototype.slice.call(document.querySelectorAll('.box'));\n"
    "  var part = function (box, name) { return parseFloat(box.getAttribute(name)); };\n"
    "  var label = function (box) {\n"
    "    return box.querySelector('title').textContent.split('\\n')[0];\n"
    "  };\n"
    "  function zoom(box) {\n"
    "    var x = box ? part(box, 'x') : 0, width = box ? part(box, 'width') : 100;\n"
    "    inner.setAttribute('x', -100 * x / width + '%');\n"
    "    inner.setAttribute('width', 10000 / width + '%');\n"
    "    boxes.forEach(function (at) {\n"
    "      var from = part(at, 'x'), wide = part(at, 'width');\n"
    "      var text = at.querySelector('text');\n"
    "      if (!text && wide / width > 0.005) {\n"
    "        text = document.createElementNS(at.namespaceURI, 'text');\n"
    "        text.setAttribute('y', 12);\n"
    "        text.setAttribute('dx', 3);\n"
    "        text.textContent = label(at);\n"
    "        at.appendChild(text);\n"
    "      }\n"
    "      if (text)\n"
    "        text.setAttribute('x', Math.max(0, 100 * (x - from) / wide) + '%');\n"
    "    });\n"
    "    document.getElementById('reset').style.display = box ? '' : 'none';\n"
    "  }\n"
    "  function search() {\n"
    "    var wanted = prompt('Mark frames whose text holds:');\n"
    "    if (wanted === null)\n"
    "      return;\n"
    "    wanted = wanted.toLowerCase();\n"
    "    var found = [];\n"
    "    boxes.forEach(function (box) {\n"
    "      var fits = wanted !== '' && label(box).toLowerCase().indexOf(wanted) >= 0;\n"
    "      box.classList.toggle('found', fits);\n"
    "      if (fits)\n"
    "        found.push([part(box, 'x'), part(box, 'width')]);\n"
    "    });\n"
    "    found.sort(function (a, b) { return a[0] - b[0] || b[1] - a[1]; });\n"
    "    var end = 0, sum = 0;\n"
    "    found.forEach(function (at) {\n"
    "      if (at[0] >= end - 1e-4) {\n"
    "        sum += at[1];\n"
    "        end = at[0] + at[1];\n"
    "      }\n"
    "    });\n"
    "    document.getElementById('sum').textContent =\n"
    "      wanted === '' ? '' : found.length + ' frames, ' + sum.toFixed(1) + '%';\n"
    "  }\n"
    "  inner.addEventListener('click', function (event) {\n"
    "    var box = event.target.closest('.box');\n"
    "    if (box)\n"
    "      zoom(box);\n"
    "  });\n"
    "  document.addEventListener('keydown', function (event) {\n"
    "    if (event.key === 'Escape')\n"
    "      zoom(null);\n"
    "    else if (event.key === '/') {\n"
    "      event.preventDefault();\n"
    "      search();\n"
    "    }\n"
    "  });\n"
    "  document.getElementById('reset').addEventListener('click', function () { zoom(null); });\n"
    "  document.getElementById('search').addEventListener('click', search);\n"
    "  document.getElementById('search').style.display = '';\n"
    "})();\n"
    "]]></script>\n";

static double share_of(const struct flamegraph *graph, uint64_t weight)
{
    return graph->totals[0] ? (double)weight / (double)graph->totals[0] : 0;
}

/* A colour of the frame's kind, the same wherever the function occurs. */
static void print_colour(const struct flamegraph *graph, const struct hop_frame *frame)
{
    const struct hop_instruction *row = hop_frame_instruction(&graph->stacks, frame);
    const char *name = !row                                   ? ""
                       : frame->kind == HOP_FRAME_INSTRUCTION ? row->base_opcode
                                                              : row->function;
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    hash ^= hash >> 15;
    unsigned hue = frame->kind == HOP_FRAME_THREAD        ? 0
                   : frame->kind == HOP_FRAME_INSTRUCTION ? 170 + hash % 60
                                                          : 18 + hash % 40;
    fprintf(graph->stream, "hsl(%u,%d%%,%u%%)", hue, frame->kind == HOP_FRAME_THREAD ? 0 : 75,
            66 + hash / 64 % 12);
}

/* Writes a frame's label; false: out of memory. */
static bool print_label(const struct flamegraph *graph, const struct hop_frame *frame,
                        const char *file)
{
    size_t size = hop_frame_label(&graph->stacks, frame, file, NULL, 0) + 1;
    char *label = malloc(size);
    if (!label)
        return false;
    hop_frame_label(&graph->stacks, frame, file, label, size);
    hop_print_xml(graph->stream, label);
    free(label);
    return true;
}

static void print_weight(const struct flamegraph *graph, uint64_t weight)
{
    if (graph->stacks.profile->has_weights)
        fputs(hop_seconds(weight).text, graph->stream);
    else
        fprintf(graph->stream, "%s sample%s", hop_thousands(weight).text, weight == 1 ? "" : "s");
    fprintf(graph->stream, ", %s", hop_percent(weight, graph->totals[0]).text);
}

static bool print_box(const struct flamegraph *graph, uint32_t node)
{
    const struct hop_frame *frame = &graph->stacks.frames[graph->stacks.nodes[node].frame];
    double share = share_of(graph, graph->totals[node]);
    FILE *stream = graph->stream;
    fprintf(stream,
            "<svg class=\"box\" x=\"%.5f%%\" y=\"%u\" width=\"%.5f%%\" height=\"%d\"><title>",
            100 * share_of(graph, graph->starts[node]), (graph->depths[node] - 1) * ROW_PX,
            100 * share, ROW_PX);
    if (!print_label(graph, frame, NULL))
        return false;
    putc('\n', stream);
    print_weight(graph, graph->totals[node]);
    fprintf(stream, "</title><rect width=\"100%%\" height=\"%d\" fill=\"", ROW_PX - 1);
    print_colour(graph, frame);
    fputs("\"/>", stream);
    if (share >= NARROWEST_TEXT) {
        fputs("<text x=\"0\" dx=\"3\" y=\"12\">", stream);
        if (!print_label(graph, frame,
                         frame->kind == HOP_FRAME_LINE ? graph->files[frame->index] : NULL))
            return false;
        fputs("</text>", stream);
    }
    fputs("</svg>\n", stream);
    return true;
}

static bool is_drawn(const struct flamegraph *graph, uint32_t node)
{
    return share_of(graph, graph->totals[node]) >= NARROWEST && graph->depths[node] <= DEPTH_MAX;
}

static void print_heading(const struct flamegraph *graph)
{
    const struct hop_profile *profile = graph->stacks.profile;
    FILE *stream = graph->stream;
    fprintf(stream,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"page\" width=\"100%%\" "
            "height=\"%u\">\n<title>",
            HEADING_PX + graph->deepest * ROW_PX + ROW_PX);
    hop_print_xml(stream, *profile->command_line ? profile->command_line : "heavyops");
    fprintf(stream, "</title>\n%s<text x=\"8\" y=\"20\" font-weight=\"bold\">", style);
    hop_print_xml(stream, *profile->command_line ? profile->command_line : "heavyops");
    fprintf(stream, "</text>\n<text x=\"8\" y=\"40\">%s samples in %s, Python ",
            hop_thousands(graph->stacks.samples).text, hop_seconds(profile->duration_ns).text);
    hop_print_xml(stream, *profile->python ? profile->python : "?");
    if (profile->has_weights)
        fputs("; widths are of time", stream);
    if (graph->leaves_out)
        fprintf(stream, "; what is less than %.2f%% wide or more than %d deep is left out",
                100 * NARROWEST, DEPTH_MAX);
    if (graph->totals[0] == 0)
        fputs("; no samples", stream);
    fputs("</text>\n"
          "<text id=\"search\" class=\"button\" x=\"100%\" dx=\"-8\" y=\"20\" text-anchor=\"end\" "
          "style=\"display:none\">search (/)</text>\n"
          "<text id=\"reset\" class=\"button\" x=\"100%\" dx=\"-100\" y=\"20\" text-anchor=\"end\" "
          "style=\"display:none\">all (Esc)</text>\n"
          "<text id=\"sum\" x=\"100%\" dx=\"-8\" y=\"40\" text-anchor=\"end\"></text>\n",
          stream);
}

static bool print_document(const struct flamegraph *graph)
{
    print_heading(graph);
    fprintf(graph->stream, "<svg id=\"frames\" x=\"0\" y=\"%d\" width=\"100%%\" height=\"%u\">\n",
            HEADING_PX, (graph->deepest + 1) * ROW_PX);
    for (uint32_t i = 1; i < graph->stacks.node_count; i++)
        if (is_drawn(graph, i) && !print_box(graph, i))
            return false;
    fprintf(graph->stream, "</svg>\n%s</svg>\n", script);
    return true;
}

/* Where frames begin, and how deep they are. Parents stand before their children. */
static void lay_out(struct flamegraph *graph)
{
    const struct hop_stack_node *nodes = graph->stacks.nodes;
    graph->starts[0] = 0;
    graph->depths[0] = 0;
    for (uint32_t i = 0; i < graph->stacks.node_count; i++) {
        uint64_t start = graph->starts[i];
        for (uint32_t j = 0; j < nodes[i].child_count; j++) {
            uint32_t child = nodes[i].first_child + j;
            graph->starts[child] = start;
            graph->depths[child] = graph->depths[i] + 1;
            start += graph->totals[child];
        }
        if (i && !is_drawn(graph, i))
            graph->leaves_out = true;
        else if (graph->depths[i] > graph->deepest)
            graph->deepest = graph->depths[i];
    }
}

static bool compute(struct flamegraph *graph)
{
    graph->totals = hop_stacks_totals(&graph->stacks);
    graph->starts = malloc(graph->stacks.node_count * sizeof *graph->starts);
    graph->depths = malloc(graph->stacks.node_count * sizeof *graph->depths);
    graph->files = hop_short_file_names(graph->stacks.profile);
    if (!graph->totals || !graph->starts || !graph->depths || !graph->files)
        return false;
    lay_out(graph);
    return true;
}

static enum hop_status write_flamegraph(const struct hop_profile *profile,
                                        const struct hop_report_options *options, FILE *stream,
                                        struct hop_error *err)
{
    struct hop_stacks_plan plan = {.by_thread = options->by_thread,
                                   .leaf = options->with_opcodes ? HOP_LEAF_OPCODE : HOP_LEAF_LINE,
                                   .options = options};
    struct flamegraph graph = {.stream = stream};
    bool has_memory = hop_stacks_init(&graph.stacks, profile, &plan);
    if (has_memory) {
        has_memory = compute(&graph) && print_document(&graph);
        hop_stacks_deinit(&graph.stacks);
    }
    free(graph.totals);
    free(graph.starts);
    free(graph.depths);
    free(graph.files);
    return has_memory ? HOP_OK : hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
}

const struct hop_format hop_format_flamegraph = {
    .name = "flamegraph",
    .suffixes = ".svg",
    .write = write_flamegraph,
};
