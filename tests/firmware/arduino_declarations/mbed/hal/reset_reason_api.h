/* Mbed OS 6, hal/include/hal/reset_reason_api.h: all of it is there if DEVICE_RESET_REASON is. */
#ifndef TP_TEST_RESET_REASON_API_H
#define TP_TEST_RESET_REASON_API_H

#if DEVICE_RESET_REASON
typedef enum {
    RESET_REASON_POWER_ON,
    RESET_REASON_PIN_RESET,
    RESET_REASON_BROWN_OUT,
    RESET_REASON_SOFTWARE,
    RESET_REASON_WATCHDOG,
    RESET_REASON_LOCKUP,
    RESET_REASON_WAKE_LOW_POWER,
    RESET_REASON_ACCESS_ERROR,
    RESET_REASON_BOOT_ERROR,
    RESET_REASON_MULTIPLE,
    RESET_REASON_PLATFORM,
    RESET_REASON_UNKNOWN,
} reset_reason_t;

extern "C" reset_reason_t hal_reset_reason_get(void);
#endif

#endif
