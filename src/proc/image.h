/* One ELF image (executable or shared object) of a process: where a symbol or a section of it lies
 * in the process's memory. The file is looked at through the mapping itself (/proc/PID/map_files),
 * else by its path in the process's mount namespace (/proc/PID/root) if device and inode agree; a
 * file deleted or replaced while it runs that can't be had either way is read from the memory
 * itself (PT_DYNAMIC: .dynsym is loaded). */
#ifndef HOP_PROC_IMAGE_H
#define HOP_PROC_IMAGE_H

#include "mem/reader.h"
#include "proc/maps.h"

struct hop_image {
    const struct hop_mapping *first; /* its lowest mapping */
    size_t mapping_count;            /* consecutive mappings of the same file */
    uint64_t load_bias;              /* added to the file's virtual addresses; 0 for ET_EXEC */
    struct Elf *elf;                 /* of libelf, NULL when only memory is to be had */
    int fd;
    struct hop_reader *reader;
};

/* Walks the images of `maps` in order: *at starts at 0; false when there is no further one. Cheap:
 * opens nothing. */
bool hop_image_next(const struct hop_maps *maps, size_t *at, struct hop_image *image);

/* Opens its file (or settles for memory). HOP_ERR_UNSUPPORTED when it is not ELF of this machine.
 */
enum hop_status hop_image_open(const struct hop_process *process, struct hop_reader *reader,
                               struct hop_image *image, struct hop_error *err);
void hop_image_close(struct hop_image *image);

/* Where `name` lies in the process: .dynsym first, then .symtab. false: not there. size may be
 * NULL. */
bool hop_image_symbol(const struct hop_image *image, const char *name, uint64_t *addr,
                      uint64_t *size);
/* Where a section lies in the process (".PyRuntime"). false: no section headers, or no such one. */
bool hop_image_section(const struct hop_image *image, const char *name, uint64_t *addr,
                       uint64_t *size);

#endif
