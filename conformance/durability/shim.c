/* Calls to the system that can be made to fail, for LD_PRELOAD: every call of the C library that concerns a file under one folder is
 * counted, and one of them fails, is cut short, or kills the process. Everything else goes through untouched.
 *
 * shim_arm(folder, at, error): the call number `at` from now on fails with `error` (errno); SHORT cuts a read or write short, KILL kills.
 * shim_disarm(): how many calls there were. shim_name(n): the name of call n. The functions are resolved once, by a constructor. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SHORT = -1, KILL = -2, NAMES = 4096, DESCRIPTORS = 4096 };
static char folder[4096];
static size_t folder_length;
static int armed, fault;
static long fail_at, seen;
static const char *names[NAMES];
static unsigned char ours[DESCRIPTORS];

/* X(result, name, parameters, arguments, result of failure): calls that fail or pass on. */
#define BY_PATH(X) \
    X(int, stat64, (const char *path, struct stat64 *out), (path, out)) \
    X(int, lstat64, (const char *path, struct stat64 *out), (path, out)) \
    X(int, unlink, (const char *path), (path)) \
    X(int, rename, (const char *path, const char *to), (path, to)) \
    X(int, link, (const char *path, const char *to), (path, to)) \
    X(int, chmod, (const char *path, mode_t mode), (path, mode)) \
    X(int, mkdir, (const char *path, mode_t mode), (path, mode)) \
    X(int, access, (const char *path, int mode), (path, mode)) \
    X(ssize_t, readlink, (const char *path, char *out, size_t n), (path, out, n))
#define BY_DESCRIPTOR(X) \
    X(int, fstat64, (int fd, struct stat64 *out), (fd, out)) \
    X(int, fsync, (int fd), (fd)) \
    X(int, fdatasync, (int fd), (fd)) \
    X(int, fchmod, (int fd, mode_t mode), (fd, mode)) \
    X(int, ftruncate64, (int fd, off64_t n), (fd, n)) \
    X(off64_t, lseek64, (int fd, off64_t at, int from), (fd, at, from))
#define TRANSFERS(X) \
    X(ssize_t, read, (int fd, void *out, size_t n), (fd, out, n), (fd, out, part(n))) \
    X(ssize_t, write, (int fd, const void *in, size_t n), (fd, in, n), (fd, in, part(n))) \
    X(ssize_t, pread64, (int fd, void *out, size_t n, off64_t at), (fd, out, n, at), (fd, out, part(n), at)) \
    X(ssize_t, pwrite64, (int fd, const void *in, size_t n, off64_t at), (fd, in, n, at), (fd, in, part(n), at)) \
    X(ssize_t, readv, (int fd, const struct iovec *v, int n), (fd, v, n), (fd, first(v), 1)) \
    X(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), (fd, first(v), 1)) \
    X(ssize_t, preadv64v2, (int fd, const struct iovec *v, int n, off64_t at, int flags), (fd, v, n, at, flags), (fd, first(v), 1, at, flags)) \
    X(ssize_t, pwritev64v2, (int fd, const struct iovec *v, int n, off64_t at, int flags), (fd, v, n, at, flags), (fd, first(v), 1, at, flags))

#define DECLARE(result, name, parameters, arguments, ...) static result (*real_##name) parameters;
BY_PATH(DECLARE) BY_DESCRIPTOR(DECLARE) TRANSFERS(DECLARE)
static int (*real_open64)(const char *, int, ...), (*real_openat64)(int, const char *, int, ...), (*real_fcntl64)(int, int, ...), (*real_close)(int);
static int (*real_fstatat64)(int, const char *, struct stat64 *, int);
static void *(*real_mmap64)(void *, size_t, int, int, int, off64_t);

__attribute__((constructor)) static void resolve(void) {
#define RESOLVE(result, name, parameters, arguments, ...) real_##name = (result (*) parameters) dlsym(RTLD_NEXT, #name);
    BY_PATH(RESOLVE) BY_DESCRIPTOR(RESOLVE) TRANSFERS(RESOLVE)
    *(void **) &real_open64 = dlsym(RTLD_NEXT, "open64");
    *(void **) &real_openat64 = dlsym(RTLD_NEXT, "openat64");
    *(void **) &real_fcntl64 = dlsym(RTLD_NEXT, "fcntl64");
    *(void **) &real_close = dlsym(RTLD_NEXT, "close");
    *(void **) &real_fstatat64 = dlsym(RTLD_NEXT, "fstatat64");
    *(void **) &real_mmap64 = dlsym(RTLD_NEXT, "mmap64");
}

void shim_arm(const char *path, long at, int error) {
    strncpy(folder, path, sizeof folder - 1);
    folder_length = strlen(folder);
    fail_at = at, fault = error, seen = 0;
    memset(ours, 0, sizeof ours);
    armed = 1;
}

long shim_disarm(void) {
    armed = 0;
    return seen;
}

const char *shim_name(long n) { return n < NAMES && n < seen ? names[n] : ""; }

static int concerns(const char *path) { return armed && path && strncmp(path, folder, folder_length) == 0; }
static int owned(int fd) { return armed && fd >= 0 && fd < DESCRIPTORS && ours[fd]; }
static void own(int fd, int mine) { if (fd >= 0 && fd < DESCRIPTORS) ours[fd] = mine; }

/* Count a call; its fault, 0 for none. */
static int count(const char *name) {
    long number = __atomic_fetch_add(&seen, 1, __ATOMIC_SEQ_CST);
    if (number < NAMES) names[number] = name;
    if (number != fail_at) return 0;
    if (fault == KILL) { kill(getpid(), SIGKILL); pause(); }
    return fault;
}

/* What a short transfer moves: whole blocks where there are some, since direct writes take nothing else. */
static size_t part(size_t n) { return n > 8192 ? n / 2 & ~(size_t) 4095 : n > 1 ? 1 : n; }

static const struct iovec *first(const struct iovec *v) {
    static __thread struct iovec one;
    one.iov_base = v->iov_base, one.iov_len = part(v->iov_len);
    return &one;
}

#define PATH_CALL(result, name, parameters, arguments) \
    result name parameters { \
        int error = concerns(path) ? count(#name) : 0; \
        if (error > 0) { errno = error; return -1; } \
        return real_##name arguments; \
    }
#define DESCRIPTOR_CALL(result, name, parameters, arguments) \
    result name parameters { \
        int error = owned(fd) ? count(#name) : 0; \
        if (error > 0) { errno = error; return -1; } \
        return real_##name arguments; \
    }
#define TRANSFER_CALL(result, name, parameters, arguments, cut) \
    result name parameters { \
        int error = owned(fd) ? count(#name) : 0; \
        if (error > 0) { errno = error; return -1; } \
        if (error == SHORT) return real_##name cut; \
        return real_##name arguments; \
    }
BY_PATH(PATH_CALL) BY_DESCRIPTOR(DESCRIPTOR_CALL) TRANSFERS(TRANSFER_CALL)

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    int mine = concerns(path), error = mine ? count("open64") : 0;
    if (error > 0) { errno = error; return -1; }
    int fd = real_open64(path, flags, mode);
    if (armed) own(fd, mine);
    return fd;
}

int openat64(int at, const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    int mine = concerns(path), error = mine ? count("openat64") : 0;
    if (error > 0) { errno = error; return -1; }
    int fd = real_openat64(at, path, flags, mode);
    if (armed) own(fd, mine);
    return fd;
}

int fstatat64(int at, const char *path, struct stat64 *out, int flags) {
    int error = concerns(path) ? count("fstatat64") : 0;
    if (error > 0) { errno = error; return -1; }
    return real_fstatat64(at, path, out, flags);
}

int fcntl64(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    int mine = owned(fd), error = mine ? count("fcntl64") : 0;
    if (error > 0) { errno = error; return -1; }
    int found = real_fcntl64(fd, command, argument);
    if (armed && (command == F_DUPFD || command == F_DUPFD_CLOEXEC)) own(found, mine);
    return found;
}

/* Closed whatever is reported, as Linux does. */
int close(int fd) {
    int error = owned(fd) ? count("close") : 0;
    if (armed) own(fd, 0);
    int found = real_close(fd);
    if (error > 0) { errno = error; return -1; }
    return found;
}

void *mmap64(void *near, size_t n, int protection, int flags, int fd, off64_t at) {
    int error = owned(fd) ? count("mmap64") : 0;
    if (error > 0) { errno = error; return MAP_FAILED; }
    return real_mmap64(near, n, protection, flags, fd, at);
}
