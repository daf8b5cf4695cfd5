/* SPDX-License-Identifier: Apache-2.0 */
/* The document. What comes from outside only ever becomes text here: there is no HTML made of strings. */

export function find(id) {
	return document.getElementById(id);
}

export function make(name, className, text) {
	const element = document.createElement(name);

	if (className)
		element.className = className;
	if (text !== undefined)
		element.textContent = text;
	return element;
}

/* Touches the document only if something changes. */
export function say(element, text) {
	if (element.textContent !== text)
		element.textContent = text;
}

export function show(element, isShown) {
	if (element.hidden === isShown)
		element.hidden = !isShown;
}

export function setAttribute(element, name, value) {
	if (element.getAttribute(name) !== value)
		element.setAttribute(name, value);
}

/* A list of names and values: [[name, value], …], always the same names in the same order, or anew. */
export function fill(list, facts) {
	const terms = [...list.querySelectorAll("dt")];

	if (terms.length !== facts.length || terms.some((term, i) => term.textContent !== facts[i][0])) {
		list.replaceChildren(...facts.map(([name, value]) => {
			const fact = make("div");

			fact.append(make("dt", "", name), make("dd", "", value));
			return fact;
		}));
		return;
	}
	list.querySelectorAll("dd").forEach((value, i) => say(value, facts[i][1]));
}
