/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table that is sorted by its headings, searched, and shown a page at a time. Rows keep their elements, and only cells that
 * change are touched; while somebody is in the table, its rows stay where they are.
 */
import { make, say, setAttribute, show } from "./dom.js";

/*
 * `columns` are {name, title?, value(row), write(value, row)?, isNumber?, draw?(cell, row)}: value is what is sorted by,
 * undefined comes last. `key(row)` names a row.
 */
export class Table {
	constructor(element, { columns, key, pager, pageSize = 50, sortBy = null, isFixed = false }) {
		this.body = element.tBodies[0];
		this.columns = columns;
		this.key = key;
		this.pager = pager;
		this.pageSize = pageSize;
		this.page = 0;
		this.rows = [];
		this.elements = new Map();
		this.sorted = sortBy && { column: columns.find((column) => column.name === sortBy), isDown: true };
		this.makeHead(element.tHead, isFixed);
		if (pager)
			pager.addEventListener("click", (event) => this.turn(Number(event.target.dataset.step || 0)));
		this.isHeld = false;
		for (const [type, isHeld] of [["pointerenter", true], ["pointerleave", false], ["focusin", true], ["focusout", false]])
			this.body.addEventListener(type, () => { this.isHeld = isHeld; });
	}

	makeHead(head, isFixed) {
		const row = make("tr");

		this.heads = this.columns.map((column) => {
			const cell = make("th", column.isNumber ? "number" : "");
			const button = make("button", "", column.name);

			cell.scope = "col";
			if (column.title)
				cell.title = column.title;
			button.type = "button";
			button.addEventListener("click", () => this.sort(column));
			if (isFixed || column.draw)
				cell.append(column.name);
			else
				cell.append(button);
			row.append(cell);
			return cell;
		});
		head.replaceChildren(row);
		this.markHead();
	}

	markHead() {
		this.columns.forEach((column, i) => {
			if (this.sorted && this.sorted.column === column)
				this.heads[i].setAttribute("aria-sort", this.sorted.isDown ? "descending" : "ascending");
			else
				this.heads[i].removeAttribute("aria-sort");
		});
	}

	/* Numbers begin with the highest, names with the first. */
	sort(column) {
		const isSame = this.sorted && this.sorted.column === column;

		this.sorted = { column, isDown: isSame ? !this.sorted.isDown : Boolean(column.isNumber) };
		this.page = 0;
		this.order = null;
		this.markHead();
		this.draw(this.rows);
	}

	turn(step) {
		if (!step)
			return;
		this.page += step;
		this.order = null;
		this.draw(this.rows);
	}

	first() {
		this.page = 0;
		this.order = null;
	}

	compare(a, b) {
		const { column, isDown } = this.sorted;
		const x = column.value(a) ?? null;
		const y = column.value(b) ?? null;

		if (x === y)
			return this.key(a) < this.key(b) ? -1 : 1;
		if (x === null || y === null)
			return x === null ? 1 : -1;
		return (x < y) === isDown ? 1 : -1;
	}

	/* Those of the page, in their order: in that of the last time if it is held and all are still there. */
	choose(rows) {
		const byKey = new Map(rows.map((row) => [this.key(row), row]));

		if (this.isHeld && this.order && this.order.every((key) => byKey.has(key)))
			return this.order.map((key) => byKey.get(key));
		const all = this.sorted ? [...rows].sort((a, b) => this.compare(a, b)) : rows;
		const chosen = all.slice(this.page * this.pageSize, (this.page + 1) * this.pageSize);

		this.order = chosen.map(this.key);
		return chosen;
	}

	draw(rows) {
		const pages = Math.max(1, Math.ceil(rows.length / this.pageSize));

		this.rows = rows;
		this.page = Math.min(Math.max(this.page, 0), pages - 1);
		const chosen = this.choose(rows);
		const kept = new Set(chosen.map(this.key));

		for (const [key, element] of this.elements) {
			if (kept.has(key))
				continue;
			element.remove();
			this.elements.delete(key);
		}
		chosen.forEach((row, i) => this.place(row, i));
		if (this.pager)
			this.drawPager(rows.length, pages);
	}

	place(row, i) {
		const key = this.key(row);
		let element = this.elements.get(key);

		if (!element) {
			element = this.makeRow();
			this.elements.set(key, element);
		}
		if (this.body.rows[i] !== element)
			this.body.insertBefore(element, this.body.rows[i] || null);
		this.fillRow(element, row);
	}

	makeRow() {
		const element = make("tr");

		this.columns.forEach((column, i) => {
			const cell = make(i ? "td" : "th", column.isNumber ? "number" : column.className || "");

			if (!i)
				cell.scope = "row";
			element.append(cell);
		});
		return element;
	}

	fillRow(element, row) {
		this.columns.forEach((column, i) => {
			const cell = element.cells[i];

			if (column.draw) {
				column.draw(cell, row);
				return;
			}
			const value = column.value(row);

			if (column.link)
				this.fillLink(cell, String(value), column.write(value), column.link(row));
			else
				say(cell, column.write ? column.write(value, row) : String(value ?? ""));
			if (column.state)
				setAttribute(cell, "data-state", column.state(row));
		});
	}

	fillLink(cell, name, text, address) {
		let link = cell.firstElementChild;

		if (!link) {
			link = make("a");
			cell.append(link);
		}
		say(link, text);
		setAttribute(link, "href", address);
		setAttribute(link, "title", name);
	}

	drawPager(total, pages) {
		const [before, after] = this.pager.querySelectorAll("button");
		const first = this.page * this.pageSize;

		show(this.pager, pages > 1);
		before.disabled = this.page === 0;
		after.disabled = this.page >= pages - 1;
		say(this.pager.querySelector("span"), `${first + 1} to ${Math.min(first + this.pageSize, total)} of ${total}`);
	}
}
