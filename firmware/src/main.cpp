/* Starts the firmware and keeps it going; the port library calls these from its main() or setup()
 * and loop(). */
#include "engine.h"
#include "port.h"
#include "tp_wire.h"

static tp_wire_t wire; /* all state of the firmware outside engine and port */

void tp_firmware_init(void) {
    const uint8_t cause = tp_port_init();
    tp_wire_init(&wire, cause);
}

void tp_firmware_poll(void) {
    tp_wire_poll(&wire);
}
