/* Keeps simulated time from running ahead of real time. */
#include "pace.h"

#include <time.h>

#define LAG_LIMIT_NS 50000000

int64_t tp_pace_now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t start_anew(tp_pace *self, double speed, int64_t now_ns, uint64_t cycle) {
    self->speed = speed;
    self->start_ns = now_ns;
    self->start_cycle = cycle;
    return 0;
}

int64_t tp_pace_ahead_ns(tp_pace *self, double speed, uint64_t cycle) {
    if (speed <= 0) {
        self->speed = 0;
        return 0;
    }
    const int64_t now_ns = tp_pace_now_ns();
    if (speed != self->speed) {
        return start_anew(self, speed, now_ns, cycle);
    }
    const double simulated_s = (double)(cycle - self->start_cycle) / self->frequency / speed;
    const int64_t ahead_ns = (int64_t)(simulated_s * 1e9) - (now_ns - self->start_ns);
    if (ahead_ns < -LAG_LIMIT_NS) {
        return start_anew(self, speed, now_ns, cycle);
    }
    return ahead_ns > 0 ? ahead_ns : 0;
}
