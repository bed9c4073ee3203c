/* Preloaded into the benchmark's server: a disk that takes MICROSECONDS longer to make things durable. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

int fsync(int fd)
{
    usleep(MICROSECONDS);
    return syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    usleep(MICROSECONDS);
    return syscall(SYS_fdatasync, fd);
}
