/* Puts the rows of the live screen in order, and leaves out those that a filter does not name. */
#include "live/table.h"

#include <stdlib.h>
#include <string.h>

struct context {
    const struct hop_live_table *table;
    const struct hop_profile *profile;
    enum hop_live_order order;
};

static int compare_doubles(double a, double b)
{
    return (a > b) - (a < b);
}

static int compare_names(const struct context *context, const struct hop_live_row *a,
                         const struct hop_live_row *b)
{
    char x[512], y[512];
    hop_live_table_name(context->table, context->profile, a, x, sizeof x);
    hop_live_table_name(context->table, context->profile, b, y, sizeof y);
    int order = strcmp(x, y);
    return order ? order : (a->key > b->key) - (a->key < b->key);
}

/* The most first; where that is equal, by share, then by name, so that rows do not dance. */
static int by_order(const void *left, const void *right, void *argument)
{
    const struct context *context = argument;
    const struct hop_live_row *a = left, *b = right;
    int order = 0;
    if (context->order == HOP_LIVE_BY_NAME)
        return compare_names(context, a, b);
    if (context->order == HOP_LIVE_BY_NOW)
        order = compare_doubles(b->now, a->now);
    if (context->order == HOP_LIVE_BY_TOTAL)
        order = compare_doubles(b->total, a->total);
    if (!order)
        order = compare_doubles(b->share.share, a->share.share);
    if (!order)
        order = compare_doubles(b->total, a->total);
    return order ? order : compare_names(context, a, b);
}

void hop_live_table_sort(struct hop_live_table *table, const struct hop_profile *profile,
                         enum hop_live_order order)
{
    struct context context = {table, profile, order};
    if (table->count)
        qsort_r(table->rows, table->count, sizeof *table->rows, by_order, &context);
}

size_t hop_live_table_filter(struct hop_live_table *table, const struct hop_profile *profile,
                             const char *text)
{
    char name[1024];
    size_t kept = 0;
    if (!*text)
        return table->count;
    for (size_t i = 0; i < table->count; i++) {
        hop_live_table_name(table, profile, &table->rows[i], name, sizeof name);
        if (strcasestr(name, text))
            table->rows[kept++] = table->rows[i];
    }
    return table->count = kept;
}
