/* What the reading side does when it gets no memory, and that it asks for none once it is warm. */
#include "profile/tally.h"
#include "py/walk.h"
#include "sample/crew.h"
#include "sample/identify.h"
#include "sample/roster.h"
#include "support/allocations.h"
#include "support/fake_program.h"
#include "support/layouts.h"

#include <criterion/criterion.h>
#include <unistd.h>

static struct fake_program program;
static struct hop_walker walker;
static struct hop_code_table table;
static struct hop_identifier identifier;

static void tear_down(void)
{
    hop_identifier_deinit(&identifier);
    hop_code_table_deinit(&table);
    hop_walker_deinit(&walker);
    fake_program_end(&program);
}

TestSuite(allocations, .fini = tear_down);

#define FOR_EACH_VERSION                                                                           \
    for (int minor = LAYOUT_MINOR_FIRST;                                                           \
         minor <= LAYOUT_MINOR_LAST && (tear_down(), fake_program_start(&program, minor), true);   \
         minor++)

/* Makes and unmakes something; false: it did not get the memory. */
typedef bool try_fn(void);

/* Lets each allocation of `attempt` fail: it says so, and leaves nothing. */
static void each_may_fail(try_fn *attempt, size_t allocations_min)
{
    size_t n = 0;
    bool has_worked;
    do {
        allocations_begin(++n);
        has_worked = attempt();
        cr_assert_eq(allocations_left(), 0, "3.%d: failing at %zu leaves %ld", program.layout.minor,
                     n, allocations_left());
        cr_assert_eq(has_worked, allocations_asked() < n, "3.%d: failing at %zu",
                     program.layout.minor, n);
    } while (!has_worked);
    allocations_begin(0);
    cr_assert_gt(n, allocations_min);
}

static bool try_walker(void)
{
    struct hop_walker it;
    bool has_worked = hop_walker_init(&it, &program.reader.base, &program.layout);
    if (has_worked)
        hop_walker_deinit(&it);
    return has_worked;
}

static bool try_identifier(void)
{
    struct hop_identifier it;
    bool has_worked = hop_identifier_init(&it, &table, table.reader);
    if (has_worked)
        hop_identifier_deinit(&it);
    return has_worked;
}

static bool try_code_table(void)
{
    struct hop_code_table it;
    bool has_worked = hop_code_table_init(&it, &program.layout, &program.reader.base);
    hop_code_table_deinit(&it);
    return has_worked;
}

static bool try_roster(void)
{
    struct hop_roster it;
    bool has_worked = hop_roster_init(&it, NULL, NULL, &program.reader.base);
    if (has_worked)
        hop_roster_deinit(&it);
    return has_worked;
}

static bool try_crew(void)
{
    struct hop_crew *crew = NULL;
    struct hop_error err = {0};
    enum hop_status status = hop_crew_create(&crew, &err);
    cr_assert_eq(status == HOP_OK, crew != NULL);
    cr_assert_eq(status == HOP_OK, !err.message[0]);
    hop_crew_destroy(crew);
    return status == HOP_OK;
}

Test(allocations, what_is_not_made_leaves_nothing)
{
    FOR_EACH_VERSION
    {
        cr_assert(hop_code_table_init(&table, &program.layout, &program.reader.base));
        each_may_fail(try_walker, 2);
        each_may_fail(try_identifier, 4);
        each_may_fail(try_code_table, 0);
        each_may_fail(try_roster, 2);
        each_may_fail(try_crew, 1);
    }
}

static int end_at_once(void *context, int cpu)
{
    *(int *)context = cpu;
    return HOP_CREW_DONE;
}

/* The memory that a looker's thread is started with. */
Test(allocations, a_looker_that_is_not_started_is_an_error)
{
    struct hop_crew *crew;
    struct hop_error err = {0};
    int seen = -1, cpu = 0;
    allocations_begin(0);
    cr_assert_eq(hop_crew_create(&crew, &err), HOP_OK);
    while (!hop_crew_has_cpu(crew, cpu))
        cpu++;
    long made = allocations_left();
    allocations_begin(1);
    cr_assert_eq(hop_crew_run(crew, cpu, end_at_once, &seen, &err), HOP_ERR_MEMORY);
    cr_assert_neq(err.message[0], 0);
    cr_assert_eq(seen, -1);
    cr_assert_eq(allocations_left(), 0);
    allocations_begin(0);
    cr_assert_eq(hop_crew_run(crew, cpu, end_at_once, &seen, &err), HOP_OK);
    cr_assert_eq(seen, cpu);
    hop_crew_destroy(crew);
    cr_assert_eq(allocations_left(), -made);
}

static void prepare(void)
{
    cr_assert(hop_walker_init(&walker, &program.reader.base, &program.layout));
    cr_assert(hop_code_table_init(&table, &program.layout, &program.reader.base));
    cr_assert(hop_identifier_init(&identifier, &table, table.reader));
}

static enum hop_refusal look(void)
{
    enum hop_refusal refusal = hop_walk(&walker, program.thread.addr);
    return refusal == HOP_TAKEN ? hop_identify(&identifier, &walker.stack) : refusal;
}

/* Enough code objects that every table has to grow. */
static void call_many(size_t count)
{
    for (size_t i = 0; i < count; i++)
        fake_program_call(&program, fake_program_code(&program, 0, "function"),
                          program.starts[i % 3]);
}

/* Each look without memory is refused, and a later one with memory is not. */
Test(allocations, a_look_without_memory_is_refused)
{
    FOR_EACH_VERSION
    {
        static const size_t counts[] = {1, 255, 1, 1, 254, 600};
        prepare();
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            call_many(counts[i]);
            size_t refused = 0;
            for (size_t n = 1;; n = n < 12 ? n + 1 : n * 2) {
                allocations_begin(n);
                enum hop_refusal refusal = look();
                bool has_failed = allocations_asked() >= n;
                allocations_begin(0);
                cr_assert_eq(refusal, has_failed ? HOP_REFUSED_NO_ROOM : HOP_TAKEN);
                refused += has_failed;
                if (!has_failed)
                    break;
            }
            cr_assert_gt(refused, 0);
            cr_assert_eq(look(), HOP_TAKEN);
            cr_assert_eq(table.count, program.thread.depth - 1);
        }
    }
}

Test(allocations, a_warm_sampler_asks_for_nothing)
{
    FOR_EACH_VERSION
    {
        prepare();
        call_many(40);
        struct hop_tally *tally = hop_tally_create_limited(1 << 16);
        cr_assert_eq(look(), HOP_TAKEN);
        allocations_begin(0);
        for (uint32_t i = 0; i < 1000; i++) {
            /* Known code, in ever other stacks. */
            uint64_t code_addr = table.codes[i % 40]->addr;
            if (i % 50 == 49)
                while (program.thread.depth > 20)
                    fake_frame_pop(&program.thread);
            size_t ours = allocations_asked();
            fake_program_call(&program, code_addr, program.starts[i % 3]);
            size_t theirs = allocations_asked();
            cr_assert_eq(look(), HOP_TAKEN);
            cr_assert(hop_tally_add(tally, i % 4, identifier.frames, walker.stack.depth, i, 1));
            hop_tally_again(tally, hop_tally_last(tally), 1, i, 1);
            cr_assert_eq(allocations_asked(), theirs, "3.%d: look %u", minor, i);
            cr_assert_leq(ours, theirs);
        }
        hop_tally_destroy(tally);
    }
}
