/* Looks at the clock before each call of the reader behind. One call is bounded by its spans. */
#include "mem/timed.h"

#include "base/clock.h"

static size_t fill_in_time(struct hop_reader *base, const struct hop_span *spans, size_t count)
{
    struct hop_timed_reader *timed = (struct hop_timed_reader *)base;
    if (timed->deadline_ns && hop_now_ns() >= timed->deadline_ns) {
        timed->is_late = true;
        return 0;
    }
    return hop_reader_fill(timed->behind, spans, count);
}

void hop_timed_reader_init(struct hop_timed_reader *timed, struct hop_reader *behind)
{
    *timed = (struct hop_timed_reader){.base.fill = fill_in_time, .behind = behind};
}
