/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/livestat_number.h"

#define MILLION 1000000u
#define BILLION 1000000000u

/* Products of 64 bits that are divided again. */
typedef unsigned __int128 wide;

int livestat_is_number(struct livestat_number n)
{
	return n.kind == LIVESTAT_WHOLE || n.kind == LIVESTAT_REAL;
}

struct livestat_number livestat_whole(uint64_t value)
{
	return (struct livestat_number){ .kind = LIVESTAT_WHOLE, .whole = value };
}

struct livestat_number livestat_scaled(uint64_t value, uint32_t per_unit)
{
	return (struct livestat_number){
		.kind = LIVESTAT_REAL,
		.whole = value / per_unit,
		.billionths = (uint32_t)(value % per_unit) * (BILLION / per_unit),
	};
}

static struct livestat_number from_millionths(wide millionths)
{
	struct livestat_number n = { .kind = LIVESTAT_REAL };

	if (millionths / MILLION > UINT64_MAX) {
		n.whole = UINT64_MAX;
		return n;
	}
	n.whole = (uint64_t)(millionths / MILLION);
	n.billionths = (uint32_t)(millionths % MILLION) * (BILLION / MILLION);
	return n;
}

struct livestat_number livestat_ratio(uint64_t delta, uint32_t times, uint64_t ns)
{
	return from_millionths(((wide)delta * times * MILLION + ns / 2) / ns);
}

struct livestat_number livestat_real(double value)
{
	if (value >= 1e18)
		return (struct livestat_number){ .kind = LIVESTAT_REAL, .whole = UINT64_MAX };
	return from_millionths((wide)(value * MILLION + 0.5));
}

double livestat_double(struct livestat_number n)
{
	return livestat_is_number(n) ? (double)n.whole + n.billionths / (double)BILLION : 0;
}

struct livestat_number livestat_max(struct livestat_number a, struct livestat_number b)
{
	if (!livestat_is_number(a))
		return b;
	if (!livestat_is_number(b) || a.whole > b.whole)
		return a;
	return a.whole == b.whole && a.billionths > b.billionths ? a : b;
}

/* ---- text ---- */

/* ".5": so many digits of a fraction, without zeroes at its end; nothing for 0. */
static void add_fraction(struct strbuf *out, uint32_t fraction, size_t digits)
{
	char text[10] = ".";
	size_t len = digits + 1;

	if (!fraction)
		return;
	for (size_t i = digits; i > 0; i--) {
		text[i] = (char)('0' + fraction % 10);
		fraction /= 10;
	}
	while (text[len - 1] == '0')
		len--;
	strbuf_add(out, text, len);
}

void livestat_add_json(struct strbuf *out, struct livestat_number n)
{
	if (!livestat_is_number(n)) {
		strbuf_add(out, "null", 4);
		return;
	}
	livestat_add_decimal(out, n);
	if (n.kind == LIVESTAT_REAL && !n.billionths)
		strbuf_add(out, ".0", 2);
}

void livestat_add_decimal(struct strbuf *out, struct livestat_number n)
{
	if (!livestat_is_number(n)) {
		strbuf_addch(out, '0');
		return;
	}
	strbuf_addu64(out, n.whole);
	add_fraction(out, n.billionths, 9);
}

/* n / per_unit; exactly half goes to the even side. */
static wide divide_half_even(wide n, wide per_unit)
{
	wide quotient = n / per_unit, rest = n % per_unit;

	if (rest > per_unit - rest || (rest == per_unit - rest && quotient % 2))
		quotient++;
	return quotient;
}

void livestat_add_rounded(struct strbuf *out, struct livestat_number n)
{
	uint32_t thousandths = (uint32_t)divide_half_even(n.billionths, MILLION);
	uint64_t whole = n.whole;

	if (!livestat_is_number(n)) {
		strbuf_addch(out, '0');
		return;
	}
	if (thousandths == 1000 && whole < UINT64_MAX) {
		whole++;
		thousandths = 0;
	}
	strbuf_addu64(out, whole);
	add_fraction(out, thousandths % 1000, 3);
}

uint64_t livestat_percent(struct livestat_number n, struct livestat_number capacity)
{
	wide part = (wide)n.whole * BILLION + n.billionths;
	wide all = (wide)capacity.whole * BILLION + capacity.billionths;
	wide hundredths = livestat_is_number(n) ? divide_half_even(part * 10000, all) : 0;

	return hundredths < UINT64_MAX ? (uint64_t)hundredths : UINT64_MAX;
}
