/* Code objects in fake memory, of every layout: what is read of them, what tells them apart, what
 * is refused, torn reads and failing ones. The tables of originals are in test_code_original.c. */
#include "py/code.h"
#include "py/text.h"
#include "support/fake_objects.h"
#include "support/layouts.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct hop_layout layout;
static struct fake_memory memory;
static struct fake_reader reader;
static struct hop_code_table table;
static struct fake_code plan;
static uint8_t bytecode[64];

static const uint8_t line_table[] = {0x80, 0x12, 0x88, 0x34};

/* Starts anew with this version: an empty space, a table, and a plan of a code object: an
 * instruction with caches where the version has those, then a prefix and a jump, then the end. */
static void start(int minor)
{
    hop_code_table_deinit(&table);
    fake_memory_deinit(&memory);
    layout_of_version(&layout, minor, layout_usual_micro(minor));
    fake_memory_init(&memory);
    fake_reader_init(&reader, &memory);
    cr_assert(hop_code_table_init(&table, &layout, &reader.base));

    size_t units = 0;
    const char *const names[] = {"LOAD_GLOBAL", "EXTENDED_ARG", "FOR_ITER", "RETURN_VALUE"};
    memset(bytecode, 0, sizeof bytecode);
    for (size_t i = 0; i < 4; i++) {
        uint8_t opcode = fake_opcode(&layout, names[i]);
        bytecode[2 * units] = opcode;
        bytecode[2 * units + 1] = (uint8_t)(i + 1);
        units += 1 + layout.opcodes[opcode].caches;
    }
    plan = (struct fake_code){
        .type_addr = fake_type(&memory, &layout, "code"),
        .name = "method",
        .qualname = "Class.method",
        .filename = "/a/file.py",
        .first_line = 12,
        .lines = line_table,
        .lines_size = sizeof line_table,
        .units = bytecode,
        .unit_count = units,
        .version = 77,
        .first_traceable = 1,
    };
}

static void set_up(void)
{
    start(12);
}

static void tear_down(void)
{
    hop_code_table_deinit(&table);
    fake_memory_deinit(&memory);
}

TestSuite(code, .init = set_up, .fini = tear_down);

#define FOR_EACH_VERSION                                                                           \
    for (int minor = LAYOUT_MINOR_FIRST; minor <= LAYOUT_MINOR_LAST && (start(minor), true);       \
         minor++)

static uint64_t make(void)
{
    return fake_code_at(&memory, &layout, 0, &plan);
}

static uint32_t add(uint64_t addr)
{
    uint32_t id = HOP_NO_ID;
    enum hop_refusal refusal = hop_code_table_add(&table, addr, &id);
    cr_assert_eq(refusal, HOP_TAKEN, "3.%d: %s", layout.minor, hop_refusal_words(refusal));
    return id;
}

static void expect_refused(uint64_t addr, enum hop_refusal refusal)
{
    uint32_t id = 4711;
    enum hop_refusal found = hop_code_table_add(&table, addr, &id);
    cr_assert_eq(found, refusal, "3.%d: %s", layout.minor,
                 found ? hop_refusal_words(found) : "taken");
    cr_assert_eq(id, 4711);
}

Test(code, everything_is_read)
{
    FOR_EACH_VERSION
    {
        uint64_t addr = make();
        uint32_t found_id, id = add(addr);
        cr_assert_eq(id, 0);
        struct hop_code *code = hop_code_table_find(&table, addr, &found_id);
        cr_assert(code == table.codes[0] && found_id == 0);
        cr_assert_eq(code->addr, addr);
        cr_assert_str_eq(code->name, "method");
        cr_assert_eq(code->qualname_is_known, minor >= 11);
        cr_assert_str_eq(code->qualname, minor >= 11 ? "Class.method" : "method");
        cr_assert_str_eq(code->filename, "/a/file.py");
        cr_assert_eq(code->first_line, 12);
        cr_assert_eq(code->first_traceable, minor >= 11);
        cr_assert_eq(code->line_table_size, sizeof line_table);
        cr_assert_arr_eq(code->line_table, line_table, sizeof line_table);
        cr_assert_eq(code->units.count, plan.unit_count);
        cr_assert_arr_eq(fake_memory_at(&memory, code->bytecode_addr, 2 * plan.unit_count),
                         bytecode, 2 * plan.unit_count);
        cr_assert_null(hop_code_table_find(&table, addr + 8, &found_id));
        cr_assert_eq(found_id, HOP_NO_ID);
        /* Nothing of it is needed any more. */
        fake_memory_deinit(&memory);
        cr_assert_str_eq(code->filename, "/a/file.py");
    }
}

Test(code, ids_are_given_in_order)
{
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert_eq(add(make()), i);
    cr_assert_eq(table.count, 1000);
    cr_assert_eq(table.reused, 0);
    cr_assert_eq(table.codes[3]->filename, table.codes[999]->filename); /* kept once */
    plan.filename = "/another.py";
    add(make());
    cr_assert_str_eq(table.codes[1000]->filename, "/another.py");
    cr_assert_str_eq(table.codes[999]->filename, "/a/file.py");
}

static struct hop_code_identity identity_of(uint64_t addr)
{
    uint64_t fingerprint[2] = {0};
    struct hop_code_identity identity;
    const uint8_t *header = fake_memory_at(&memory, addr, hop_code_header_size(&layout));
    if (hop_code_identity_needs_name(&layout))
        cr_assert(hop_text_fingerprint(&reader.base, &layout, hop_u64(header + layout.code_name),
                                       fingerprint));
    hop_code_identity_from(&layout, header, fingerprint, &identity);
    return identity;
}

Test(code, identity_is_the_same_as_long_as_it_lives)
{
    FOR_EACH_VERSION
    {
        uint64_t addr = make();
        uint32_t id = add(addr);
        struct hop_code_identity identity = identity_of(addr);
        cr_assert(hop_code_identity_is(&identity, &table.codes[id]->identity));
        /* Its bytecode and what hangs from it do change. */
        if (layout.code_monitoring != HOP_ABSENT)
            fake_memory_put_u64(&memory, addr + (uint64_t)layout.code_monitoring, 64);
        if (layout.code_executors != HOP_ABSENT)
            fake_memory_put_u64(&memory, addr + (uint64_t)layout.code_executors, 64);
        identity = identity_of(addr);
        cr_assert(hop_code_identity_is(&identity, &table.codes[id]->identity));
    }
}

Test(code, identity_tells_another_one_at_the_same_address)
{
    FOR_EACH_VERSION
    {
        const int32_t fields[] = {layout.object_type,  layout.code_name,  layout.code_filename,
                                  layout.code_lines,   layout.code_flags, layout.code_firstlineno,
                                  layout.code_version, layout.code_units, layout.code_code};
        uint64_t addr = make();
        struct hop_code_identity before = identity_of(addr);
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
            if (fields[i] == HOP_ABSENT)
                continue;
            uint8_t *byte = fake_memory_at(&memory, addr + (uint64_t)fields[i], 1);
            *byte ^= 1;
            bool is_name = fields[i] == layout.code_name;
            if (!is_name || !hop_code_identity_needs_name(&layout)) {
                struct hop_code_identity after = identity_of(addr);
                cr_assert_not(hop_code_identity_is(&before, &after), "3.%d field %zu", minor, i);
            }
            *byte ^= 1;
        }
        if (hop_code_identity_needs_name(&layout)) {
            /* Everything is where it was, with another name in the memory of the old one. */
            uint64_t name = hop_u64(fake_memory_at(&memory, addr + (uint64_t)layout.code_name, 8));
            ++*fake_memory_at(&memory, name + (uint64_t)layout.unicode_hash, 1);
            struct hop_code_identity after = identity_of(addr);
            cr_assert_not(hop_code_identity_is(&before, &after));
        }
        /* Without a version (there is none, or they ran out) the constants help. */
        if (layout.code_version != HOP_ABSENT)
            fake_memory_put_u32(&memory, addr + (uint64_t)layout.code_version, 0);
        before = identity_of(addr);
        ++*fake_memory_at(&memory, addr + (uint64_t)layout.code_consts, 1);
        struct hop_code_identity after = identity_of(addr);
        cr_assert_not(hop_code_identity_is(&before, &after));
    }
}

Test(code, a_reused_address_gets_a_new_id)
{
    FOR_EACH_VERSION
    {
        uint64_t addr = make();
        uint32_t first = add(addr), found;
        fake_memory_unmap(&memory, addr);
        plan.name = "another";
        plan.version++;
        fake_code_at(&memory, &layout, addr, &plan);
        uint32_t second = add(addr);
        cr_assert_neq(first, second);
        cr_assert_eq(table.reused, 1);
        cr_assert_eq(hop_code_table_find(&table, addr, &found), table.codes[second]);
        cr_assert_eq(found, second);
        cr_assert_str_eq(table.codes[first]->name, "method");
        cr_assert_str_eq(table.codes[second]->name, "another");
    }
}

/* eval() of one text over and over: no end of code objects, all the same to a report. */
Test(code, the_same_text_at_a_reused_address_keeps_its_id)
{
    FOR_EACH_VERSION
    {
        uint64_t addr = make();
        uint32_t first = add(addr);
        size_t used = table.arena.used_bytes;
        for (int i = 0; i < 100; i++) {
            fake_memory_unmap(&memory, addr);
            plan.version++;
            fake_code_at(&memory, &layout, addr, &plan);
            cr_assert_eq(add(addr), first);
            struct hop_code_identity identity = identity_of(addr);
            cr_assert(hop_code_identity_is(&identity, &table.codes[first]->identity));
        }
        cr_assert_eq(table.reused, 100);
        cr_assert_eq(table.arena.used_bytes, used);
        if (layout.code_adaptive == HOP_ABSENT) { /* it is elsewhere each time */
            const uint8_t *header = fake_memory_at(&memory, addr, (size_t)layout.code_size);
            cr_assert_eq(table.codes[first]->bytecode_addr,
                         hop_u64(header + layout.code_code) + (uint64_t)layout.bytes_data);
        }
        /* Another argument somewhere is another text. */
        fake_memory_unmap(&memory, addr);
        bytecode[1] ^= 1;
        fake_code_at(&memory, &layout, addr, &plan);
        cr_assert_neq(add(addr), first);
    }
}

static void forget_at(uint64_t addr)
{
    fake_memory_unmap(&memory, addr);
    plan.version++;
}

/* The same, but with others in between, at other addresses, or at one that is longer at hand. */
Test(code, a_text_keeps_its_id_wherever_it_is_made_again)
{
    static const char *const names[] = {"one", "two", "three"};
    FOR_EACH_VERSION
    {
        uint64_t addrs[2] = {make(), make()};
        uint32_t first = add(addrs[0]), second = add(addrs[1]);
        cr_assert_neq(first, second); /* both are there: a look must tell them apart */
        size_t used = 0;
        for (int i = 0; i < 300; i++) {
            uint64_t addr = addrs[i % 2];
            forget_at(addr);
            plan.name = names[i % 3];
            fake_code_at(&memory, &layout, addr, &plan);
            uint32_t found, id = add(addr);
            cr_assert_str_eq(table.codes[id]->name, names[i % 3]);
            cr_assert_eq(table.codes[id]->addr, addr);
            cr_assert(hop_code_table_find(&table, addr, &found) && found == id);
            struct hop_code_identity identity = identity_of(addr);
            cr_assert(hop_code_identity_is(&identity, &table.codes[id]->identity));
            used = i < 30 ? table.arena.used_bytes : used;
        }
        cr_assert_leq(table.count, 2 + 2 * 3);
        cr_assert_eq(table.arena.used_bytes, used);
        cr_assert_str_eq(table.codes[first]->name, "method");
        plan.name = "method";
    }
}

Test(code, what_is_no_code_is_refused)
{
    FOR_EACH_VERSION
    {
        expect_refused(0, HOP_REFUSED_UNREADABLE);
        expect_refused(4096, HOP_REFUSED_UNREADABLE);
        expect_refused(fake_memory_alloc(&memory, NULL, HOP_CODE_HEADER_MAX), HOP_REFUSED_NOT_CODE);

        uint64_t code_type = plan.type_addr;
        plan.type_addr = fake_type(&memory, &layout, "codec");
        expect_refused(make(), HOP_REFUSED_NOT_CODE);
        cr_assert_eq(table.type_addr, 0);
        plan.type_addr = code_type;
        add(make());
        cr_assert_eq(table.type_addr, code_type);
        /* The type's address is known now, and there is one only. */
        plan.type_addr = fake_type(&memory, &layout, "code");
        expect_refused(make(), HOP_REFUSED_NOT_CODE);
    }
}

static void put_field(uint64_t addr, int32_t field, uint64_t value)
{
    fake_memory_put_u64(&memory, addr + (uint64_t)field, value);
}

Test(code, parts_that_are_wrong_are_refused)
{
    FOR_EACH_VERSION
    {
        const int32_t texts[] = {layout.code_name, layout.code_filename, layout.code_qualname};
        for (size_t i = 0; i < 3; i++) {
            if (texts[i] == HOP_ABSENT)
                continue;
            uint64_t addr = make();
            put_field(addr, texts[i], plan.type_addr); /* an object, but no str */
            expect_refused(addr, HOP_REFUSED_NOT_CODE);
        }
        uint64_t addr = make();
        put_field(addr, layout.code_lines, 0);
        expect_refused(addr, HOP_REFUSED_UNREADABLE);

        const uint64_t sizes[] = {(uint64_t)HOP_LINE_TABLE_MAX + 1, UINT64_MAX, 1ull << 63};
        for (size_t i = 0; i < 3; i++) {
            addr = make();
            uint64_t lines =
                hop_u64(fake_memory_at(&memory, addr + (uint64_t)layout.code_lines, 8));
            put_field(lines, layout.bytes_size, sizes[i]);
            expect_refused(addr, HOP_REFUSED_NO_ROOM);
        }

        bool is_inline = layout.code_adaptive != HOP_ABSENT;
        /* In code units, or bytes. */
        const uint64_t counts[] = {2 * (uint64_t)HOP_CODE_UNITS_MAX + 2, UINT64_MAX / 2 + 3,
                                   UINT64_MAX - 1};
        for (size_t i = 0; i < 3; i++) {
            addr = make();
            uint64_t holder =
                is_inline ? addr
                          : hop_u64(fake_memory_at(&memory, addr + (uint64_t)layout.code_code, 8));
            int32_t field = is_inline ? layout.code_units : layout.bytes_size;
            put_field(holder, field, 0);
            expect_refused(addr, HOP_REFUSED_NOT_CODE);
            if (!is_inline) { /* half a unit */
                put_field(holder, field, 2 * plan.unit_count - 1);
                expect_refused(addr, HOP_REFUSED_NOT_CODE);
            }
            put_field(holder, field, counts[i]);
            expect_refused(addr, HOP_REFUSED_NO_ROOM);
            put_field(holder, field, plan.unit_count * (is_inline ? 1 : 2) + 1000);
            expect_refused(addr, HOP_REFUSED_UNREADABLE);
        }
        if (is_inline) {
            /* As in CPython's own _Py_InitCleanup: it never becomes traceable. */
            plan.first_traceable = (uint32_t)plan.unit_count + 1;
            uint32_t id = add(make());
            cr_assert_eq(table.codes[id]->first_traceable, plan.unit_count + 1);
            cr_assert(hop_code_is_trampoline(table.codes[id]));
            plan.first_traceable = 1;
        }
        plan.unit_count--; /* the last instruction is missing: fine; half of another: not */
        uint32_t shorter = add(make());
        cr_assert_not(hop_code_is_trampoline(table.codes[shorter]));
        size_t caches = layout.opcodes[fake_opcode(&layout, "FOR_ITER")].caches;
        plan.unit_count -= 1 + caches;
        expect_refused(make(), HOP_REFUSED_BAD_OPCODE);
        if (is_inline) {
            /* But that of a trampoline, as 3.15 has it: the last one is never carried out. */
            plan.first_traceable = (uint32_t)plan.unit_count + 1;
            uint32_t id = add(make());
            cr_assert_lt(table.codes[id]->units.count, plan.unit_count);
        }
    }
}

Test(code, what_is_refused_uses_nothing_up)
{
    bytecode[0] = 0;
    uint64_t addr = make();
    for (int i = 0; i < 100; i++)
        expect_refused(addr, HOP_REFUSED_BAD_OPCODE);
    cr_assert_eq(table.arena.used_bytes, 0);
    cr_assert_eq(table.count, 0);
}

Test(code, each_read_may_fail)
{
    FOR_EACH_VERSION
    {
        uint64_t addr = make();
        uint64_t n = 0;
        enum hop_refusal refusal;
        do {
            uint32_t id;
            hop_code_table_deinit(&table);
            fake_reader_init(&reader, &memory);
            cr_assert(hop_code_table_init(&table, &layout, &reader.base));
            reader.fails_at = ++n;
            refusal = hop_code_table_add(&table, addr, &id);
            cr_assert(refusal == HOP_TAKEN || refusal == HOP_REFUSED_UNREADABLE ||
                      refusal == HOP_REFUSED_NOT_CODE);
            cr_assert_eq(table.count, refusal == HOP_TAKEN);
        } while (refusal != HOP_TAKEN);
        cr_assert_eq(reader.reads, n - 1);
        cr_assert_gt(n, 10);
    }
}

Test(code, the_table_may_be_full)
{
    uint64_t addr = make();
    add(addr);
    plan.name = "other";
    uint64_t other = make();
    size_t enough = table.arena.used_bytes;
    enum hop_refusal refusal = HOP_REFUSED_NO_ROOM;
    uint32_t id = HOP_NO_ID;
    for (; refusal == HOP_REFUSED_NO_ROOM; enough += 16) {
        cr_assert_eq(table.count, 1);
        cr_assert_null(hop_code_table_find(&table, other, &id));
        table.arena.limit_bytes = enough;
        refusal = hop_code_table_add(&table, other, &id);
    }
    cr_assert_eq(refusal, HOP_TAKEN);
    cr_assert_eq(id, 1);
    cr_assert_str_eq(table.codes[1]->name, "other");
}

/* The object is freed and another one made at its place while it is read: what comes out is the one
 * or the other, never a mixture. */
Test(code, a_torn_read_is_one_or_the_other_or_none)
{
    FOR_EACH_VERSION
    {
        struct fake_memory after;
        uint64_t addr = make(), n = 0;
        int taken_before = 0, taken_after = 0;
        struct fake_code before = plan;
        /* The same places, other contents: objects of the same sizes are allocated in turn. */
        fake_memory_init(&after);
        plan.type_addr = fake_type(&after, &layout, "code");
        cr_assert_eq(plan.type_addr, before.type_addr);
        plan.name = "METHOD", plan.qualname = "CLASS.METHOD", plan.filename = "/A/FILE.PY";
        plan.first_line = 999;
        plan.version = 78;
        bytecode[1] = 100;
        cr_assert_eq(fake_code_at(&after, &layout, 0, &plan), addr);
        for (bool is_done = false; !is_done;) {
            uint32_t id;
            hop_code_table_deinit(&table);
            fake_reader_init(&reader, &memory);
            cr_assert(hop_code_table_init(&table, &layout, &reader.base));
            reader.after = &after;
            reader.swaps_at = ++n;
            enum hop_refusal refusal = hop_code_table_add(&table, addr, &id);
            is_done = reader.reads < n;
            if (refusal != HOP_TAKEN)
                continue;
            const struct hop_code *code = table.codes[id];
            bool is_before = code->first_line == 12;
            taken_before += is_before, taken_after += !is_before;
            cr_assert_str_eq(code->name, is_before ? "method" : "METHOD");
            cr_assert_str_eq(code->filename, is_before ? "/a/file.py" : "/A/FILE.PY");
            cr_assert_eq(code->units.args[0], is_before ? 1 : 100);
        }
        cr_assert_gt(taken_before, 0);
        cr_assert_gt(taken_after, 0);
        fake_memory_deinit(&after);
    }
}

Test(code, an_instruction_pointer_means_the_owning_instruction)
{
    FOR_EACH_VERSION
    {
        uint32_t id = add(make());
        const struct hop_code *code = table.codes[id];
        uint64_t base = code->bytecode_addr;
        uint64_t step = 2, before = base - 2;
        if (layout.ip_kind == HOP_IP_LASTI_BYTES)
            base = 0, before = UINT64_MAX;
        else if (layout.ip_kind == HOP_IP_LASTI_UNITS)
            base = 0, before = UINT64_MAX, step = 1;
        uint32_t unit;
        for (uint32_t i = 0; i < code->units.count; i++) {
            cr_assert_eq(hop_code_unit_of_ip(&layout, code, base + i * step, &unit), HOP_TAKEN);
            cr_assert_eq(unit, code->units.starts[i]);
            cr_assert_eq(code->units.starts[unit], unit);
        }
        /* Not started: −1, or the unit before the first; from 3.13 on the first itself. */
        enum hop_refusal refusal = hop_code_unit_of_ip(&layout, code, before, &unit);
        cr_assert_eq(refusal, minor >= 13 ? HOP_REFUSED_BAD_OFFSET : HOP_TAKEN);
        if (refusal == HOP_TAKEN)
            cr_assert_eq(unit, 0);

        const uint64_t bad[] = {base + code->units.count * step, before - step,
                                base + code->units.count * step + (1ull << 32), 1ull << 63,
                                base + (1ull << 63)};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
            cr_assert_eq(hop_code_unit_of_ip(&layout, code, bad[i], &unit), HOP_REFUSED_BAD_OFFSET,
                         "3.%d %zu", minor, i);
        if (step == 2) /* between units */
            cr_assert_eq(hop_code_unit_of_ip(&layout, code, base + 1, &unit),
                         HOP_REFUSED_BAD_OFFSET);
    }
}

Test(code, a_layout_that_makes_no_sense_is_refused)
{
    FOR_EACH_VERSION
    {
        struct hop_code_table large;
        int32_t *size =
            layout.code_adaptive != HOP_ABSENT ? &layout.code_adaptive : &layout.code_size;
        int32_t right_size = *size;
        *size = HOP_CODE_HEADER_MAX + 1;
        cr_assert_not(hop_code_table_init(&large, &layout, &reader.base));
        hop_code_table_deinit(&large);
        *size = right_size;

        int32_t *const fields[] = {&layout.code_name,   &layout.code_filename,
                                   &layout.code_lines,  &layout.code_firstlineno,
                                   &layout.code_consts, &layout.object_type};
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
            const int32_t wrong[] = {HOP_ABSENT, (int32_t)hop_code_header_size(&layout), INT32_MAX};
            for (size_t k = 0; k < 3; k++) {
                struct hop_code_table other;
                int32_t right = *fields[i];
                *fields[i] = wrong[k];
                cr_assert_not(hop_code_table_init(&other, &layout, &reader.base), "3.%d %zu", minor,
                              i);
                hop_code_table_deinit(&other);
                *fields[i] = right;
            }
        }
    }
}
