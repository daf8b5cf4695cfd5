/* SPDX-License-Identifier: Apache-2.0 */
#include "util/relay_settings.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void relay_settings_init(struct relay_settings *settings)
{
	memset(settings, 0, sizeof(*settings));
	settings->header = (struct relay_header){
		.version = RELAY_PROTO_VERSION,
		.kind = RELAY_SETTINGS,
		.size = sizeof(*settings),
	};
}

int relay_settings_add(struct relay_settings *settings, const char *name, const char *value)
{
	size_t room = sizeof(settings->text) - settings->len;
	int len = snprintf(settings->text + settings->len, room, "%s=%s", name, value);

	if (len < 0 || (size_t)len >= room) {
		memset(settings->text + settings->len, 0, room);
		return -E2BIG;
	}
	settings->len += (uint32_t)len + 1;
	return 0;
}

int relay_settings_add_u64(struct relay_settings *settings, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return relay_settings_add(settings, name, text);
}

const char *relay_settings_get(const struct relay_settings *settings, const char *name)
{
	size_t name_len = strlen(name);

	for (uint32_t at = 0; at < settings->len; at += (uint32_t)strlen(settings->text + at) + 1) {
		const char *text = settings->text + at;

		if (!strncmp(text, name, name_len) && text[name_len] == '=')
			return text + name_len + 1;
	}
	return NULL;
}

uint64_t relay_settings_get_u64(const struct relay_settings *settings, const char *name)
{
	const char *text = relay_settings_get(settings, name);

	return text ? strtoull(text, NULL, 10) : 0;
}

int relay_settings_check(const struct relay_settings *settings)
{
	if (settings->header.version != RELAY_PROTO_VERSION ||
	    settings->header.kind != RELAY_SETTINGS || settings->header.size != sizeof(*settings) ||
	    settings->len > sizeof(settings->text) ||
	    (settings->len && settings->text[settings->len - 1]))
		return -EPROTO;
	return 0;
}
