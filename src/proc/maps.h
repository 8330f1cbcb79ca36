/* The mappings of a process (/proc/PID/maps), and the ELF images among them. */
#ifndef HOP_PROC_MAPS_H
#define HOP_PROC_MAPS_H

#include "base/arena.h"
#include "proc/process.h"

/* vm.max_map_count is 65,530 by default and set to 1,048,576 by some distributions. */
enum { HOP_MAPPINGS_MAX = 1 << 20 };

struct hop_mapping {
    uint64_t start_addr, end_addr;
    uint64_t file_offset;
    uint64_t inode;
    uint32_t device_major, device_minor;
    bool is_readable, is_writable, is_executable, is_shared;
    const char *path; /* as the kernel prints it (" (deleted)" too), but "\\012" is a newline; ""
                       * for anonymous; the map's own */
};

struct hop_maps {
    struct hop_arena arena;
    struct hop_mapping *mappings;
    size_t count;
};

/* Reads all of it, ascending and without overlap. HOP_ERR_PERMISSION with the explanation,
 * HOP_ERR_GONE, HOP_ERR_MEMORY beyond HOP_MAPPINGS_MAX. On failure there is nothing to deinit. */
enum hop_status hop_maps_read(const struct hop_process *process, struct hop_maps *maps,
                              struct hop_error *err);
void hop_maps_deinit(struct hop_maps *maps);

/* The mapping that holds `addr`, or NULL. */
const struct hop_mapping *hop_maps_find(const struct hop_maps *maps, uint64_t addr);

#endif
