/* Keeps simulated time from running ahead of real time. */
#ifndef TP_AVR_PACE_H
#define TP_AVR_PACE_H

#include <stdint.h>

typedef struct {
    double speed;         /* simulated seconds per real second; 0: as fast as it goes */
    uint32_t frequency;   /* cycles per simulated second */
    int64_t start_ns;     /* an instant of real time ... */
    uint64_t start_cycle; /* ... and the simulated one that belongs to it */
} tp_pace;

/* The monotonic clock, nanoseconds. */
int64_t tp_pace_now_ns(void);

/*
 * How far `cycle` is ahead of real time at `speed`, nanoseconds, at least 0. A change of speed, or
 * falling behind by more than 50 ms, starts anew from here: time lost is not made up for in a rush.
 */
int64_t tp_pace_ahead_ns(tp_pace *self, double speed, uint64_t cycle);

#endif
