/* Arduino.h without its warnings: prepare.py makes warnings errors for our own sources, and the
 * cores' headers are not ours.
 *
 * Not as a system header: gcc before 9 takes those for C, where f() takes any arguments.
 */
#ifndef TP_CORE_H
#define TP_CORE_H

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas" /* not every gcc knows all of these */
#pragma GCC diagnostic ignored "-Wattributes"
#pragma GCC diagnostic ignored "-Wcast-function-type"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wdeprecated-copy"
#pragma GCC diagnostic ignored "-Wempty-body"
#pragma GCC diagnostic ignored "-Wignored-qualifiers"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wregister"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wtype-limits"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wvolatile"
#include <Arduino.h>
#pragma GCC diagnostic pop

#endif
