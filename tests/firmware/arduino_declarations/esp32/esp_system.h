/* ESP-IDF 4.4 and 5.5, components/esp_system/include/esp_system.h; later versions add reasons. */
#ifndef TP_TEST_ESP_SYSTEM_H
#define TP_TEST_ESP_SYSTEM_H

typedef enum {
    ESP_RST_UNKNOWN,
    ESP_RST_POWERON,
    ESP_RST_EXT,
    ESP_RST_SW,
    ESP_RST_PANIC,
    ESP_RST_INT_WDT,
    ESP_RST_TASK_WDT,
    ESP_RST_WDT,
    ESP_RST_DEEPSLEEP,
    ESP_RST_BROWNOUT,
    ESP_RST_SDIO,
} esp_reset_reason_t;

extern "C" {
void esp_restart(void) __attribute__((noreturn));
esp_reset_reason_t esp_reset_reason(void);
}

#endif
