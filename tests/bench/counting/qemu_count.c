/* QEMU plugin: counts the instructions executed from one function's entry to another's.
 *
 * -plugin qemu_count.so,start=ADDRESS,stop=ADDRESS prints "instructions N" to stderr when `stop` is
 * reached. Whole translation blocks are counted: both addresses begin one, being branch targets.
 * Declares the few functions it needs (QEMU's TCG plugin API, version 1): no package ships its
 * header.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef struct qemu_plugin_tb qemu_plugin_tb_t;

extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                                  void (*cb)(uint64_t, qemu_plugin_tb_t *));
extern void qemu_plugin_register_vcpu_tb_exec_cb(qemu_plugin_tb_t *tb,
                                                 void (*cb)(unsigned int, void *), int flags,
                                                 void *userdata);
extern size_t qemu_plugin_tb_n_insns(const qemu_plugin_tb_t *tb);
extern uint64_t qemu_plugin_tb_vaddr(const qemu_plugin_tb_t *tb);

EXPORT int qemu_plugin_version = 1;

static uint64_t start_address, stop_address, count;
static int counting;

static void on_start(unsigned int cpu, void *instructions) {
    (void)cpu;
    count = (uintptr_t)instructions;
    counting = 1;
}

static void on_block(unsigned int cpu, void *instructions) {
    (void)cpu;
    count += (uintptr_t)instructions;
}

static void on_stop(unsigned int cpu, void *unused) {
    (void)cpu;
    (void)unused;
    if (counting) {
        fprintf(stderr, "instructions %" PRIu64 "\n", count);
        counting = 0;
    }
}

static void on_translation(uint64_t id, qemu_plugin_tb_t *tb) {
    const uint64_t address = qemu_plugin_tb_vaddr(tb);
    void (*const action)(unsigned int, void *) = address == start_address  ? on_start
                                                 : address == stop_address ? on_stop
                                                                           : on_block;

    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, action, 0, (void *)qemu_plugin_tb_n_insns(tb));
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv) {
    int i;

    (void)info;
    for (i = 0; i < argc; i++) {
        if (strncmp(argv[i], "start=", 6) == 0) {
            start_address = strtoull(argv[i] + 6, NULL, 0);
        } else if (strncmp(argv[i], "stop=", 5) == 0) {
            stop_address = strtoull(argv[i] + 5, NULL, 0);
        }
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    return 0;
}
