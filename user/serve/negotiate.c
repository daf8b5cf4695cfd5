/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/negotiate.h"
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* A piece of a header: not NUL-terminated. */
struct piece {
	const char *text;
	size_t len;
};

static int is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct piece trim(struct piece p)
{
	while (p.len && is_blank(p.text[0])) {
		p.text++;
		p.len--;
	}
	while (p.len && is_blank(p.text[p.len - 1]))
		p.len--;
	return p;
}

/* Cuts the piece up to `separator` off the front of *rest. 0 when there is nothing left. */
static int next_piece(struct piece *rest, char separator, struct piece *piece)
{
	const char *end;

	if (!rest->text)
		return 0;
	end = rest->len ? memchr(rest->text, separator, rest->len) : NULL;
	if (end) {
		size_t len = (size_t)(end - rest->text);

		*piece = trim((struct piece){ rest->text, len });
		*rest = (struct piece){ end + 1, rest->len - len - 1 };
	} else {
		*piece = trim(*rest);
		*rest = (struct piece){ NULL, 0 };
	}
	return 1;
}

static int equals(struct piece p, const char *text)
{
	return p.text && p.len == strlen(text) && !strncasecmp(p.text, text, p.len);
}

/* name=value or name="value"; the value if the name is this one, else .text NULL. */
static struct piece parameter(struct piece p, const char *name)
{
	struct piece key;

	if (!memchr(p.text, '=', p.len) || !next_piece(&p, '=', &key) || !equals(key, name))
		return (struct piece){ NULL, 0 };
	p = trim(p);
	if (p.len >= 2 && p.text[0] == '"' && p.text[p.len - 1] == '"')
		p = (struct piece){ p.text + 1, p.len - 2 };
	return p;
}

/* "0", "0.5", "1.000" as thousandths; -1 if it is no such thing (RFC 9110, 12.4.2). */
static int parse_weight(struct piece p)
{
	int weight = 0, digit = 1000;

	if (!p.len || p.len > 5 || (p.text[0] != '0' && p.text[0] != '1') ||
	    (p.len > 1 && p.text[1] != '.'))
		return -1;
	for (size_t i = 0; i < p.len; i++) {
		if (i == 1)
			continue;
		if (p.text[i] < '0' || p.text[i] > '9')
			return -1;
		weight += (p.text[i] - '0') * digit;
		digit /= 10;
	}
	return weight <= 1000 ? weight : -1;
}

/* One element of Accept. */
struct range {
	struct piece type;
	/* parameters; .text NULL = not given */
	struct piece version;
	struct piece proto;
	struct piece encoding;
	struct piece escaping;
	int weight; /* thousandths, -1 = malformed */
};

static void keep_parameter(struct piece piece, const char *name, struct piece *value)
{
	struct piece found = parameter(piece, name);

	if (found.text)
		*value = found;
}

static struct range parse_range(struct piece element)
{
	struct range range = { .weight = 1000 };
	struct piece piece, value;

	next_piece(&element, ';', &range.type);
	while (next_piece(&element, ';', &piece)) {
		if (!piece.len)
			continue;
		keep_parameter(piece, "version", &range.version);
		keep_parameter(piece, "proto", &range.proto);
		keep_parameter(piece, "encoding", &range.encoding);
		keep_parameter(piece, "escaping", &range.escaping);
		value = parameter(piece, "q");
		if (value.text)
			range.weight = parse_weight(value);
	}
	return range;
}

struct offer {
	const char *type;
	const char *any_subtype;
	/* what parameters must say, if they are given */
	const char *version;
	const char *proto;
	const char *encoding;
};

static const struct offer offers[] = {
	[EXPOSITION_TEXT] = { "text/plain", "text/*", "0.0.4", NULL, NULL },
	[EXPOSITION_OPENMETRICS] = { "application/openmetrics-text", "application/*", "1.0.0", NULL,
				     NULL },
	[EXPOSITION_PROTOBUF] = { "application/vnd.google.protobuf", "application/*", NULL,
				  "io.prometheus.client.MetricFamily", "delimited" },
};
#define OFFERS (sizeof(offers) / sizeof(offers[0]))

/* A parameter that is not given, or that we have no say in, fits. */
static int fits(struct piece given, const char *ours)
{
	return !given.text || !ours || equals(given, ours);
}

/*
 * How closely the range names the offer: 0 = not at all. Of several ranges the closest one counts.
 */
static int closeness(const struct range *range, const struct offer *offer)
{
	if (equals(range->type, offer->type)) {
		if (!fits(range->version, offer->version) || !fits(range->proto, offer->proto) ||
		    !fits(range->encoding, offer->encoding))
			return 0;
		return range->version.text || range->proto.text || range->encoding.text ? 4 : 3;
	}
	if (equals(range->type, offer->any_subtype))
		return 2;
	return equals(range->type, "*/*");
}

/* What the client thinks of one offer. */
struct opinion {
	int closeness;
	int weight;
	int place; /* of the range in the header */
	struct piece escaping;
};

static struct opinion opinion_of(const char *accept, const struct offer *offer)
{
	struct opinion best = { 0 };
	struct piece rest = { accept, strlen(accept) }, element;

	for (int place = 0; next_piece(&rest, ',', &element); place++) {
		struct range range = parse_range(element);
		int close = closeness(&range, offer);

		if (range.weight >= 0 && close > best.closeness)
			best = (struct opinion){ close, range.weight, place, range.escaping };
	}
	return best;
}

#define TEXT "text/plain; version=0.0.4; charset=utf-8"
#define OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define PROTOBUF                            \
	"application/vnd.google.protobuf; " \
	"proto=io.prometheus.client.MetricFamily; encoding=delimited"
#define WITH_SCHEMES(type)                                                          \
	{                                                                           \
		type, type "; escaping=allow-utf-8", type "; escaping=underscores", \
			type "; escaping=dots", type "; escaping=values"            \
	}
#define SCHEMES 4

/* The older format knows of no schemes. */
static const char *content_type(enum exposition_format format, struct piece escaping)
{
	static const char *const schemes[SCHEMES] = { "allow-utf-8", "underscores", "dots",
						      "values" };
	static const char *const types[][1 + SCHEMES] = {
		[EXPOSITION_TEXT] = { TEXT, TEXT, TEXT, TEXT, TEXT },
		[EXPOSITION_OPENMETRICS] = WITH_SCHEMES(OPENMETRICS),
		[EXPOSITION_PROTOBUF] = WITH_SCHEMES(PROTOBUF),
	};

	for (size_t i = 0; i < SCHEMES; i++) {
		if (escaping.text && equals(escaping, schemes[i]))
			return types[format][1 + i];
	}
	return types[format][0];
}

struct negotiated negotiate_format(const char *accept)
{
	struct opinion best = { 0 };
	struct negotiated result = { EXPOSITION_TEXT, NULL };

	for (size_t i = 0; i < OFFERS && accept; i++) {
		struct opinion opinion = opinion_of(accept, &offers[i]);

		if (opinion.weight < best.weight || !opinion.weight)
			continue;
		/* wanted equally: what the client names first; by one wildcard: the older format */
		if (opinion.weight > best.weight || opinion.place < best.place) {
			best = opinion;
			result.format = (enum exposition_format)i;
		}
	}
	result.content_type = content_type(result.format, best.escaping);
	return result;
}

int negotiate_gzip(const char *accept_encoding)
{
	struct piece rest = { accept_encoding, accept_encoding ? strlen(accept_encoding) : 0 };
	struct piece element;
	int gzip = -1, any = -1;

	while (next_piece(&rest, ',', &element)) {
		struct range range = parse_range(element);

		if (equals(range.type, "gzip") || equals(range.type, "x-gzip"))
			gzip = range.weight;
		else if (equals(range.type, "*"))
			any = range.weight;
	}
	return gzip >= 0 ? gzip > 0 : any > 0;
}
