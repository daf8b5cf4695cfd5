/* SPDX-License-Identifier: Apache-2.0 */
/* Before anything is drawn: the theme that was chosen the last time. Not a module, as those wait. */
"use strict";

(function () {
	let chosen = null;

	try {
		chosen = localStorage.getItem("tapmeter-theme");
	} catch (error) {
		/* a browser that keeps nothing: it goes by the system's */
	}
	if (chosen === "light" || chosen === "dark")
		document.documentElement.dataset.theme = chosen;
})();
