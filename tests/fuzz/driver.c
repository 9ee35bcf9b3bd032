/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs a fuzz target without a fuzzer, so that its corpus is part of every `make check`:
 *
 *     TARGET FILE|DIRECTORY...
 *
 * Each input is run as it is, cut at every byte, and with a fixed number of bytes changed (the same
 * ones each time). A fuzzer's build (configure --enable-fuzzing) has a main of its own instead.
 * Exits 1 if there was no input at all: a corpus that is not found must not pass.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20, CHANGES = 256 };

static unsigned long inputs, runs;

/* On a buffer of exactly this size, so that the sanitizer sees a step too far. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        exit(1);
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    runs++;
}

static void run_changed(uint8_t *data, size_t size)
{
    uint32_t state = 2463534242u; /* xorshift */
    for (int i = 0; i < CHANGES && size > 0; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        size_t at = (state >> 8) % size;
        uint8_t old = data[at];
        data[at] = (uint8_t)state;
        run(data, size);
        data[at] = old;
    }
}

static void run_file(const char *path)
{
    FILE *file = fopen(path, "re");
    uint8_t *data = malloc(INPUT_MAX);
    if (!file || !data) {
        perror(path);
        exit(1);
    }
    size_t size = fread(data, 1, INPUT_MAX, file);
    fclose(file);
    inputs++;
    run(data, size);
    for (size_t cut = 0; cut<size; cut += size> 4096 ? 61 : 1)
        run(data, cut);
    run_changed(data, size);
    free(data);
}

static void run_path(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0) {
        perror(path);
        exit(1);
    }
    if (!S_ISDIR(st.st_mode)) {
        run_file(path);
        return;
    }
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            run_file(name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    printf("%s: %lu inputs, %lu runs\n", argv[0], inputs, runs);
    return inputs > 0 ? 0 : 1;
}
