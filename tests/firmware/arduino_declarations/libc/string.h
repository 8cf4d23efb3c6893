/* The part of <string.h> that the firmware uses. Source: ISO C11, 7.24. */
#ifndef TP_TEST_STRING_H
#define TP_TEST_STRING_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t size);
void *memmove(void *dst, const void *src, size_t size);
void *memset(void *dst, int value, size_t size);
int memcmp(const void *one, const void *two, size_t size);
size_t strlen(const char *text);

#endif
