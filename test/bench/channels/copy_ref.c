/*
 * What src-worker/channels does, in C: copies between a file of guest RAM and fixed places in a mapped-ram file, from
 * buffers on huge pages. Its time is what the channels are measured against.
 *
 *   copy_ref save RAM FILE BYTES CHANNELS DIGESTS       FILE is new; direct I/O, then fdatasync
 *   copy_ref load RAM FILE BYTES CHANNELS PAGES         RAM is new; PAGES: which are to be copied, a bit each
 *
 * gcc -O3 -march=native -pthread; needs xxhash.h. Prints {"seconds", "cpu", "bytes"} as JSON.
 */
#define _GNU_SOURCE
#define XXH_INLINE_ALL
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

enum { PAGE = 4096, MIB = 1 << 20, HUGE = 2 << 20, BUFFER = 4 << 20, EXTENT = 16 << 20 };
enum { SHORT_RUN = 64 << 10, LONG_RUN = 256 << 10 };

static const char *ram_path, *file_path;
static long total;
static int channels, digests, saves;
static unsigned char *pages;
static atomic_long cursor, written, cpu_us;
static atomic_ulong sink;
static pthread_barrier_t start;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

static long thread_cpu_us(void) {
  struct rusage used;
  getrusage(RUSAGE_THREAD, &used);
  return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000L + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

static int holds_data(const char *page) {
  const uint64_t *words = (const uint64_t *)page;
  if (words[0] | words[PAGE / 16] | words[PAGE / 8 - 1]) return 1;
  for (int at = 0; at < PAGE / 8; at += 32) {
    uint64_t any = 0;
    for (int word = 0; word < 32; word++) any |= words[at + word];
    if (any) return 1;
  }
  return 0;
}

static void whole(ssize_t done, long wanted, const char *what) {
  if (done != wanted) die(what);
}

static void write_run(int direct, int cached, const char *bytes, long length, long at) {
  if (length >= LONG_RUN && fallocate(direct, 0, at, length) != 0) die("fallocate");
  whole(pwrite(length < SHORT_RUN ? cached : direct, bytes, length, at), length, "pwrite");
}

/* Answers the bytes written. */
static long save_chunk(int ram, int direct, int cached, char *buffer, long at, long length) {
  static _Thread_local unsigned char holds[BUFFER / PAGE];
  long count = length / PAGE, bytes = 0;
  for (long off = 0; off < length; off += MIB) {
    int any = 0;
    whole(pread(ram, buffer + off, MIB, at + off), MIB, "pread");
    for (long page = off / PAGE; page < (off + MIB) / PAGE; page++) any |= holds[page] = holds_data(buffer + page * PAGE);
    if (digests && any) atomic_fetch_xor(&sink, XXH3_64bits(buffer + off, MIB));
  }
  for (long first = 0; first < count;) {
    if (!holds[first]) {
      first++;
      continue;
    }
    long end = first + 1;
    while (end < count && holds[end]) end++;
    write_run(direct, cached, buffer + first * PAGE, (end - first) * PAGE, at + first * PAGE);
    bytes += (end - first) * PAGE;
    first = end;
  }
  return bytes;
}

static long load_chunk(int ram, int file, char *buffer, long at, long length) {
  long count = length / PAGE, bytes = 0, base = at / PAGE;
#define WANTED(page) (pages[(base + (page)) >> 3] >> ((base + (page)) & 7) & 1)
  for (long first = 0; first < count;) {
    if (!WANTED(first)) {
      first++;
      continue;
    }
    long end = first + 1;
    while (end < count && WANTED(end)) end++;
    long size = (end - first) * PAGE;
    whole(pread(file, buffer, size, at + first * PAGE), size, "pread");
    whole(pwrite(ram, buffer, size, at + first * PAGE), size, "pwrite");
    bytes += size;
    first = end;
  }
  return bytes;
}

static void *channel(void *unused) {
  int ram = open(ram_path, saves ? O_RDONLY : O_WRONLY);
  int cached = open(file_path, saves ? O_WRONLY : O_RDONLY);
  int direct = saves ? open(file_path, O_WRONLY | O_DIRECT) : cached;
  if (ram < 0 || cached < 0 || direct < 0) die("open");
  char *memory = mmap(NULL, BUFFER + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *buffer = (char *)(((uintptr_t)memory + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
  madvise(buffer, BUFFER, MADV_HUGEPAGE);
  memset(buffer, 1, BUFFER);
  pthread_barrier_wait(&start);
  long before = thread_cpu_us(), bytes = 0;
  for (long from; (from = atomic_fetch_add(&cursor, EXTENT)) < total;) {
    long end = from + EXTENT < total ? from + EXTENT : total, chunk = MIB;
    for (long at = from; at < end;) {
      long length = end - at < chunk ? end - at : chunk;
      long copied = saves ? save_chunk(ram, direct, cached, buffer, at, length) : load_chunk(ram, cached, buffer, at, length);
      chunk = saves && copied == length ? BUFFER : MIB;
      bytes += copied;
      at += length;
    }
  }
  written += bytes;
  cpu_us += thread_cpu_us() - before;
  return unused;
}

int main(int count, char **words) {
  if (count != 7) return 2;
  saves = strcmp(words[1], "save") == 0;
  ram_path = words[2];
  file_path = words[3];
  total = atol(words[4]);
  channels = atoi(words[5]);
  const char *target = saves ? file_path : ram_path;
  int fd = open(target, O_CREAT | O_EXCL | O_RDWR, 0600);
  if (fd < 0 || ftruncate(fd, total) != 0) die(target);
  if (saves) {
    digests = atoi(words[6]);
  } else {
    long length = total / PAGE / 8;
    FILE *bits = fopen(words[6], "rb");
    pages = malloc(length);
    if (!bits || fread(pages, 1, length, bits) != (size_t)length) die(words[6]);
    fclose(bits);
  }
  pthread_t threads[16];
  pthread_barrier_init(&start, NULL, channels + 1);
  for (int one = 0; one < channels; one++) pthread_create(&threads[one], NULL, channel, NULL);
  pthread_barrier_wait(&start);
  double begun = seconds();
  for (int one = 0; one < channels; one++) pthread_join(threads[one], NULL);
  if (saves && fdatasync(fd) != 0) die("fdatasync");
  double took = seconds() - begun;
  printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"bytes\": %ld}\n", took, cpu_us * 1e-6, (long)written);
  return 0;
}
