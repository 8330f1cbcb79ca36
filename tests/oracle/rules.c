/* Reads the rules that a program gives itself, and judges profiles by them; see the header. */
#include "oracle/rules.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_BYTES = 128 };

static const double POINTS_ALLOWED = 3;

enum by { BY_SELF, BY_WITHIN, BY_PAIR, BY_LINE };

/* "# calls f" or "# part p" behind a line. */
struct oracle_mark {
    int line;
    bool is_call;
    char name[LABEL_BYTES];
};

/* --- the rules ------------------------------------------------------------------------------- */

static bool complain(const char *what, const char *on)
{
    fprintf(stderr, "oracle: %s: %s\n", what, on);
    return false;
}

static bool find_by(const char *word, int *by)
{
    static const char *const words[] = {"self", "within", "pair", "line"};
    for (size_t i = 0; word && i < sizeof words / sizeof *words; i++) {
        if (!strcmp(words[i], word)) {
            *by = (int)i;
            return true;
        }
    }
    return complain("a share is by nothing known", word ? word : "(not said)");
}

static bool add_share(struct oracle_rules *rules, const json_t *said)
{
    json_t *parts = json_object_get(said, "parts"), *points = json_object_get(said, "points"),
           *weight;
    const char *name;
    int by;
    if (!find_by(json_string_value(json_object_get(said, "by")), &by))
        return false;
    if (rules->share_count == ORACLE_SHARES_MAX ||
        rules->part_count + json_object_size(parts) > ORACLE_PARTS_MAX)
        return complain("too many", "shares");
    struct oracle_share *share = &rules->shares[rules->share_count++];
    *share =
        (struct oracle_share){.points_allowed = points ? json_number_value(points) : POINTS_ALLOWED,
                              .is_nearly = json_is_true(json_object_get(said, "nearly")),
                              .first = rules->part_count};
    json_object_foreach(parts, name, weight)
    {
        share->is_clocked |= json_is_null(weight);
        rules->parts_by[rules->part_count] = by;
        rules->parts[rules->part_count++] =
            (struct oracle_part){.name = name, .weight = json_number_value(weight)};
        share->part_count++;
    }
    return true;
}

static bool add_mark(struct oracle_rules *rules, int line, bool is_call, const char *name)
{
    struct oracle_mark *grown =
        realloc(rules->marks, (rules->mark_count + 1) * sizeof *rules->marks);
    if (!grown)
        return complain("out of memory for", "marks");
    rules->marks = grown;
    struct oracle_mark *mark = &grown[rules->mark_count++];
    *mark = (struct oracle_mark){.line = line, .is_call = is_call};
    snprintf(mark->name, sizeof mark->name, "%s", name);
    return true;
}

/* The remark behind a line; `text` is its own copy. */
static bool read_remark(struct oracle_rules *rules, int line, char *text)
{
    char *clause;
    while ((clause = strsep(&text, ";"))) {
        char *word, *verb = NULL;
        while ((word = strsep(&clause, " "))) {
            if (!*word)
                continue;
            if (!verb) {
                verb = word;
                if (strcmp(verb, "calls") && strcmp(verb, "part"))
                    break;
            } else if (!add_mark(rules, line, !strcmp(verb, "calls"), word)) {
                return false;
            }
        }
    }
    return true;
}

static bool read_marks(struct oracle_rules *rules, const char *text)
{
    char *copy = strdup(text), *rest = copy, *line;
    bool is_read = copy != NULL;
    for (int number = 1; is_read && (line = strsep(&rest, "\n")); number++) {
        char *remark = strstr(line, "  # ");
        is_read = !remark || read_remark(rules, number, remark + 4);
    }
    free(copy);
    return is_read;
}

bool oracle_rules_init(struct oracle_rules *rules, json_t *announced, const char *text)
{
    json_t *deepest = json_object_get(announced, "deepest"), *share;
    size_t i;
    *rules = (struct oracle_rules){.announced = json_incref(announced), .deepest = INT_MAX};
    if (deepest)
        rules->deepest = (int)json_integer_value(deepest);
    bool is_sound = read_marks(rules, text);
    if (!json_is_array(json_object_get(announced, "outermost")) ||
        !json_is_object(json_object_get(announced, "calls")))
        is_sound = complain("the program does not say", "outermost and calls");
    json_array_foreach(json_object_get(announced, "shares"), i, share)
    {
        is_sound = is_sound && add_share(rules, share);
    }
    if (!is_sound)
        oracle_rules_deinit(rules);
    return is_sound;
}

void oracle_rules_deinit(struct oracle_rules *rules)
{
    json_decref(rules->announced);
    free(rules->marks);
    *rules = (struct oracle_rules){0};
}

bool oracle_rules_clock(struct oracle_rules *rules, const json_t *clock)
{
    for (size_t i = 0; i < rules->share_count; i++) {
        const struct oracle_share *share = &rules->shares[i];
        for (size_t j = share->first; share->is_clocked && j < share->first + share->part_count;
             j++) {
            json_t *spent = json_object_get(clock, rules->parts[j].name);
            if (!json_is_number(spent))
                return false;
            rules->parts[j].weight = json_number_value(spent);
        }
    }
    return true;
}

/* --- judging --------------------------------------------------------------------------------- */

/* What is known of an instruction of a profile, looked up once. */
struct place {
    char label[LABEL_BYTES];
    int line;              /* in the program's text; 0: another file's */
    uint32_t self, within; /* parts it is hit for as the innermost frame, or anywhere */
};

static void write_label(const struct hop_instruction *row, struct place *place)
{
    const char *dot = strrchr(row->function, '.'), *slash = strrchr(row->file, '/');
    const char *name = dot ? dot + 1 : row->function, *file = slash ? slash + 1 : row->file;
    bool is_own = !strcmp(file, "<string>");
    snprintf(place->label, sizeof place->label, "%s%s%s", is_own ? "" : file, is_own ? "" : ":",
             name);
    place->line = is_own ? row->line : 0;
}

static bool is_marked(const struct oracle_rules *rules, int line, bool is_call, const char *name)
{
    for (size_t i = 0; line && i < rules->mark_count; i++) {
        const struct oracle_mark *mark = &rules->marks[i];
        if (mark->line == line && mark->is_call == is_call && !strcmp(mark->name, name))
            return true;
    }
    return false;
}

/* Whether some line is marked to call it: then the others do not. */
static bool has_marked_callers(const struct oracle_rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->mark_count; i++)
        if (rules->marks[i].is_call && !strcmp(rules->marks[i].name, name))
            return true;
    return false;
}

static struct place *find_places(const struct oracle_rules *rules,
                                 const struct hop_profile *profile)
{
    struct place *places = calloc(profile->instruction_count + 1, sizeof *places);
    for (size_t i = 0; places && i < profile->instruction_count; i++) {
        write_label(&profile->instructions[i], &places[i]);
        for (size_t part = 0; part < rules->part_count; part++) {
            bool is_it = rules->parts_by[part] == BY_LINE
                             ? is_marked(rules, places[i].line, false, rules->parts[part].name)
                             : !strcmp(places[i].label, rules->parts[part].name);
            if (is_it && rules->parts_by[part] == BY_WITHIN)
                places[i].within |= UINT32_C(1) << part;
            else if (is_it && rules->parts_by[part] != BY_PAIR)
                places[i].self |= UINT32_C(1) << part;
        }
    }
    return places;
}

/* The parts that are this pair. */
static uint32_t parts_of_pair(const struct oracle_rules *rules, const char *caller,
                              const char *callee)
{
    char pair[2 * LABEL_BYTES + 2];
    uint32_t parts = 0;
    snprintf(pair, sizeof pair, "%s>%s", caller, callee);
    for (size_t part = 0; part < rules->part_count; part++)
        if (rules->parts_by[part] == BY_PAIR && !strcmp(rules->parts[part].name, pair))
            parts |= UINT32_C(1) << part;
    return parts;
}

static bool has_string(const json_t *list, const char *wanted)
{
    size_t i;
    json_t *each;
    json_array_foreach(list, i, each)
    {
        if (json_is_string(each) && !strcmp(json_string_value(each), wanted))
            return true;
    }
    return false;
}

/* Why `callee` can't stand at this depth above `caller` (NULL: it is outermost); NULL: it can. */
static const char *why_impossible(const struct oracle_rules *rules, const struct place *caller,
                                  const struct place *callee, int depth)
{
    json_t *at = json_object_get(json_object_get(rules->announced, "at"), callee->label);
    if (depth > rules->deepest)
        return "is deeper than the program ever is";
    if (at && json_integer_value(at) != depth)
        return "is never at that depth";
    if (!caller)
        return has_string(json_object_get(rules->announced, "outermost"), callee->label)
                   ? NULL
                   : "is never outermost";
    /* It has just said that it is ready, and not gone on yet. */
    if (depth == 2 && !strcmp(callee->label, "announce"))
        return NULL;
    if (!has_string(json_object_get(json_object_get(rules->announced, "calls"), caller->label),
                    callee->label))
        return "is never called by that function";
    if (has_marked_callers(rules, callee->label) &&
        !is_marked(rules, caller->line, true, callee->label))
        return "is never called from that line";
    return NULL;
}

/* A node of the profile's tree as it is judged: its parent's verdict holds for it too. */
struct judged {
    int depth;       /* 0: a thread */
    uint32_t within; /* parts that are on the stack */
    bool is_impossible;
};

/* "outer:12;…;inner:34 (why)". Of a deep stack its ends. */
static void write_example(const struct hop_profile *profile, const struct place *places,
                          const struct judged *judged, size_t node, const char *why,
                          struct oracle_count *count)
{
    enum { ENDS = 6 };
    uint32_t path[2 * ENDS];
    size_t depth = (size_t)judged[node].depth, kept = 0, used = 0;
    if (count->example[0])
        return;
    for (size_t at = node, left = depth; left > 0; at = profile->nodes[at].parent, left--)
        if (left > depth - ENDS || depth < ENDS || left <= ENDS)
            path[kept++] = profile->nodes[at].instruction;
    while (kept-- && used < sizeof count->example)
        used += (size_t)snprintf(count->example + used, sizeof count->example - used, "%s:%d%s%s",
                                 places[path[kept]].label, profile->instructions[path[kept]].line,
                                 depth > 2 * ENDS && kept == ENDS ? ";…" : "", kept ? ";" : "");
    if (used < sizeof count->example)
        snprintf(count->example + used, sizeof count->example - used, " (depth %zu: %s)", depth,
                 why);
}

void oracle_judge(const struct oracle_rules *rules, const struct hop_profile *profile,
                  struct oracle_count *count)
{
    struct place *places = find_places(rules, profile);
    struct judged *judged = calloc(profile->node_count + 1, sizeof *judged);
    if (!places || !judged)
        abort();
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct hop_profile_node *node = &profile->nodes[i];
        if (node->parent == i)
            continue;
        const struct judged *parent = &judged[node->parent];
        const struct place *place = &places[node->instruction], *caller = NULL;
        if (parent->depth)
            caller = &places[profile->nodes[node->parent].instruction];
        judged[i].depth = parent->depth + 1;
        judged[i].within = parent->within | place->within;
        const char *why = "stands on one that is impossible";
        if (!parent->is_impossible)
            why = why_impossible(rules, caller, place, judged[i].depth);
        judged[i].is_impossible = why != NULL;
        if (!node->self)
            continue;
        count->samples += node->self;
        if (why) {
            count->impossible += node->self;
            write_example(profile, places, judged, i, why, count);
        }
        uint32_t hit = judged[i].within | place->self;
        if (caller)
            hit |= parts_of_pair(rules, caller->label, place->label);
        for (size_t part = 0; part < rules->part_count; part++)
            if (hit >> part & 1)
                count->hits[part] += node->self;
    }
    free(places);
    free(judged);
}
