/* How fast a library with FFTW's interface transforms one real channel, single precision, bare: CPU microseconds a transform, one line of
   JSON by length. `fft LIBRARY RIGOUR`, where RIGOUR is 0 (measure) or 32 (patient). The library is opened when the program runs,
   so that builds of FFTW, and MKL, which has the same interface, are asked alike. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef void *(*plan_r2c)(int, float *, float *, unsigned);
typedef void (*execute_r2c)(void *, float *, float *);

enum { ROUNDS = 9, SAMPLES = 1 << 21 };
static const int LENGTHS[] = {1024, 2048, 4096, 8192, 10000, 16384, 32768, 65536};

static double cpu_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + 1e-9 * now.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static float *aligned(size_t count) {
    void *memory = NULL;
    if (posix_memalign(&memory, 64, (count * sizeof(float) + 63) / 64 * 64)) exit(1);
    return memory;
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "fft LIBRARY RIGOUR\n"), 2;
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
    if (!library) return fprintf(stderr, "fft: %s\n", dlerror()), 1;
    plan_r2c plan = (plan_r2c)dlsym(library, "fftwf_plan_dft_r2c_1d");
    execute_r2c execute = (execute_r2c)dlsym(library, "fftwf_execute_dft_r2c");
    if (!plan || !execute) return fprintf(stderr, "fft: %s has no FFTW interface\n", argv[1]), 1;
    int count = sizeof LENGTHS / sizeof *LENGTHS;
    printf("{");
    for (int i = 0; i < count; i++) {
        int n = LENGTHS[i], repeats = SAMPLES / n;
        float *in = aligned(n), *out = aligned(n + 2);
        void *p = plan(n, in, out, (unsigned)atoi(argv[2]));
        /* Planning writes to both. */
        for (int t = 0; t < n; t++) in[t] = (float)((t * 7919L + (long)t * t % 1013) % 997) / 500 - 1;
        double rounds[ROUNDS];
        for (int round = -1; round < ROUNDS; round++) {
            double before = cpu_s();
            for (int repeat = 0; repeat < repeats; repeat++) execute(p, in, out);
            /* The first warms caches and clocks. */
            if (round >= 0) rounds[round] = (cpu_s() - before) / repeats;
        }
        qsort(rounds, ROUNDS, sizeof *rounds, ascending);
        printf("%s\"%d\": %.4f", i ? ", " : "", n, 1e6 * rounds[ROUNDS / 2]);
        free(in), free(out);
    }
    printf("}\n");
    return 0;
}
