/* Reads a live process with process_vm_readv(2): many spans in one system call, nothing stopped. */
#include "mem/reader.h"

#include <sys/uio.h>

/* Spans handed to the kernel at once; small enough for the stack, large enough that a deep Python
 * stack of 3.8–3.10, a heap object per frame, takes few calls. */
enum { BATCH_SPANS = 128 };

static size_t fill_live(struct hop_reader *reader, const struct hop_span *spans, size_t count)
{
    const struct hop_live_reader *live = (const struct hop_live_reader *)reader;
    struct iovec local[BATCH_SPANS];
    struct iovec remote[BATCH_SPANS];
    size_t filled = 0;
    while (filled < count) {
        size_t batch = count - filled < BATCH_SPANS ? count - filled : BATCH_SPANS;
        size_t places = 0;
        uint8_t *end = NULL;
        for (size_t i = 0; i < batch; i++) {
            const struct hop_span *span = &spans[filled + i];
            remote[i].iov_base = (void *)(uintptr_t)span->addr; /* never dereferenced here */
            remote[i].iov_len = span->size;
            /* Where spans go side by side the kernel is told one place, and has less to check. */
            if (places > 0 && span->into == end) {
                local[places - 1].iov_len += span->size;
            } else {
                local[places].iov_base = span->into;
                local[places++].iov_len = span->size;
            }
            end = (uint8_t *)span->into + span->size;
        }
        ssize_t got = process_vm_readv(live->pid, local, places, remote, batch, 0);
        if (got < 0)
            return filled;
        /* A span that runs into an unmapped page ends the transfer short, without an error. */
        for (size_t i = 0; i < batch; i++) {
            if ((size_t)got < remote[i].iov_len)
                return filled;
            got -= (ssize_t)remote[i].iov_len;
            filled++;
        }
    }
    return filled;
}

void hop_live_reader_init(struct hop_live_reader *live, int pid)
{
    live->base = (struct hop_reader){.fill = fill_live};
    live->pid = pid;
}
