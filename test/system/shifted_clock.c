/* Preloaded into a process: its wall clock is off by as many seconds as the first 8 bytes of $SHIFTED_CLOCK_FILE say, at every moment.
 *
 * Waits until a moment of the wall clock follow it, as in a kernel whose clock was set: one that is under way when the clock goes back
 * an hour lasts an hour longer. The C library of the wheels' C++ has no wait on the monotonic clock, so these exist.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#define SLICE_NS 10000000L
#define EARLIEST_WALL_TIME 1000000000L /* a deadline before 2001 is one of the monotonic clock */

static const volatile int64_t *shift;
static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_cond_timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
static int (*real_sem_timedwait)(sem_t *, const struct timespec *);
static int (*real_mutex_timedlock)(pthread_mutex_t *, const struct timespec *);

__attribute__((constructor)) static void load(void) {
  const char *path = getenv("SHIFTED_CLOCK_FILE");
  int file = path ? open(path, O_RDONLY) : -1;
  void *memory = file >= 0 ? mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
  if (memory != MAP_FAILED) shift = memory;
  real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  real_cond_timedwait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  if (!real_cond_timedwait) real_cond_timedwait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
  real_sem_timedwait = dlsym(RTLD_NEXT, "sem_timedwait");
  real_mutex_timedlock = dlsym(RTLD_NEXT, "pthread_mutex_timedlock");
}

static int is_before(const struct timespec *a, const struct timespec *b) {
  return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* The earlier of the deadline and one slice from now, on the real wall clock; 0 when the deadline has passed on the shifted one. */
static int next_slice(const struct timespec *deadline, struct timespec *slice) {
  struct timespec end = *deadline;
  real_clock_gettime(CLOCK_REALTIME, slice);
  if (shift) end.tv_sec -= *shift;
  if (!is_before(slice, &end)) return 0;
  slice->tv_nsec += SLICE_NS;
  if (slice->tv_nsec >= 1000000000L) {
    slice->tv_nsec -= 1000000000L;
    slice->tv_sec += 1;
  }
  if (is_before(&end, slice)) *slice = end;
  return 1;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  if (!real_clock_gettime) load();
  int result = real_clock_gettime(clock, now);
  if (shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *shift;
  return result;
}

int gettimeofday(struct timeval *now, void *zone) {
  struct timespec time;
  (void)zone;
  int result = clock_gettime(CLOCK_REALTIME, &time);
  now->tv_sec = time.tv_sec;
  now->tv_usec = time.tv_nsec / 1000;
  return result;
}

time_t time(time_t *now) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  if (now) *now = time.tv_sec;
  return time.tv_sec;
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *deadline) {
  struct timespec slice;
  if (!real_cond_timedwait) load();
  if (deadline->tv_sec < EARLIEST_WALL_TIME) return real_cond_timedwait(condition, mutex, deadline);
  while (next_slice(deadline, &slice)) {
    int result = real_cond_timedwait(condition, mutex, &slice);
    if (result != ETIMEDOUT) return result;
  }
  return ETIMEDOUT;
}

int sem_timedwait(sem_t *semaphore, const struct timespec *deadline) {
  struct timespec slice;
  if (!real_sem_timedwait) load();
  while (next_slice(deadline, &slice)) {
    if (real_sem_timedwait(semaphore, &slice) == 0) return 0;
    if (errno != ETIMEDOUT) return -1;
  }
  if (sem_trywait(semaphore) == 0) return 0;
  errno = ETIMEDOUT;
  return -1;
}

int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *deadline) {
  struct timespec slice;
  if (!real_mutex_timedlock) load();
  while (next_slice(deadline, &slice)) {
    int result = real_mutex_timedlock(mutex, &slice);
    if (result != ETIMEDOUT) return result;
  }
  return pthread_mutex_trylock(mutex) == 0 ? 0 : ETIMEDOUT;
}
