/* Puts program images (Intel HEX or AVR ELF) into a flash array. */
#ifndef TP_AVR_IMAGE_H
#define TP_AVR_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* Longest error text, terminator included. */
#define TP_IMAGE_ERROR_SIZE 256

/* The bytes that an image occupies: from `start` up to, not including, `end` (byte addresses). */
typedef struct {
    uint32_t start;
    uint32_t end;
} tp_image_range;

/*
 * Copy the image at `path` into `flash` (`flash_size` bytes); bytes the image does not name stay as
 * they are. The format is told by the content. `range`, owned by the caller, receives what was
 * written.
 *
 * Returns 0, or -1 with one sentence in `error`: unreadable, malformed, empty, checksum, does not
 * fit. Bytes before the fault may already be in `flash`.
 */
int tp_image_load(const char *path, uint8_t *flash, size_t flash_size, tp_image_range *range,
                  char error[TP_IMAGE_ERROR_SIZE]);

#endif
