/* Bytecode decoded from every layout: caches, prefixes, specialised and instrumented forms, what
 * hides others, and what is no bytecode. */
#include "py/units.h"
#include "support/fake_objects.h"
#include "support/layouts.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { UNITS_MAX = 64 };

static struct hop_layout layout;
static struct hop_arena arena;
static struct hop_units units;
static uint8_t code[2 * UNITS_MAX];
static uint32_t count;

static void set_up(void)
{
    hop_arena_init(&arena, 1 << 20);
}

static void tear_down(void)
{
    hop_arena_deinit(&arena);
}

TestSuite(units, .init = set_up, .fini = tear_down);

static void put(uint8_t opcode, uint8_t oparg)
{
    code[2 * count] = opcode;
    code[2 * count + 1] = oparg;
    count++;
}

/* Units of that opcode's caches, full of what looks like anything. */
static void put_caches(uint8_t base)
{
    for (int i = 0; i < layout.opcodes[base].caches; i++)
        put((uint8_t)(0xfe - i), 0xff);
}

static uint8_t op(const char *name)
{
    return fake_opcode(&layout, name);
}

/* Decodes from a block of its exact size, so that the sanitizers see what strays. */
static enum hop_refusal decode_with(hop_unit_original_fn *original, void *context)
{
    uint8_t *exact = malloc(2 * count + 1);
    memcpy(exact, code, 2 * count);
    enum hop_refusal refusal =
        hop_units_decode(&layout, exact, count, original, context, &arena, &units);
    free(exact);
    return refusal;
}

static enum hop_refusal decode(void)
{
    return decode_with(NULL, NULL);
}

static void expect(uint32_t unit, uint32_t start, const char *base, uint32_t arg)
{
    const char *found = layout.opcodes[units.bases[unit]].name;
    cr_assert(units.starts[unit] == start && !strcmp(found, base) && units.args[unit] == arg,
              "3.%d: unit %u is of %u %s %u, not of %u %s %u", layout.minor, unit,
              units.starts[unit], found, units.args[unit], start, base, arg);
}

/* Every opcode of every version but those that hide others, with its caches: the first unit behind
 * it is the next instruction. */
Test(units, every_opcode_and_its_caches)
{
    FOR_EACH_LAYOUT(layout)
    {
        for (int opcode = 1; opcode < HOP_OPCODE_COUNT; opcode++) {
            const struct hop_opcode *it = &layout.opcodes[opcode];
            if (!it->name || it->role != HOP_ROLE_PLAIN)
                continue;
            count = 0;
            put((uint8_t)opcode, 7);
            put_caches(it->base);
            uint32_t end = count;
            put(op("RETURN_VALUE"), 0);
            cr_assert_eq(decode(), HOP_TAKEN, "3.%d %s", layout.minor, it->name);
            cr_assert_eq(units.count, count);
            for (uint32_t unit = 0; unit < end; unit++)
                expect(unit, 0, layout.opcodes[it->base].name,
                       layout.opcodes[it->base].has_arg ? 7 : 0);
            expect(end, end, "RETURN_VALUE", 0);
        }
    }
}

Test(units, prefixes_belong_to_their_instruction)
{
    FOR_EACH_LAYOUT(layout)
    {
        uint8_t prefix = op("EXTENDED_ARG"), jump = op("FOR_ITER");
        for (uint32_t prefixes = 1; prefixes <= 3; prefixes++) {
            static const uint32_t args[] = {0, 0x0104, 0x010204, 0x01020304};
            count = 0;
            put(op("RETURN_VALUE"), 0);
            for (uint32_t i = 1; i <= prefixes; i++)
                put(prefix, (uint8_t)i);
            put(jump, 4);
            put_caches(jump);
            uint32_t end = count;
            put(op("LOAD_FAST"), 9); /* the prefixes are used up */
            cr_assert_eq(decode(), HOP_TAKEN);
            expect(0, 0, "RETURN_VALUE", 0);
            for (uint32_t unit = 1; unit < end; unit++)
                expect(unit, 1 + prefixes, "FOR_ITER", args[prefixes]);
            expect(end, end, "LOAD_FAST", 9);
        }
    }
}

/* 3.11 specialises the prefix itself. */
Test(units, a_specialised_prefix_is_a_prefix)
{
    layout_of_version(&layout, 11, 0);
    count = 0;
    put(op("EXTENDED_ARG_QUICK"), 2);
    put(op("LOAD_FAST"), 1);
    cr_assert_eq(decode(), HOP_TAKEN);
    expect(0, 1, "LOAD_FAST", 0x201);
    expect(1, 1, "LOAD_FAST", 0x201);
}

Test(units, what_is_no_bytecode_is_refused)
{
    FOR_EACH_LAYOUT(layout)
    {
        uint8_t prefix = op("EXTENDED_ARG"), plain = op("RETURN_VALUE");
        count = 0;
        cr_assert_eq(decode(), HOP_TAKEN); /* nothing is decoded to nothing */

        put(plain, 0);
        put(0, 0); /* a cache where an instruction should be; before 3.11 an unknown opcode */
        cr_assert_eq(decode(), HOP_REFUSED_BAD_OPCODE);
        for (int opcode = 1; opcode < HOP_OPCODE_COUNT; opcode++) {
            count = 0;
            put((uint8_t)opcode, 0);
            put_caches(layout.opcodes[opcode].name ? layout.opcodes[opcode].base : 0);
            bool is_known =
                layout.opcodes[opcode].name && layout.opcodes[opcode].role == HOP_ROLE_PLAIN;
            cr_assert_eq(decode(), is_known ? HOP_TAKEN : HOP_REFUSED_BAD_OPCODE, "3.%d %d",
                         layout.minor, opcode);
            if (is_known && layout.opcodes[layout.opcodes[opcode].base].caches) {
                count--; /* its last cache is missing */
                cr_assert_eq(decode(), HOP_REFUSED_BAD_OPCODE, "3.%d %d", layout.minor, opcode);
            }
        }
        count = 0;
        put(prefix, 1); /* of nothing */
        cr_assert_eq(decode(), HOP_REFUSED_BAD_OPCODE);
        count = 0;
        for (int i = 0; i < 4; i++) /* more than an oparg has bytes */
            put(prefix, 1);
        put(plain, 0);
        cr_assert_eq(decode(), HOP_REFUSED_BAD_OPCODE);
    }
}

/* Answers with one opcode and oparg, whatever is asked; counts. */
struct answer {
    struct hop_unit_original original;
    bool is_known;
    int asked;
    uint32_t unit;
    uint8_t opcode, oparg;
};

static bool give_answer(void *context, uint32_t unit, uint8_t opcode, uint8_t oparg,
                        struct hop_unit_original *original)
{
    struct answer *answer = context;
    answer->asked++;
    answer->unit = unit;
    answer->opcode = opcode;
    answer->oparg = oparg;
    *original = answer->original;
    return answer->is_known;
}

Test(units, what_hides_another_is_asked_for)
{
    static const struct {
        const char *name;
        int minor_first;
    } hiding[] = {
        {"INSTRUMENTED_LINE", 12}, {"INSTRUMENTED_INSTRUCTION", 12}, {"ENTER_EXECUTOR", 13}};
    FOR_EACH_LAYOUT(layout)
    {
        for (size_t i = 0; i < 3; i++) {
            if (layout.minor < hiding[i].minor_first)
                continue;
            uint8_t hider = op(hiding[i].name), jump = op("JUMP_BACKWARD");
            struct answer answer = {.original = {jump, 0x21}, .is_known = true};
            count = 0;
            put(op("EXTENDED_ARG"), 3);
            put(hider, 5);
            put_caches(jump);
            cr_assert_eq(decode_with(give_answer, &answer), HOP_TAKEN, "3.%d", layout.minor);
            for (uint32_t unit = 0; unit < count; unit++)
                expect(unit, 1, "JUMP_BACKWARD", 0x321);
            cr_assert(answer.asked == 1 && answer.unit == 1 && answer.opcode == hider &&
                      answer.oparg == 5);

            /* A prefix itself may be hidden: events and executors sit on the first one. */
            answer.original = (struct hop_unit_original){op("EXTENDED_ARG"), 4};
            count = 0;
            put(hider, 5);
            put(jump, 0x21);
            put_caches(jump);
            cr_assert_eq(decode_with(give_answer, &answer), HOP_TAKEN);
            for (uint32_t unit = 0; unit < count; unit++)
                expect(unit, 1, "JUMP_BACKWARD", 0x421);

            answer.original.opcode = hider; /* nothing is gained */
            cr_assert_eq(decode_with(give_answer, &answer), HOP_REFUSED_BAD_OPCODE);
            answer.original.opcode = 0; /* no such event any more */
            cr_assert_eq(decode_with(give_answer, &answer), HOP_REFUSED_BAD_OPCODE);
            answer = (struct answer){.original = {jump, 1}, .is_known = false};
            cr_assert_eq(decode_with(give_answer, &answer), HOP_REFUSED_BAD_OPCODE);
            cr_assert_eq(decode(), HOP_REFUSED_BAD_OPCODE); /* nobody to ask */
        }
    }
}

Test(units, every_allocation_may_fail)
{
    layout_of_version(&layout, 12, 0);
    for (count = 0; count < 40;)
        put(op("RETURN_VALUE"), 0);
    enum hop_refusal refusal = HOP_REFUSED_NO_ROOM;
    size_t limit;
    for (limit = 0; refusal == HOP_REFUSED_NO_ROOM; limit += 16) {
        hop_arena_deinit(&arena);
        hop_arena_init(&arena, limit);
        refusal = decode();
    }
    cr_assert_eq(refusal, HOP_TAKEN);
    cr_assert_gt(limit, 40 * 9);
}

Test(units, an_opcode_may_stand_for_its_base)
{
    FOR_EACH_LAYOUT(layout)
    {
        for (int opcode = 1; opcode < HOP_OPCODE_COUNT; opcode++) {
            const struct hop_opcode *it = &layout.opcodes[opcode];
            uint8_t other = op(it->name && it->base == op("POP_TOP") ? "RETURN_VALUE" : "POP_TOP");
            bool hides = it->name && it->role >= HOP_ROLE_INSTRUMENTED_LINE;
            cr_assert_eq(hop_opcode_may_stand_for(&layout, (uint8_t)opcode, it->base),
                         it->name != NULL, "3.%d %d", layout.minor, opcode);
            cr_assert_eq(hop_opcode_may_stand_for(&layout, (uint8_t)opcode, other), hides,
                         "3.%d %d", layout.minor, opcode);
        }
    }
}
