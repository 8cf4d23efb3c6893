/* A simulated Arduino board on a serial port: see docs/simulators.md. */
#include "options.h"
#include "session.h"

int main(int count, char *words[]) {
    tp_options options;
    const int parsed = tp_options_parse(&options, count, words);
    if (parsed != 0) {
        return parsed > 0 ? 0 : 2;
    }
    tp_session session;
    const int begun = tp_session_begin(&session, &options);
    if (begun == 0) {
        tp_session_run(&session);
    }
    tp_session_end(&session);
    return -begun; /* 1: cannot start, 2: bad usage or image */
}
