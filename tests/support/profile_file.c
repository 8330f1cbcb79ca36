/* A profile's file in memory, see profile_file.h. */
#include "support/profile_file.h"

#include "profile/file.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const size_t BYTES_MAX = (size_t)1 << 28;

char *profile_file_written(const struct hop_profile *profile, size_t *size)
{
    char *bytes;
    struct hop_error err;
    FILE *stream = open_memstream(&bytes, size);
    cr_assert_eq(hop_profile_write(profile, stream, &err), HOP_OK);
    fclose(stream);
    return bytes;
}

uint8_t *profile_file_inflated(const char *bytes, size_t size, size_t *plain_size)
{
    uint8_t *plain;
    struct hop_error err;
    FILE *stream = fmemopen((void *)(uintptr_t)bytes, size, "r");
    cr_assert_eq(hop_gzip_read_all(stream, "test", BYTES_MAX, &plain, plain_size, &err), HOP_OK);
    fclose(stream);
    return plain;
}

uint8_t *profile_file_plain(const struct hop_profile *profile, size_t *size)
{
    size_t written_size;
    char *bytes = profile_file_written(profile, &written_size);
    uint8_t *plain = profile_file_inflated(bytes, written_size, size);
    free(bytes);
    return plain;
}

static void *allocate(void *arena, size_t size)
{
    return hop_arena_alloc(arena, size);
}

static void release(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

uint8_t *profile_file_changed(const uint8_t *plain, size_t size, profile_file_change *change,
                              size_t *changed_size)
{
    struct hop_arena arena;
    ProtobufCAllocator allocator = {allocate, release, &arena};
    hop_arena_init(&arena, BYTES_MAX);
    Hop__Pprof__Profile *file = hop__pprof__profile__unpack(&allocator, size, plain);
    cr_assert(file && file->heavyops);
    change(file->heavyops);
    *changed_size = hop__pprof__profile__get_packed_size(file);
    uint8_t *changed = malloc(*changed_size);
    cr_assert_not_null(changed);
    hop__pprof__profile__pack(file, changed);
    hop_arena_deinit(&arena);
    return changed;
}

enum hop_status profile_file_read(const void *bytes, size_t size, struct hop_profile **profile,
                                  struct hop_error *err)
{
    char path[64];
    int fd = memfd_create("profile", MFD_CLOEXEC);
    cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    enum hop_status status = hop_profile_read(path, profile, err);
    close(fd);
    return status;
}
