/* One ELF image (executable or shared object) of a process: where a symbol or a section of it lies
 * in the process's memory. The file is reached through the mapping itself (/proc/PID/map_files),
 * else as /proc/PID/exe or by its path in our mount namespace or the process's (/proc/PID/root), if
 * it is the mapped one by device and inode. Dynamic symbols are looked up in the memory, so that an
 * image whose file is deleted, replaced or out of reach has them all the same. */
#ifndef HOP_PROC_IMAGE_H
#define HOP_PROC_IMAGE_H

#include "mem/reader.h"
#include "proc/image_dynamic.h"
#include "proc/maps.h"

struct hop_image {
    const struct hop_mapping *first; /* its lowest mapping */
    size_t mapping_count;            /* mappings of the same file, with what lies between them */
    uint64_t load_bias;              /* added to the file's virtual addresses; 0 for ET_EXEC */
    struct Elf *elf;                 /* of libelf, NULL when only memory is to be had */
    int fd;
    struct hop_reader *reader;
    struct hop_image_dynamic dynamic; /* .dynsym as it is in memory */
};

/* Walks the images of `maps` by address: *at starts at 0; false when there is no further one. Files
 * that are no ELF images are among them until hop_image_open says so. Cheap: opens nothing. The
 * image refers to the map. */
bool hop_image_next(const struct hop_maps *maps, size_t *at, struct hop_image *image);

/* Opens its file (or settles for memory). HOP_ERR_UNSUPPORTED when it is not ELF of this machine,
 * or nothing of it can be read; then there is nothing to close. The reader must outlive the image.
 */
enum hop_status hop_image_open(const struct hop_process *process, struct hop_reader *reader,
                               struct hop_image *image, struct hop_error *err);
void hop_image_close(struct hop_image *image);

/* Where `name` lies in the process: .dynsym first (microseconds), then .symtab if the file has one
 * (all of it is looked at: a millisecond for a large library). False: not there. size may be NULL.
 */
bool hop_image_symbol(const struct hop_image *image, const char *name, uint64_t *addr,
                      uint64_t *size);
/* Where a section lies in the process (".PyRuntime"). false: no section headers, or no such one. */
bool hop_image_section(const struct hop_image *image, const char *name, uint64_t *addr,
                       uint64_t *size);

#endif
