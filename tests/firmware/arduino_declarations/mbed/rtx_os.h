/* CMSIS-RTOS2 (cmsis_os2.h) and Keil RTX5 (RTX/Include/rtx_os.h). */
#ifndef TP_TEST_RTX_OS_H
#define TP_TEST_RTX_OS_H

#include <stdint.h>

typedef void *osThreadId_t;

extern "C" {
osThreadId_t osThreadGetId(void);
uint32_t osKernelGetSysTimerCount(void);
uint32_t osKernelGetSysTimerFreq(void);
}

/* The thread's control block; its other fields do not matter here. */
typedef struct osRtxThread_s {
    void *stack_mem;
    uint32_t stack_size;
} osRtxThread_t;

#endif
