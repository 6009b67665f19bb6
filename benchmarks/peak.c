/* Instruction peak: multiply-adds in every unit and every cycle, all from registers, no memory touched.

       cc -O2 -pthread benchmarks/peak.c -o peak && ./peak 2          (2 threads)

   Prints one JSON object: instructions -> billion operations per second of all threads together; a multiply and an add
   count as two. Kinds that the processor lacks are left out. x86-64, GCC 12 or Clang 15 and newer. */
#include <cpuid.h>
#include <immintrin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { CHAINS = 12, ROUNDS = 1 << 15, REPEATS = 100 }; /* 12 sums in flight hide the latency of the multiply-add */

/* The empty asm statements cost nothing; they keep the compiler from folding the loop or moving work out of it. */
#define NEXT(sum, step) sum = step(sum, x, y); __asm__ volatile("" : "+x"(sum), "+x"(x));
#define KERNEL(name, isa, type, zero, step)                                                                            \
    __attribute__((target(isa))) static void name(void) {                                                              \
        type x = zero, y = zero;                                                                                       \
        __asm__ volatile("" : "+x"(x), "+x"(y));                                                                       \
        type s0 = x, s1 = x, s2 = x, s3 = x, s4 = x, s5 = x, s6 = x, s7 = x, s8 = x, s9 = x, s10 = x, s11 = x;         \
        for (int r = 0; r < ROUNDS; r++) {                                                                             \
            NEXT(s0, step) NEXT(s1, step) NEXT(s2, step) NEXT(s3, step) NEXT(s4, step) NEXT(s5, step)                  \
            NEXT(s6, step) NEXT(s7, step) NEXT(s8, step) NEXT(s9, step) NEXT(s10, step) NEXT(s11, step)                \
        }                                                                                                              \
    }

#define FP32_AVX2(s, x, y) _mm256_fmadd_ps(x, y, s)
#define FP32_AVX512(s, x, y) _mm512_fmadd_ps(x, y, s)
/* Without VNNI an 8-bit multiply-add takes three instructions: products to 16 bit, pairs to 32 bit, the sum. */
#define INT8_AVX2(s, x, y) _mm256_add_epi32(s, _mm256_madd_epi16(_mm256_maddubs_epi16(x, y), y))
#define INT8_AVX_VNNI(s, x, y) _mm256_dpbusd_avx_epi32(s, x, y)
#define INT8_AVX512(s, x, y) _mm512_dpbusd_epi32(s, x, y)
#define BF16_AVX512(s, x, y) _mm512_dpbf16_ps(s, (__m512bh)x, (__m512bh)y)
KERNEL(fp32_avx2, "avx2,fma", __m256, _mm256_setzero_ps(), FP32_AVX2)
KERNEL(fp32_avx512, "avx512f", __m512, _mm512_setzero_ps(), FP32_AVX512)
KERNEL(int8_avx2, "avx2", __m256i, _mm256_setzero_si256(), INT8_AVX2)
KERNEL(int8_avx_vnni, "avxvnni", __m256i, _mm256_setzero_si256(), INT8_AVX_VNNI)
KERNEL(int8_avx512_vnni, "avx512f,avx512vnni", __m512i, _mm512_setzero_si512(), INT8_AVX512)
KERNEL(bf16_avx512, "avx512f,avx512bf16", __m512, _mm512_setzero_ps(), BF16_AVX512)

/* Six accumulator tiles of 16 x 16 numbers; the operands are 16 rows of 64 bytes. */
#define TILES(name, isa, product)                                                                                      \
    __attribute__((target("amx-tile," isa))) static void name(void) {                                                  \
        unsigned char config[64] = {1};                                                                                \
        for (int t = 0; t < 8; t++) config[16 + 2 * t] = 64, config[48 + t] = 16;                                      \
        _tile_loadconfig(config);                                                                                      \
        EACH_TILE(ZERO) ZERO(6) ZERO(7)                                                                                \
        for (int r = 0; r < ROUNDS; r++) {                                                                             \
            EACH_TILE(product)                                                                                         \
        }                                                                                                              \
        _tile_release();                                                                                               \
    }
#define EACH_TILE(what) what(0) what(1) what(2) what(3) what(4) what(5)
#define ZERO(tile) _tile_zero(tile);
#define INT8_PRODUCT(tile) _tile_dpbusd(tile, 6, 7);
#define BF16_PRODUCT(tile) _tile_dpbf16ps(tile, 6, 7);
TILES(int8_amx, "amx-int8", INT8_PRODUCT)
TILES(bf16_amx, "amx-bf16", BF16_PRODUCT)

static int has(unsigned subleaf, char reg, int bit) {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, subleaf, &a, &b, &c, &d)) return 0;
    return ((reg == 'a' ? a : reg == 'b' ? b : reg == 'c' ? c : d) >> bit) & 1;
}

static int tiles_allowed(void) { /* Linux hands out tile registers on request: ARCH_REQ_XCOMP_PERM, feature 18 */
    return has(0, 'd', 24) && syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void *repeat(void *kernel) {
    for (int i = 0; i < REPEATS; i++) ((void (*)(void))kernel)();
    return NULL;
}

static void measure(const char *name, void (*kernel)(void), double operations, int n_threads) {
    static int n_printed;
    double best = 0;
    for (int attempt = 0; attempt < 5; attempt++) {
        pthread_t threads[n_threads];
        double started = now();
        for (int t = 0; t < n_threads; t++) pthread_create(&threads[t], NULL, repeat, (void *)kernel);
        for (int t = 0; t < n_threads; t++) pthread_join(threads[t], NULL);
        double rate = operations * ROUNDS * REPEATS * n_threads / (now() - started) / 1e9;
        if (rate > best) best = rate;
    }
    printf("%s\"%s\": %.1f", n_printed++ ? ", " : "{", name, best);
}

int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 1;
    int avx512 = __builtin_cpu_supports("avx512f"), tiles = tiles_allowed();
    measure("fp32 avx2", fp32_avx2, CHAINS * 8 * 2, n);
    if (avx512) measure("fp32 avx512", fp32_avx512, CHAINS * 16 * 2, n);
    measure("int8 avx2", int8_avx2, CHAINS * 32 * 2, n);
    if (has(1, 'a', 4)) measure("int8 avx_vnni", int8_avx_vnni, CHAINS * 32 * 2, n);
    if (avx512 && has(0, 'c', 11)) measure("int8 avx512_vnni", int8_avx512_vnni, CHAINS * 64 * 2, n);
    if (avx512 && has(1, 'a', 5)) measure("bf16 avx512", bf16_avx512, CHAINS * 32 * 2, n);
    if (tiles && has(0, 'd', 25)) measure("int8 amx", int8_amx, 6.0 * 16 * 16 * 64 * 2, n);
    if (tiles && has(0, 'd', 22)) measure("bf16 amx", bf16_amx, 6.0 * 16 * 16 * 32 * 2, n);
    puts("}");
    return 0;
}
