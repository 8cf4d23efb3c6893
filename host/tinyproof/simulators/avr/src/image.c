/* Puts program images (Intel HEX or AVR ELF) into a flash array. */
#include "image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* avr-gcc places RAM at 0x800000 and EEPROM, fuses and signature above; flash lies below. */
#define AVR_RAM_OFFSET 0x800000u

typedef struct {
    const char *path;
    const uint8_t *bytes;
    size_t size;
    uint8_t *flash;
    size_t flash_size;
    tp_image_range *range;
    char *error;
} loader;

static int fail(const loader *self, const char *reason, unsigned long detail) {
    char text[96];
    (void)snprintf(text, sizeof(text), reason, detail);
    (void)snprintf(self->error, TP_IMAGE_ERROR_SIZE, "%.120s: %s", self->path, text);
    return -1;
}

static int store(const loader *self, uint32_t address, const uint8_t *data, size_t size) {
    if (address > self->flash_size || size > self->flash_size - address) {
        return fail(self, "the image does not fit: it writes beyond the flash, at 0x%lx",
                    (unsigned long)(address + size - 1));
    }
    if (size == 0) {
        return 0;
    }
    memcpy(self->flash + address, data, size);
    const uint32_t end = address + (uint32_t)size;
    if (address < self->range->start) {
        self->range->start = address;
    }
    if (end > self->range->end) {
        self->range->end = end;
    }
    return 0;
}

/* One hex digit's value, or -1. */
static int nibble(uint8_t character) {
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    if (character >= 'A' && character <= 'F') {
        return character - 'A' + 10;
    }
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* Decode the digits after the colon; returns the record's length in bytes, or -1. */
static int decode_record(const uint8_t *text, size_t length, uint8_t record[260]) {
    if (length % 2 != 0 || length / 2 < 5 || length / 2 > 260) {
        return -1;
    }
    uint8_t sum = 0;
    for (size_t i = 0; i < length / 2; i++) {
        const int high = nibble(text[2 * i]);
        const int low = nibble(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return -1;
        }
        record[i] = (uint8_t)(high << 4 | low);
        sum = (uint8_t)(sum + record[i]);
    }
    const bool complete = record[0] + 5u == length / 2;
    return complete && sum == 0 ? (int)(length / 2) : -1;
}

/* Apply one record; returns 1 at the end-of-file record, 0 to go on, -1 on a fault. */
static int apply_record(const loader *self, const uint8_t *record, uint32_t *base) {
    const uint32_t offset = (uint32_t)record[1] << 8 | record[2];
    const uint32_t value = (uint32_t)record[4] << 8 | record[5];
    switch (record[3]) {
    case 0: /* data */
        return store(self, *base + offset, record + 4, record[0]);
    case 1: /* end of file */
        return 1;
    case 2: /* extended segment address */
        *base = value << 4;
        return 0;
    case 4: /* extended linear address */
        *base = value << 16;
        return 0;
    default: /* start addresses mean nothing to an AVR */
        return 0;
    }
}

static int load_hex(const loader *self) {
    uint32_t base = 0;
    unsigned long line = 1;
    for (size_t at = 0; at < self->size; line++) {
        const uint8_t *start = self->bytes + at;
        const uint8_t *stop = memchr(start, '\n', self->size - at);
        size_t length = stop ? (size_t)(stop - start) : self->size - at;
        at += length + 1;
        if (length > 0 && start[length - 1] == '\r') {
            length--;
        }
        if (length == 0) {
            continue;
        }
        uint8_t record[260] = {0};
        if (start[0] != ':' || decode_record(start + 1, length - 1, record) < 0) {
            return fail(self, "line %lu is not a sound Intel HEX record", line);
        }
        const int applied = apply_record(self, record, &base);
        if (applied != 0) {
            return applied < 0 ? -1 : 0;
        }
    }
    return fail(self, "the Intel HEX file ends without its last record (line %lu)", line);
}

static int load_segment(const loader *self, const Elf32_Phdr *segment) {
    if (segment->p_type != PT_LOAD || segment->p_paddr >= AVR_RAM_OFFSET) {
        return 0;
    }
    if (segment->p_offset > self->size || segment->p_filesz > self->size - segment->p_offset) {
        return fail(self, "the ELF file is truncated (%lu bytes)", self->size);
    }
    return store(self, segment->p_paddr, self->bytes + segment->p_offset, segment->p_filesz);
}

static int load_elf(const loader *self) {
    Elf32_Ehdr header;
    if (self->size < sizeof(header)) {
        return fail(self, "the ELF file is truncated (%lu bytes)", self->size);
    }
    memcpy(&header, self->bytes, sizeof(header));
    if (header.e_ident[EI_CLASS] != ELFCLASS32 || header.e_machine != EM_AVR) {
        return fail(self, "the ELF file is for another processor (machine %lu), not for AVR",
                    header.e_machine);
    }
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Elf32_Phdr segment;
        const size_t at = header.e_phoff + i * sizeof(segment);
        if (at > self->size || sizeof(segment) > self->size - at) {
            return fail(self, "the ELF file is truncated (%lu bytes)", self->size);
        }
        memcpy(&segment, self->bytes + at, sizeof(segment));
        if (load_segment(self, &segment) < 0) {
            return -1;
        }
    }
    return 0;
}

static int load_bytes(const loader *self) {
    self->range->start = UINT32_MAX;
    self->range->end = 0;
    const bool elf = self->size >= SELFMAG && memcmp(self->bytes, ELFMAG, SELFMAG) == 0;
    if ((elf ? load_elf(self) : load_hex(self)) < 0) {
        return -1;
    }
    return self->range->end > 0 ? 0 : fail(self, "the image holds no program (%lu bytes)", 0);
}

int tp_image_load(const char *path, uint8_t *flash, size_t flash_size, tp_image_range *range,
                  char error[TP_IMAGE_ERROR_SIZE]) {
    loader self = {
        .path = path, .flash = flash, .flash_size = flash_size, .range = range, .error = error};
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (file < 0 || fstat(file, &about) < 0) {
        (void)snprintf(error, TP_IMAGE_ERROR_SIZE, "%.120s: %s", path, strerror(errno));
        if (file >= 0) {
            (void)close(file);
        }
        return -1;
    }
    self.size = (size_t)about.st_size;
    void *bytes = self.size ? mmap(NULL, self.size, PROT_READ, MAP_PRIVATE, file, 0) : NULL;
    (void)close(file);
    if (bytes == NULL || bytes == MAP_FAILED) {
        return fail(&self, "the file cannot be read or is empty (%lu bytes)", self.size);
    }
    self.bytes = bytes;
    const int result = load_bytes(&self);
    (void)munmap(bytes, self.size);
    return result;
}
