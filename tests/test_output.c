/* Output files appear whole or not at all, with the permissions they should have. */
#include "heavyops.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/heavyops-output-XXXXXX";

static void enter_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void remove_folder(void)
{
    char command[100];
    cr_assert(seteuid(getuid()) == 0 && chdir("/") == 0);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(output, .init = enter_folder, .fini = remove_folder);

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void assert_holds(const char *path, const char *text)
{
    char found[256] = "";
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s is there", path);
    found[fread(found, 1, sizeof found - 1, file)] = '\0';
    fclose(file);
    cr_assert_str_eq(found, text);
}

static size_t files_here(void)
{
    size_t count = 0;
    DIR *here = opendir(".");
    for (struct dirent *entry; (entry = readdir(here));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(here);
    return count;
}

static struct hop_output *open_output(const char *path)
{
    struct hop_output *output;
    struct hop_error err = {0};
    cr_assert_eq(hop_output_open(path, &output, &err), HOP_OK, "%s", err.message);
    return output;
}

static void write_whole(const char *path, const char *text)
{
    struct hop_output *output = open_output(path);
    struct hop_error err = {0};
    fputs(text, hop_output_stream(output));
    cr_assert_eq(hop_output_commit(output, &err), HOP_OK, "%s", err.message);
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    return status.st_mode & 07777;
}

Test(output, appears_when_it_is_whole)
{
    struct hop_output *output = open_output("new");
    struct hop_error err;
    fputs("text", hop_output_stream(output));
    fflush(hop_output_stream(output));
    cr_assert_neq(access("new", F_OK), 0);
    cr_assert_eq(hop_output_commit(output, &err), HOP_OK);
    assert_holds("new", "text");
    cr_assert_eq(files_here(), 1);
}

Test(output, leaves_the_old_file_until_then)
{
    put("old", "before");
    struct hop_output *output = open_output("old");
    fputs("after", hop_output_stream(output));
    fflush(hop_output_stream(output));
    assert_holds("old", "before");
    hop_output_abandon(output);
    assert_holds("old", "before");
    write_whole("old", "after");
    assert_holds("old", "after");
    cr_assert_eq(files_here(), 1);
    hop_output_abandon(NULL);
}

Test(output, honours_umask_and_keeps_permissions)
{
    umask(027);
    write_whole("new", "");
    cr_assert_eq(mode_of("new"), 0640);
    put("old", "");
    cr_assert_eq(chmod("old", 0604), 0);
    write_whole("old", "x");
    cr_assert_eq(mode_of("old"), 0604);
}

Test(output, follows_a_symbolic_link)
{
    cr_assert_eq(mkdir("there", 0777), 0);
    put("there/file", "before");
    cr_assert_eq(symlink("there/file", "link"), 0);
    cr_assert_eq(symlink("there/nothing", "dangling"), 0);
    write_whole("link", "after");
    write_whole("dangling", "made");
    assert_holds("there/file", "after");
    assert_holds("there/nothing", "made");
    struct stat status;
    cr_assert_eq(lstat("link", &status), 0);
    cr_assert(S_ISLNK(status.st_mode));
}

Test(output, writes_what_is_no_file_directly)
{
    write_whole("/dev/null", "text");
    cr_assert_eq(mkfifo("fifo", 0600), 0);
    int reader = open("fifo", O_RDONLY | O_NONBLOCK);
    write_whole("fifo", "through");
    char text[16] = "";
    cr_assert_eq(read(reader, text, sizeof text), 7);
    cr_assert_str_eq(text, "through");
    struct stat status;
    cr_assert_eq(stat("fifo", &status), 0);
    cr_assert(S_ISFIFO(status.st_mode));
    close(reader);
}

/* A shell that wrote `command -o /dev/stdout > file` goes on writing to that very file. */
Test(output, writes_to_the_file_that_standard_output_is)
{
    int saved = dup(STDOUT_FILENO);
    int fd = open("out", O_RDWR | O_CREAT, 0666);
    cr_assert_eq(write(fd, "a", 1), 1);
    fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    write_whole("-", "b");
    write_whole("/dev/stdout", "c");
    write_whole("/dev/fd/1", "d");
    write_whole("/proc/self/fd/1", "e");
    cr_assert_eq(write(fd, "f", 1), 1);
    dup2(saved, STDOUT_FILENO);
    close(fd);
    assert_holds("out", "abcdef");
}

static void assert_refused(const char *path)
{
    struct hop_output *output;
    struct hop_error err = {0};
    cr_assert_eq(hop_output_open(path, &output, &err), HOP_ERR_IO, "%s", path);
    cr_assert_eq(err.status, HOP_ERR_IO);
    cr_assert_not_null(strstr(err.message, path));
    cr_assert(err.remedy[0]);
    cr_assert_null(output);
}

Test(output, is_refused_before_anything_is_written)
{
    size_t before = files_here();
    assert_refused("no/such/folder");
    assert_refused(".");
    assert_refused("");
    put("file", "");
    assert_refused("file/below");
    cr_assert_eq(files_here(), before + 1);
}

/* Root may write everything: from here on as nobody. */
static void drop_root(void)
{
    cr_assert(geteuid() != 0 || seteuid(65534) == 0);
}

Test(output, does_not_replace_a_protected_file)
{
    put("mine", "before");
    cr_assert(chmod("mine", 0444) == 0 && chmod(".", 0777) == 0);
    drop_root();
    assert_refused("mine");
    assert_holds("mine", "before");
}

Test(output, writes_in_place_where_the_folder_is_not_ours)
{
    put("file", "a longer text than after");
    cr_assert(chmod("file", 0666) == 0 && chmod(".", 0555) == 0);
    drop_root();
    write_whole("file", "after");
    assert_holds("file", "after");
    cr_assert(seteuid(getuid()) == 0 && chmod(".", 0755) == 0);
}

static enum hop_status write_much(const char *path, struct hop_error *err)
{
    static char line[1000];
    struct hop_output *output = open_output(path);
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 1000; i++)
        fwrite(line, 1, sizeof line, hop_output_stream(output));
    return hop_output_commit(output, err);
}

Test(output, is_refused_by_a_full_device)
{
    struct hop_output *output;
    struct hop_error err;
    cr_assert_eq(hop_output_open("/dev/full", &output, &err), HOP_ERR_IO);
    cr_assert_not_null(strstr(err.message, "No space left on device"), "%s", err.message);
}

Test(output, tells_of_a_reader_that_went_away)
{
    struct hop_error err;
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(mkfifo("fifo", 0600), 0);
    int reader = open("fifo", O_RDONLY | O_NONBLOCK);
    struct hop_output *output = open_output("fifo");
    fputs("text", hop_output_stream(output));
    close(reader);
    cr_assert_eq(hop_output_commit(output, &err), HOP_ERR_IO);
    cr_assert_not_null(strstr(err.message, "Broken pipe"), "%s", err.message);
}

Test(output, leaves_the_old_file_when_there_is_no_room)
{
    struct hop_error err;
    struct rlimit little = {100000, 100000};
    put("old", "before");
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
    cr_assert_eq(write_much("old", &err), HOP_ERR_IO);
    cr_assert_eq(write_much("new", &err), HOP_ERR_IO);
    assert_holds("old", "before");
    cr_assert_eq(files_here(), 1);
}

Test(output, leaves_the_old_file_on_a_full_disk)
{
    struct hop_error err;
    if (mkdir("disk", 0777) != 0 || mount("tmpfs", "disk", "tmpfs", 0, "size=64k") != 0)
        cr_skip("mounting a small disk takes root");
    put("disk/old", "before");
    enum hop_status status = write_much("disk/old", &err);
    assert_holds("disk/old", "before");
    cr_assert_eq(chdir("disk"), 0);
    cr_assert_eq(files_here(), 1);
    cr_assert_eq(chdir(".."), 0);
    cr_assert_eq(umount("disk"), 0);
    cr_assert_eq(status, HOP_ERR_IO);
    cr_assert_not_null(strstr(err.message, "No space left on device"), "%s", err.message);
}
