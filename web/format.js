/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for people. What is not known is a dash. */

export const NONE = "–";

function isNumber(value) {
	return typeof value === "number" && Number.isFinite(value);
}

/* At least three digits, no more than needed. */
function digits(value) {
	if (value >= 99.95 || Number.isInteger(value))
		return value.toFixed(0);
	return value.toFixed(value >= 9.995 ? 1 : 2);
}

function scaled(value, base, units) {
	let unit = 0;
	let rest = Math.abs(value);

	/* what would be rounded to the base is the next unit's 1 */
	while (unit < units.length - 1 && rest >= base * 0.9995) {
		rest /= base;
		unit++;
	}
	return (value < 0 ? "-" : "") + digits(rest) + units[unit];
}

export function count(value) {
	return isNumber(value) ? scaled(value, 1000, ["", " k", " M", " G", " T", " P"]) : NONE;
}

export function rate(value) {
	return isNumber(value) ? count(value) + "/s" : NONE;
}

export function bytes(value) {
	return isNumber(value) ? scaled(value, 1024, [" B", " KiB", " MiB", " GiB", " TiB", " PiB"]) : NONE;
}

export function byteRate(value) {
	return isNumber(value) ? bytes(value) + "/s" : NONE;
}

export function seconds(value) {
	if (!isNumber(value))
		return NONE;
	if (value === 0)
		return "0 s";
	if (value < 0.9995)
		return scaled(value * 1e9, 1000, [" ns", " µs", " ms"]);
	if (value < 120)
		return digits(value) + " s";
	if (value < 7200)
		return digits(value / 60) + " min";
	return value < 172800 ? digits(value / 3600) + " h" : digits(value / 86400) + " d";
}

export function percent(value) {
	return isNumber(value) ? digits(value * 100) + " %" : NONE;
}

/* Of CPU milliseconds per second. */
export function cpu(value) {
	return isNumber(value) ? digits(value / 10) + " %" : NONE;
}

export function clock(unixSeconds) {
	return new Date(unixSeconds * 1000).toLocaleTimeString([], { hour12: false });
}

/* Ids of containers differ at either end. */
export function short(id) {
	return id.length > 26 ? id.slice(0, 12) + "…" + id.slice(-8) : id;
}

export function plural(number, one, many) {
	return number.toLocaleString("en") + " " + (number === 1 ? one : many);
}
