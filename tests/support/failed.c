/* Keeps the leak sanitizer from tests that have failed. Such a test is left at once, and frees
 * nothing of what it holds: when its process ends that is a leak, and a report of it, beside the
 * failure told already, would say of a test that passes when it is run again alone that the program
 * leaks. */
#include <criterion/criterion.h>
#include <stdbool.h>

static bool has_failed;

_Noreturn void __real_criterion_abort_test(void);
_Noreturn void __wrap_criterion_abort_test(void);
/* Asked by the sanitizer, a library, before it looks for leaks (sanitizer/lsan_interface.h). */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);

void __wrap_criterion_abort_test(void)
{
    has_failed = true;
    __real_criterion_abort_test();
}

int __lsan_is_turned_off(void)
{
    return has_failed;
}
