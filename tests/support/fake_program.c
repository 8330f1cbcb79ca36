/* A small program in fake memory; see the header. */
#include "support/fake_program.h"

#include "support/layouts.h"

#include <string.h>

void fake_program_start(struct fake_program *program, int minor)
{
    static const char *const names[] = {"LOAD_GLOBAL", "EXTENDED_ARG", "FOR_ITER", "RETURN_VALUE"};
    static const uint8_t lines[] = {0x80, 0x12, 0x88, 0x34};
    *program = (struct fake_program){0};
    layout_of_version(&program->layout, minor, layout_usual_micro(minor));
    fake_memory_init(&program->memory);
    fake_reader_init(&program->reader, &program->memory);
    fake_runtime_init(&program->runtime, &program->memory, &program->layout);
    program->interpreter_addr = fake_interpreter_add(&program->runtime, 0);
    fake_thread_init(&program->thread, &program->runtime, program->interpreter_addr, 1, 1);
    uint32_t unit = 0, started = 0;
    for (size_t i = 0; i < 4; i++) {
        uint8_t opcode = fake_opcode(&program->layout, names[i]);
        program->bytecode[2 * unit] = opcode;
        program->bytecode[2 * unit + 1] = (uint8_t)(i + 1);
        if (i != 1)
            program->starts[started++] = unit;
        unit += 1u + program->layout.opcodes[opcode].caches;
    }
    program->code = (struct fake_code){
        .type_addr = fake_type(&program->memory, &program->layout, "code"),
        .filename = "/a/file.py",
        .first_line = 12,
        .lines = lines,
        .lines_size = sizeof lines,
        .units = program->bytecode,
        .unit_count = unit,
        .version = 77,
    };
    fake_frame_push(&program->thread, FAKE_ENTRY, 0, 0, 0);
}

void fake_program_end(struct fake_program *program)
{
    fake_thread_deinit(&program->thread);
    fake_memory_deinit(&program->memory);
}

uint64_t fake_program_code(struct fake_program *program, uint64_t addr, const char *name)
{
    program->code.name = program->code.qualname = name;
    program->code.version++;
    if (addr)
        fake_memory_unmap(&program->memory, addr);
    return fake_code_at(&program->memory, &program->layout, addr, &program->code);
}

uint64_t fake_program_ip(const struct fake_program *program, uint64_t code_addr, uint32_t unit)
{
    switch (program->layout.ip_kind) {
    case HOP_IP_LASTI_BYTES:
        return 2 * (uint64_t)unit;
    case HOP_IP_LASTI_UNITS:
        return unit;
    default:
        return code_addr + (uint64_t)program->layout.code_adaptive + 2 * (uint64_t)unit;
    }
}

void fake_program_call(struct fake_program *program, uint64_t code_addr, uint32_t unit)
{
    fake_frame_push(&program->thread, FAKE_PLAIN, code_addr,
                    fake_program_ip(program, code_addr, unit), 3);
}

uint8_t *fake_program_opcode(const struct fake_program *program, uint64_t code_addr, uint32_t unit)
{
    const struct hop_layout *layout = &program->layout;
    uint64_t addr = code_addr + (uint64_t)layout->code_adaptive;
    if (layout->code_adaptive == HOP_ABSENT)
        addr =
            hop_u64(fake_memory_at(&program->memory, code_addr + (uint64_t)layout->code_code, 8)) +
            (uint64_t)layout->bytes_data;
    return fake_memory_at(&program->memory, addr + 2 * (uint64_t)unit, 1);
}
