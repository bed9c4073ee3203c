/* Preloaded into a test server: a disk that stalls on command, and a machine that loses its power. While the file
 * STALL exists, no fsync ends; and no process of the server outlives its postmaster, so that nothing can be written
 * after the crash which the crash should have prevented. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void wait_for_disk(void)
{
    while (access(STALL, F_OK) == 0)
        usleep(2000);
}

int fsync(int fd)
{
    wait_for_disk();
    return syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    wait_for_disk();
    return syscall(SYS_fdatasync, fd);
}

/* PostgreSQL asks for a signal at its parent's death. It gets the one that cannot be survived. */
int prctl(int option, ...)
{
    unsigned long argument[4];
    va_list rest;

    va_start(rest, option);
    for (int i = 0; i < 4; i++)
        argument[i] = va_arg(rest, unsigned long);
    va_end(rest);
    if (option == PR_SET_PDEATHSIG)
        argument[0] = SIGKILL;
    return syscall(SYS_prctl, option, argument[0], argument[1], argument[2], argument[3]);
}
